from __future__ import annotations

import pytest

from gateway.errors import Unauthorised
from gateway.identity import Identity, of_peer


def peercert(*uris: str, serial: str = "0AB1") -> dict[str, object]:
    return {"subjectAltName": tuple(("URI", uri) for uri in uris), "serialNumber": serial}


@pytest.mark.parametrize(
    "identity",
    [Identity("connector", "c-1", "acme", "berlin-1", "ab1"), Identity("pop", "fra", serial="ab1")],
)
def test_what_is_written_is_read(identity: Identity) -> None:
    """The URI of a certificate gives the same identity back, with the certificate's serial."""
    assert of_peer(peercert(identity.uri())) == identity


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
