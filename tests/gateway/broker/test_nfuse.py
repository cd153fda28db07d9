from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.broker import nfuse
from gateway.broker.nfuse import Application, User
from gateway.errors import Invalid, Refused
from tests.gateway.broker.farm import Farm, Published, document

ANN = User("ann", "CORP")
FARM = Farm(
    [
        Published("Notepad", "10.0.0.5:1494", description="Writes & reads <text>", folder="Tools"),
        Published("Bürotisch", "vda.corp:3389", users=("ann",), is_desktop=True),
        Published("Ledger", "10.0.0.7:1494", users=("bob",)),
        Published("Old", "10.0.0.8:1494", is_disabled=True),
    ],
    {"ann": "pass<word>"},
)


def test_a_user_sees_what_is_theirs() -> None:
    """By name, with what people read; disabled ones and other people's are not there."""
    found = nfuse.read_applications(FARM.respond(nfuse.request_applications(ANN)))
    assert found == (
        Application("Bürotisch-id", "Bürotisch", is_desktop=True),
        Application("Notepad-id", "Notepad", "Tools", "Writes & reads <text>"),
    )
    anybody = nfuse.read_applications(FARM.respond(nfuse.request_applications(None)))
    assert [each.name for each in anybody] == ["Notepad"]


def test_the_address_of_an_application() -> None:
    """Asked by its id; not for one who may not open it."""
    assert nfuse.read_address(FARM.respond(nfuse.request_address("Bürotisch-id", ANN))) == ("vda.corp", 3389)
    with pytest.raises(Refused, match="the controller refused: unspecified"):
        nfuse.read_address(FARM.respond(nfuse.request_address("Ledger-id", ANN)))


def test_a_password() -> None:
    """Right, wrong, and a domain that the controller does not know."""
    nfuse.read_validation(FARM.respond(nfuse.request_validation(ANN, "pass<word>")))
    for user, password in ((ANN, "wrong"), (User("ann", "OTHER"), "pass<word>"), (User("bob", "CORP"), "")):
        with pytest.raises(Refused, match="bad-credentials"):
            nfuse.read_validation(FARM.respond(nfuse.request_validation(user, password)))


@pytest.mark.parametrize(
    ("kind", "text", "expected"),
    [
        ("dot-port", "10.0.0.5:1494", ("10.0.0.5", 1494)),
        ("dns-port", "vda.corp:443", ("vda.corp", 443)),
        ("dot", "10.0.0.5", ("10.0.0.5", 1494)),
        ("dns", "vda.corp", ("vda.corp", 1494)),
        ("ipv6", "2001:db8::5", ("2001:db8::5", 1494)),
        ("ipv6-port", "[2001:db8::5]:80", ("2001:db8::5", 80)),
    ],
)
def test_forms_of_an_address(kind: str, text: str, expected: tuple[str, int]) -> None:
    """As controllers write them; without a port it is ICA's."""
    inside = f'<ServerAddress addresstype="{kind}">{text}</ServerAddress>'
    assert nfuse.read_address(document("ResponseAddress", inside)) == expected


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>It works!</html>",
        b"<NFuseProtocol/>",
        document("ResponseAppData", ""),
        document("ResponseAddress", "<ServerAddress/>"),
        document("ResponseAddress", '<ServerAddress addresstype="uri">http://x/</ServerAddress>'),
        document("ResponseAddress", '<ServerAddress addresstype="dot-port">10.0.0.5:0</ServerAddress>'),
        document("ResponseAddress", '<ServerAddress addresstype="dot-port">a b:80</ServerAddress>'),
        b'<!DOCTYPE x [<!ENTITY a "b">]><NFuseProtocol><ResponseAddress/></NFuseProtocol>',
    ],
)
def test_what_is_not_an_address(body: bytes) -> None:
    """Other documents, none, entities, and addresses that nobody can dial."""
    with pytest.raises(Invalid):
        nfuse.read_address(body)


def test_a_flood_of_applications() -> None:
    """More than a person could look at are refused, and so is a document that never ends."""
    one = "<AppData><FName>x</FName></AppData>"
    many = document("ResponseAppData", f"<AppDataSet>{one * 1001}</AppDataSet>")
    with pytest.raises(Invalid, match="at most 1000 applications, got 1001"):
        nfuse.read_applications(many)
    with pytest.raises(Invalid, match="elements"):
        nfuse.read_applications(document("ResponseAppData", "<a/>" * 60_000))


def test_texts_are_cut_and_cannot_control() -> None:
    """Control characters do not reach a page or a terminal; an id too long to be one is left out."""
    inside = f"<AppData><InName>i</InName><FName>a&#x85;b{'x' * 500}</FName></AppData>"
    inside += f"<AppData><InName>{'i' * 257}</InName><FName>b</FName></AppData>"
    (one,) = nfuse.read_applications(document("ResponseAppData", inside))
    assert one.name.startswith("a bxx")
    assert len(one.name) == 256


@given(st.binary(max_size=300))
def test_nonsense_is_an_error_of_ours(body: bytes) -> None:
    """Whatever a controller sends."""
    for read in (nfuse.read_applications, nfuse.read_address, nfuse.read_validation):
        with pytest.raises((Invalid, Refused)):
            read(body)
