"""The closed list of close codes."""

from __future__ import annotations

from pathlib import Path

from gateway.protocol.codes import CloseCode, from_name, from_number

PARTIES = {1: "client", 2: "pop", 3: "broker", 4: "connector", 5: "vda"}


def test_name_and_number_name_the_same_party() -> None:
    """The hundreds are the party, no number is given twice, every code has a text."""
    assert len({code.number for code in CloseCode}) == len(CloseCode)
    for code in CloseCode:
        assert PARTIES[code.number // 100] == code.party
        assert code.text
        assert from_number(code.number) is from_name(str(code)) is code


def test_an_unknown_code_still_blames_the_right_party() -> None:
    """A newer peer's code becomes its party's `_other`."""
    assert from_number(477) is from_name("connector_on_fire") is CloseCode.CONNECTOR_OTHER
    assert from_number(0) is from_number(60_000) is from_name("") is CloseCode.POP_OTHER


def test_the_document_holds_the_list() -> None:
    """docs/protocol.md gives number, name and text of every code, in order."""
    document = (Path(__file__).parents[3] / "docs" / "protocol.md").read_text()
    rows = "\n".join(f"| {code.number} | `{code}` | {code.text} |" for code in CloseCode)
    assert rows in document
