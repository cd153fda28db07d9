from __future__ import annotations

import pytest

from gateway.errors import Unauthorised
from gateway.identity import Identity, host_name, of_peer


def peercert(*uris: str, serial: str = "0AB1") -> dict[str, object]:
    return {"subjectAltName": tuple(("URI", uri) for uri in uris), "serialNumber": serial}


@pytest.mark.parametrize(
    "identity",
    [
        Identity("connector", "c-1", "acme", "berlin-1", "ab1"),
        Identity("pop", "fra", serial="ab1"),
        Identity("connector", "c-2", "acme", "berlin-1", "ab1", ("desk-7.corp", "10.0.0.7", "fd00::7")),
    ],
)
def test_what_is_written_is_read(identity: Identity) -> None:
    """The URI of a certificate gives the same identity back, with the certificate's serial."""
    assert of_peer(peercert(*identity.uris())) == identity


@pytest.mark.parametrize(
    ("text", "name"),
    [("Desk-7.Corp.", "desk-7.corp"), ("[FD00:0::7]", "fd00::7"), ("10.0.0.7", "10.0.0.7")],
)
def test_a_host_has_one_spelling(text: str, name: str) -> None:
    """However an operator writes it, what is compared is one text."""
    assert host_name(text) == name


@pytest.mark.parametrize(
    "cert",
    [
        None,
        {},
        peercert(),
        peercert("https://example.com/"),
        peercert("hdx://admin///x"),
        peercert("hdx://pop///fra", "hdx://pop///ams"),
        peercert("hdx://pop///../x"),
        {"subjectAltName": (("DNS", "hdx://pop///fra"),)},
    ],
)
def test_nobody_is_refused(cert: dict[str, object] | None) -> None:
    """No certificate, no name, a foreign name or two names identify nobody."""
    with pytest.raises(Unauthorised):
        of_peer(cert)
