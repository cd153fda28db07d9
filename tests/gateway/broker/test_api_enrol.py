from __future__ import annotations

import asyncio
import ssl
from pathlib import Path

from cryptography import x509

from gateway.broker import locations
from gateway.connector.credential import KeyRequest, new_key_request
from gateway.connector.enrol import enrol, renew
from gateway.identity import Identity, of_peer
from tests.gateway.broker.serving import Served, broker, presenting, trusting
from tests.gateway.broker.world import NOW


def test_the_connectors_own_code_enrols_and_renews(tmp_path: Path) -> None:
    """The real client against the real broker; the answer names POPs and gateway."""

    async def story() -> None:
        async with broker(tmp_path) as served:
            desk = served.desk
            await served.enrol_pop("fra")
            site = locations.create(desk.engine, "site", tenant="default", now=NOW)
            token = desk.enrolment.connector_token(site, desk.clock())
            url = f"https://{served.running.api}"
            first = await asyncio.to_thread(enrol, url, token, trusting(desk), lambda: NOW)
            assert (first.location, first.pops, first.gateway_name) == (
                site.id, ("127.0.0.1:443",), "gw.example",
            )  # fmt: skip
            assert first.renew_at == NOW + 16 * 3600
            tls = presenting(desk, first.cert_pem, first.key_pem)
            second = await asyncio.to_thread(renew, first, tls, lambda: NOW)
            assert second.connector == first.connector
            assert second.cert_pem != first.cert_pem

    asyncio.run(story())


def test_a_pop_is_enrolled_with_what_it_needs(tmp_path: Path) -> None:
    """Certificate, root, token key and the signal port; renewed with the certificate alone."""

    async def story() -> None:
        async with broker(tmp_path) as served:
            token = served.desk.enrolment.pop_token("fra", ["127.0.0.1:443"], served.desk.clock())
            tls, answer = await served.enrol("pop", token)
            assert (answer["pop"], answer["signal"]) == ("fra", "localhost:0")
            assert answer["token_key_pem"] == served.desk.authority.token_public_pem
            csr = {"csr_pem": new_key_request().csr_pem}
            assert (await served.call("POST", "/pops/renew", json=csr, tls=tls)).json["pop"] == "fra"
            assert (await served.call("POST", "/connectors/renew", json=csr, tls=tls)).status == 401
            assert (await served.call("POST", "/pops/renew", json=csr)).status == 401
            served.desk.enrolment.revoke("pop", "fra", NOW)
            assert (await served.call("POST", "/pops/renew", json=csr, tls=tls)).status == 401

    asyncio.run(story())


def test_a_token_enrols_once(tmp_path: Path) -> None:
    """The second time it is unknown; a wrong body says all that is wrong."""

    async def story() -> None:
        async with broker(tmp_path) as served:
            token = served.desk.enrolment.pop_token("fra", ["127.0.0.1:443"], served.desk.clock())
            await served.enrol("pop", token)
            body = {"token": token, "csr_pem": new_key_request().csr_pem}
            again = await served.call("POST", "/pops/enrol", json=body)
            assert (again.status, again.json["code"]) == (401, "unauthorised")
            wrong = await served.call("POST", "/pops/enrol", json={"token": 5, "colour": "red"})
            assert wrong.status == 400
            assert wrong.json["text"] == (
                "colour: no such key; csr_pem: is missing; token: expected a text of at most 16384 characters"
            )

    asyncio.run(story())


def test_the_revocation_list_stops_a_handshake(tmp_path: Path) -> None:
    """What a POP does with it: a TLS server that has loaded the list refuses a revoked connector."""

    async def story() -> None:
        async with broker(tmp_path) as served:
            desk = served.desk
            site = locations.create(desk.engine, "site", tenant="default", now=NOW)
            key = new_key_request()
            token = desk.enrolment.connector_token(site, desk.clock())
            body = {"token": token, "csr_pem": key.csr_pem}
            answer = (await served.call("POST", "/connectors/enrol", json=body)).json
            assert await handshake(served, tmp_path, answer, key) == answer["connector"]
            desk.enrolment.revoke("connector", answer["connector"], NOW)
            crl = x509.load_pem_x509_crl((await served.call("GET", "/authority/crl.pem")).body)
            assert len(list(crl)) == 1
            assert await handshake(served, tmp_path, answer, key) == "certificate revoked"

    asyncio.run(story())


async def handshake(served: Served, tmp_path: Path, answer: dict[str, str], key: KeyRequest) -> str:
    """Whom a server with root and revocation list sees, or why it refused."""
    desk = served.desk
    issued, key_pem = desk.authority.issue_server(["localhost"], 3600)
    (tmp_path / "server.pem").write_text(issued.cert_pem + key_pem)
    crl = (await served.call("GET", "/authority/crl.pem")).body.decode()
    (tmp_path / "trust.pem").write_text(desk.authority.ca_pem + crl)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(tmp_path / "trust.pem"))
    context.load_cert_chain(tmp_path / "server.pem")
    context.verify_mode = ssl.CERT_REQUIRED
    context.verify_flags |= ssl.VERIFY_CRL_CHECK_LEAF
    client = presenting(desk, answer["cert_pem"], key.key_pem)
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    server_side = context.wrap_bio(incoming, outgoing, server_side=True)
    client_side = client.wrap_bio(outgoing, incoming, server_hostname="localhost")
    for _ in range(5):
        for side in (client_side, server_side):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                pass
            except ssl.SSLCertVerificationError as error:
                return error.verify_message
    seen: Identity = of_peer(server_side.getpeercert())
    return seen.id
