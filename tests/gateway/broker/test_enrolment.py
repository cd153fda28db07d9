from __future__ import annotations

import threading
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID
from sqlalchemy import Engine

from gateway.broker import certificates, enrolment, locations
from gateway.broker.authority import open_authority
from gateway.broker.enrolment import Enrolment, check_connector, pop_addresses
from gateway.connector.credential import new_key_request
from gateway.errors import Invalid, NotFound, Refused, Unauthorised
from gateway.identity import Identity
from tests.gateway.broker.world import NOW, Clock


@pytest.fixture
def desk(engine: Engine, tmp_path: Path) -> Enrolment:
    authority = open_authority(tmp_path / "authority", Clock())
    return Enrolment(engine, authority, 3600.0, "gw.example")


def csr() -> str:
    return new_key_request().csr_pem


def hosts(cert_pem: str) -> list[str]:
    cert = x509.load_pem_x509_certificate(cert_pem.encode())
    return cert.extensions.get_extension_for_class(x509.SubjectAlternativeName).value.get_values_for_type(
        x509.DNSName
    )


def test_a_connector_belongs_to_its_tokens_location(desk: Enrolment, engine: Engine) -> None:
    """Tenant and location come from the token; the certificate is good for a connector and nothing else."""
    locations.create_tenant(engine, "acme", now=NOW)
    site = locations.create(engine, "site", tenant="acme", now=NOW)
    identity, issued = desk.enrol("connector", desk.connector_token(site, NOW), csr(), NOW + 1)
    assert (identity.tenant, identity.location) == ("acme", site.id)
    held = Identity("connector", identity.id, "acme", site.id, issued.serial)
    certificates.check(engine, held, "connector")
    with pytest.raises(Unauthorised):
        certificates.check(engine, held, "pop")
    check_connector(engine, identity.id, site.id)
    with pytest.raises(Refused):
        check_connector(engine, identity.id, "elsewhere")
    assert [peer.id for peer in enrolment.listing(engine, "connector", tenant="acme")] == [identity.id]
    assert enrolment.listing(engine, "connector", tenant="default") == ()


def test_an_agents_names_come_from_its_token(desk: Enrolment, engine: Engine) -> None:
    """They stand in the certificate as URIs, never as names of a server, and a renewal keeps them."""
    site = locations.create(engine, "site", tenant="default", now=NOW)
    token = desk.connector_token(site, NOW, ["Desk-7.Corp.", "10.0.0.7", "desk-7.corp"])
    identity, issued = desk.enrol("connector", token, csr(), NOW + 1)
    assert identity.hosts == ("desk-7.corp", "10.0.0.7")
    for pem in (issued.cert_pem, desk.renew(identity, csr()).cert_pem):
        cert = x509.load_pem_x509_certificate(pem.encode())
        names = cert.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        uris = names.get_values_for_type(x509.UniformResourceIdentifier)
        assert uris[1:] == ["hdx-vda:desk-7.corp", "hdx-vda:10.0.0.7"]
        assert len(list(names)) == 3
        usage = cert.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
        assert list(usage) == [ExtendedKeyUsageOID.CLIENT_AUTH]
    for wrong in (["a b"], ["desk/7"], [""], [f"d{number}" for number in range(17)]):
        with pytest.raises(Invalid):
            desk.connector_token(site, NOW, wrong)


def test_a_token_is_spent_once(desk: Enrolment, engine: Engine) -> None:
    """Of several that present the same token, one is enrolled."""
    site = locations.create(engine, "site", tenant="default", now=NOW)
    token = desk.connector_token(site, NOW)
    outcomes: list[str] = []

    def enrol() -> None:
        try:
            outcomes.append(desk.enrol("connector", token, csr(), NOW)[0].role)
        except Unauthorised:
            outcomes.append("refused")

    threads = [threading.Thread(target=enrol) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["connector", "refused", "refused", "refused"]


def test_a_wrong_request_does_not_spend_the_token(desk: Enrolment, engine: Engine) -> None:
    """The operator's second try works."""
    token = desk.pop_token("fra", ["10.0.0.1:443"], NOW)
    with pytest.raises(Invalid):
        desk.enrol("pop", token, "nonsense", NOW)
    assert desk.enrol("pop", token, csr(), NOW)[0] == Identity("pop", "fra")


def test_tokens_that_buy_nothing(desk: Enrolment, engine: Engine) -> None:
    """Unknown, expired, or of the other role."""
    site = locations.create(engine, "site", tenant="default", now=NOW)
    for role, token, now in (
        ("connector", "hdxe_guess", NOW),
        ("connector", desk.connector_token(site, NOW), NOW + 3600),
        ("pop", desk.connector_token(site, NOW), NOW),
        ("connector", desk.pop_token("fra", ["a.example:1"], NOW), NOW),
    ):
        with pytest.raises(Unauthorised):
            desk.enrol(role, token, csr(), now)


def test_a_pop_of_several_hosts(desk: Enrolment, engine: Engine) -> None:
    """Each host brings its addresses; certificates name the gateway and the POP's hosts."""
    first = desk.enrol("pop", desk.pop_token("fra", ["a.example:443"], NOW), csr(), NOW)
    second = desk.enrol("pop", desk.pop_token("fra", ["b.example:443"], NOW), csr(), NOW + 1)
    assert hosts(first[1].cert_pem) == ["gw.example", "a.example"]
    assert hosts(second[1].cert_pem) == ["gw.example", "a.example", "b.example"]
    assert pop_addresses(engine) == ("a.example:443", "b.example:443")


def test_revoking_ends_all_certificates(desk: Enrolment, engine: Engine) -> None:
    """Also renewed ones; a new token brings the POP back at its new addresses only."""
    identity, issued = desk.enrol("pop", desk.pop_token("fra", ["a.example:443"], NOW), csr(), NOW)
    renewed = desk.renew(identity, csr())
    assert desk.revoke("pop", "fra", NOW + 5) == 2
    for serial in (issued.serial, renewed.serial):
        with pytest.raises(Unauthorised, match="revoked"):
            certificates.check(engine, Identity("pop", "fra", serial=serial), "pop")
    assert set(certificates.revoked(engine, NOW)) == {issued.serial, renewed.serial}
    assert certificates.revoked(engine, NOW + 3600) == ()
    assert pop_addresses(engine) == ()
    desk.enrol("pop", desk.pop_token("fra", ["c.example:443"], NOW), csr(), NOW + 6)
    assert pop_addresses(engine) == ("c.example:443",)
    with pytest.raises(NotFound):
        desk.revoke("connector", "fra", NOW)


def test_a_revoked_connector_is_not_signalled(desk: Enrolment, engine: Engine) -> None:
    """The signal port asks this before it counts on a connector."""
    site = locations.create(engine, "site", tenant="default", now=NOW)
    identity, _ = desk.enrol("connector", desk.connector_token(site, NOW), csr(), NOW)
    desk.revoke("connector", identity.id, NOW)
    with pytest.raises(Refused):
        check_connector(engine, identity.id, site.id)


@pytest.mark.parametrize(("pop", "addresses"), [("Fra!", ["a:1"]), ("fra", []), ("fra", ["a"])])
def test_wrong_pops(desk: Enrolment, pop: str, addresses: list[str]) -> None:
    """A POP's id and its addresses are checked before there is a token."""
    with pytest.raises(Invalid):
        desk.pop_token(pop, addresses, NOW)
