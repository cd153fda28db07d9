from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import aiohttp
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from gateway.broker import locations, portals, xml
from gateway.protocol.token import keyring, verify
from tests.gateway.broker.serving import Answer, Served, broker
from tests.gateway.broker.test_sta import REQUEST, XDATA
from tests.gateway.broker.world import NOW, make_resource


def portal_key(served: Served, tenant: str = "default") -> dict[str, str]:
    key = portals.create(served.desk.engine, "storefront", tenant=tenant, now=NOW)
    return {"Authorization": f"Bearer {key}"}


async def ticket(served: Served, headers: dict[str, str], **more: Any) -> str:
    body = {"resource": "office", "user": "alice", **more}
    answer = await served.call("POST", "/sta/ticket", json=body, headers=headers)
    assert answer.status == 200, answer.body
    return str(answer.json["ticket"])


async def redeem(served: Served, tls: Any, text: str, pop: str = "fra") -> Answer:
    return await served.call("POST", "/sta/redeem", json={"ticket": text, "pop": pop}, tls=tls)


def test_a_portals_ticket_opens_one_session(tmp_path: Path) -> None:
    """Requested with a key, redeemed once with a POP's certificate; the routing token verifies offline."""

    async def story() -> None:
        async with broker(tmp_path) as served:
            resource = make_resource(served.desk.engine, idle_seconds=600, max_seconds=3600)
            pop = await served.enrol_pop()
            text = await ticket(served, portal_key(served))
            answer = (await redeem(served, pop, text)).json
            assert answer | {"session": "", "resume_token": "", "open_key": ""} == {
                "session": "", "user": "alice", "tenant": "default", "location": resource.location,
                "resource": resource.id, "target": "10.0.0.5:3389", "resume_token": "", "open_key": "",
                "agent": False,
                "limits": {"idle_seconds": 600, "max_seconds": answer["limits"]["max_seconds"]},
            }  # fmt: skip
            assert answer["limits"]["max_seconds"] in (3599, 3600)
            assert len(bytes.fromhex(answer["open_key"])) == 32
            key = load_pem_public_key((await served.call("GET", "/authority/token.pem")).body)
            assert isinstance(key, Ed25519PublicKey)
            token = verify(answer["resume_token"], keyring([key]), served.desk.clock())
            assert (token.session, token.location, token.user) == (
                answer["session"],
                resource.location,
                "alice",
            )
            again = await redeem(served, pop, text)
            assert (again.status, again.json["code"]) == (403, "client_ticket_refused")

    asyncio.run(story())


def test_a_restarted_broker_redeems_what_it_issued_before(tmp_path: Path) -> None:
    """Same STA, same keys, same database."""

    async def story() -> None:
        async with broker(tmp_path) as served:
            make_resource(served.desk.engine)
            pop = await served.enrol_pop()
            text = await ticket(served, portal_key(served))
        async with broker(tmp_path) as served:
            assert (await redeem(served, pop, text)).status == 200

    asyncio.run(story())


def test_a_refreshable_ticket_is_refreshed_by_the_pop(tmp_path: Path) -> None:
    """The new ticket brings back the same session, through any POP."""

    async def story() -> None:
        async with broker(tmp_path) as served:
            make_resource(served.desk.engine)
            fra, ams = await served.enrol_pop("fra"), await served.enrol_pop("ams")
            text = await ticket(served, portal_key(served), refreshable=True)
            session = (await redeem(served, fra, text)).json["session"]
            fresh = await served.call("POST", "/sta/refresh", json={"session": session}, tls=fra)
            assert (fresh.status, fresh.json["expires_seconds"]) == (200, 500)
            back = await redeem(served, ams, fresh.json["ticket"], "ams")
            assert back.json["session"] == session
            none = await served.call("POST", "/sta/refresh", json={"session": "0" * 32}, tls=fra)
            assert (none.status, none.json["code"]) == (403, "broker_refused")

    asyncio.run(story())


def test_who_may_not(tmp_path: Path) -> None:
    """No key, no certificate, another POP's name, a revoked POP, another tenant's resource."""

    async def story() -> None:
        async with broker(tmp_path) as served:
            make_resource(served.desk.engine)
            pop = await served.enrol_pop()
            text = await ticket(served, portal_key(served))
            locations.create_tenant(served.desk.engine, "acme", now=NOW)
            theirs = portal_key(served, "acme")
            body = {"resource": "office", "user": "alice"}
            assert (await served.call("POST", "/sta/ticket", json=body)).status == 401
            assert (await served.call("POST", "/sta/ticket", json=body, headers=theirs)).status == 404
            assert (await redeem(served, None, text)).status == 401
            assert (await redeem(served, pop, text, "ams")).status == 401
            served.desk.enrolment.revoke("pop", "fra", NOW)
            revoked = await redeem(served, pop, text)
            assert (revoked.status, revoked.json["code"]) == (401, "broker_revoked")

    asyncio.run(story())


def test_guesses_are_limited_and_genuine_tickets_are_not(tmp_path: Path) -> None:
    """After 60 wrong ones in a minute a POP is told so; a real ticket still opens."""

    async def story() -> None:
        async with broker(tmp_path) as served:
            make_resource(served.desk.engine)
            pop = await served.enrol_pop()
            text = await ticket(served, portal_key(served))
            url = f"https://{served.running.api}/sta/redeem"
            seen = []
            async with aiohttp.ClientSession() as session:
                for number in range(62):
                    body = {"ticket": f";40;{served.desk.sta.id};{number:032d}", "pop": "fra"}
                    async with session.post(url, json=body, ssl=pop) as response:
                        seen.append((response.status, (await response.json())["code"]))
            assert seen == [(403, "client_ticket_refused")] * 60 + [(429, "client_rate_limited")] * 2
            health = (await served.call("GET", "/healthz")).json
            assert (health["wrong_tickets"], health["alarms"]) == (62, 1)
            assert (await redeem(served, pop, text)).status == 200

    asyncio.run(story())


def test_the_xml_exchange(tmp_path: Path) -> None:
    """As an existing portal and gateway speak it, from request to redeem."""

    async def post(served: Served, body: bytes, **more: Any) -> tuple[int, xml.Element]:
        answer = await served.call("POST", "/scripts/ctxsta.dll", data=body, **more)
        assert answer.headers["Content-Type"].startswith("text/xml")
        return answer.status, xml.parse(answer.body)

    async def story() -> None:
        async with broker(tmp_path) as served:
            make_resource(served.desk.engine, port=1494)
            pop, key = await served.enrol_pop(), portal_key(served)
            request = REQUEST.format(xdata=XDATA).encode()
            status, answer = await post(served, request, headers=key)
            assert (status, answer.text_of("ResponseTicket", "TicketVersion")) == (200, "STA-v4")
            parts = [answer.text_of("ResponseTicket", name) for name in ("AuthorityID", "Ticket")]
            data = "<CtxSTAProtocol><RequestData><AuthorityID>{}</AuthorityID><Ticket>{}</Ticket>"
            redeeming = f"{data.format(*parts)}</RequestData></CtxSTAProtocol>".encode()
            status, answer = await post(served, redeeming)
            assert (status, answer.text_of("Error", "ErrorId")) == (401, "broker_refused")
            status, answer = await post(served, redeeming, tls=pop)
            found = answer.first("ResponseData", "TicketData")
            assert found is not None
            values = {value.attributes["name"]: value.text for value in found.all("Value")}
            assert (values["ICAAddress"], values["UserName"]) == ("10.0.0.5:1494", "CORP\\alice")
            status, answer = await post(served, redeeming, tls=pop)
            assert (status, answer.text_of("Error", "ErrorId")) == (403, "client_ticket_refused")
            assert (await post(served, request))[0] == 401
            assert (await post(served, request.replace(b"1494", b"1495"), headers=key))[0] == 404
            bomb = b'<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>'
            assert (await post(served, bomb, headers=key))[0] == 400

    asyncio.run(story())
