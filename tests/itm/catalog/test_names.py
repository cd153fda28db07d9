"""DNS names in normal form."""

from __future__ import annotations

import pytest

from itm.catalog.cursor import Cursor
from itm.catalog.names import closest, read_name


@pytest.mark.parametrize("text", ["gw.example.net.", "GW.Example.net", "_x._tcp.a-b.c."])
def test_normal_form(text: str) -> None:
    """Names are lower-case and end with a dot."""
    assert read_name(Cursor(None, "f", "", []), text) == text.lower().removesuffix(".") + "."


@pytest.mark.parametrize(
    "text", ["", ".", "a..b.", "-a.b.", "a-.b.", "a b.c.", "ä.de.", "a." * 128, "x" * 64, "*.a."]
)
def test_wrong_names(text: str) -> None:
    """What is no host name, or too long for the wire, is refused."""
    reasons: list[str] = []
    assert read_name(Cursor(None, "f", "p", reasons), text) == ""
    assert len(reasons) == 1


def test_within() -> None:
    """A zone holds its apex and what ends in it at a label's border."""
    zones = {"example.net.", "b.example.net."}
    assert closest("example.net.", zones) == "example.net."
    assert closest("c.example.net.", zones) == "example.net."
    assert closest("a.b.example.net.", zones) == "b.example.net."
    assert closest("badexample.net.", zones) == ""
    assert closest("net.", zones) == ""
