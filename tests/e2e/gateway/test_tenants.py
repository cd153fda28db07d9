"""Two tenants share a broker, POPs and nothing else: every way across that we know of is tried.

`acme` has a connector, a VDA, a controller and an `ann` of its own, beside those of `default`.
"""

from __future__ import annotations

import asyncio
import base64
import http.client
import json
import re
import socketserver
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from gateway.connector.credential import new_key_request
from gateway.dial import connect, start_tls
from gateway.errors import Lost
from gateway.launch.file import parse_launch_file
from gateway.launch.paths import Path as Way
from gateway.launch.wire import Wire, client_context, open_wire
from gateway.protocol import control
from gateway.protocol.codes import CloseCode
from gateway.protocol.control import FrameReader, Hello, Welcome, encode
from gateway.protocol.errors import ProtocolError
from gateway.protocol.hello import ClientHello
from gateway.protocol.ticket import Ticket
from tests.e2e.gateway.stack import Stack
from tests.gateway.broker.farm import Farm, Published, serving

PASSWORD = {"default": "a long enough password", "acme": "quite another password"}
NAME = {"default": "ann", "acme": "acme\\ann"}


@dataclass
class Two:
    """The stack and what acme's things are called."""

    stack: Stack
    vda: int
    resource: str
    location: str
    site: str
    keys: dict[str, str]

    def call(
        self, method: str, path: str, body: Any = None, *, headers: dict[str, str] | None = None,
        context: ssl.SSLContext | None = None,
    ) -> tuple[int, dict[str, str], bytes]:  # fmt: skip
        tls = context or ssl.create_default_context(cafile=str(self.stack.ca))
        connection = http.client.HTTPSConnection(
            "localhost", self.stack.ports["api"], context=tls, timeout=30
        )
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        connection.request(method, path, data, headers or {})
        answer = connection.getresponse()
        found = answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
        connection.close()
        return found

    def as_user(self, tenant: str, password_of: str = "") -> dict[str, str]:
        pair = f"{NAME[tenant]}:{PASSWORD[password_of or tenant]}"
        return {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}

    def offers(self, tenant: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(
            self.call("GET", "/resources", headers=self.as_user(tenant))[2]
        )["resources"]
        return found

    def launch(self, tenant: str, resource: str) -> Ticket:
        status, _, body = self.call("POST", "/launch", {"resource": resource}, headers=self.as_user(tenant))
        assert status == 200, body
        return parse_launch_file(body).ticket

    def way(self, pop: str = "pop-a") -> Way:
        return Way("localhost", "127.0.0.1", self.stack.ports[pop])

    async def opened(self, tenant: str, resource: str, pop: str = "pop-a") -> Wire:
        """Open a session of this tenant's ann."""
        hello = ClientHello(1, ticket=str(self.launch(tenant, resource)))
        return await open_wire(self.way(pop), hello, client_context(str(self.stack.ca)))


@contextmanager
def vda(answer: bytes) -> Iterator[int]:
    """A VDA that says whose it is."""

    class Says(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            self.request.sendall(answer)
            while self.request.recv(4096):
                pass

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Says) as server:
        server.daemon_threads = True  # a session that is left open holds nothing up
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


@pytest.fixture(scope="module")
def two(stack: Stack) -> Iterator[Two]:
    """A second tenant on the running gateway."""
    of_acme = ("--tenant", "acme")
    with vda(b"acme") as port, serving(Farm([Published("Ledger", f"127.0.0.1:{port}")])) as farm:
        stack.desk("tenant", "create", "acme")
        location = stack.desk("location", "create", "plant", *of_acme)
        stack.desk("user", "add", "ann", *of_acme, stdin=PASSWORD["acme"] + "\n")
        place = ("--location", "plant", *of_acme)
        resource = stack.desk("resource", "add", "press", "--target", f"127.0.0.1:{port}", *place)
        site = stack.desk("site", "add", "books", "--controller", f"127.0.0.1:{farm.port}", *place)
        keys = {t: stack.desk("portal", "create", "p", "--tenant", t) for t in PASSWORD}
        stack.start_connector(name="connector-acme", location=location, tenant="acme")
        yield Two(stack, port, resource, location, site, keys)


def test_each_sees_their_own(two: Two) -> None:
    """The same name, two people; each has what is theirs, and neither's password is the other's."""
    acme = {offer["name"]: offer["location"] for offer in two.offers("acme")}
    assert acme == {"press": "plant", "Ledger": "plant"}
    assert not {offer["id"] for offer in two.offers("acme")} & {
        offer["id"] for offer in two.offers("default")
    }
    for tenant, other in (("default", "acme"), ("acme", "default")):
        assert two.call("GET", "/resources", headers=two.as_user(tenant, other))[0] == 401


def test_what_is_another_tenants_is_not_there(two: Two) -> None:
    """By id or name, resource or application, asked by a user or a portal: as if it did not exist."""
    ledger = next(offer["id"] for offer in two.offers("acme") if offer["name"] == "Ledger")
    bearer = {"Authorization": f"Bearer {two.keys['default']}"}
    for name in (two.resource, "press", ledger, "Ledger", two.site):
        asked = two.call("POST", "/launch", {"resource": name}, headers=two.as_user("default"))
        assert (asked[0], json.loads(asked[2])["code"]) == (404, "not_found"), name
        wanted = {"resource": name, "user": "ann"}
        assert two.call("POST", "/sta/ticket", wanted, headers=bearer)[0] == 404, name
    assert two.call("POST", "/sta/ticket", {"resource": "press", "user": "ann"},
                    headers={"Authorization": f"Bearer {two.keys['acme']}"})[0] == 200  # fmt: skip


def test_an_address_of_another_tenant_gets_no_ticket(two: Two) -> None:
    """A portal that names acme's VDA by its address, as the XML exchange does."""
    body = (
        '<CtxSTAProtocol version="4.0"><RequestTicket><TicketData>'
        f'<Value name="ICAAddress">127.0.0.1:{two.vda}</Value></TicketData></RequestTicket></CtxSTAProtocol>'
    ).encode()
    for tenant, status in (("default", 404), ("acme", 200)):
        headers = {"Authorization": f"Bearer {two.keys[tenant]}", "Content-Type": "text/xml"}
        assert two.call("POST", "/scripts/ctxsta.dll", body, headers=headers)[0] == status


def test_a_cookie_is_one_tenants(two: Two) -> None:
    """The page shows and opens nothing of acme; acme's cookie with default's form is refused."""
    ours, theirs = Page(two, "default"), Page(two, "acme")
    assert ("press" in ours.text, "press" in theirs.text) == (False, True)
    for name in (two.resource, "press"):
        assert ours.open(name)[0] == 404
    assert theirs.open("press", form=ours.form)[0] == 403
    assert theirs.open("press")[0] == 200


class Page:
    """A login at the Workspace page."""

    def __init__(self, two: Two, tenant: str) -> None:
        self._two = two
        self._headers = {
            "Origin": f"https://localhost:{two.stack.ports['api']}",
            "Content-Type": "application/x-www-form-urlencoded",
        }
        path = "/login" if tenant == "default" else f"/t/{tenant}/login"
        form = f"user=ann&password={PASSWORD[tenant].replace(' ', '+')}".encode()
        status, headers, _ = two.call("POST", path, form, headers=self._headers)
        assert status == 303
        self._headers["Cookie"] = headers["set-cookie"].partition(";")[0]
        self.text = two.call("GET", "/apps", headers=self._headers)[2].decode()
        found = re.search(r'name="form" value="([^"]+)"', self.text)
        assert found is not None
        self.form = found[1]

    def open(self, name: str, form: str = "") -> tuple[int, dict[str, str], bytes]:
        data = f"form={form or self.form}".encode()
        return self._two.call("POST", f"/apps/{name}/launch", data, headers=self._headers)


def test_a_ticket_leads_to_its_own_vda(two: Two) -> None:
    """acme's tickets, an application's too, go through acme's connector, wherever they are redeemed."""

    async def story() -> None:
        for resource in ("press", "Ledger"):
            wire = await two.opened("acme", resource, "pop-b")
            ours = await two.opened("default", "echo")
            assert wire.accepted.connector != ours.accepted.connector
            assert lives_at(wire)["tenant"] == "acme"
            assert lives_at(wire)["location"] == two.location != lives_at(ours)["location"]
            wire.channel.close()
            ours.channel.close()

    asyncio.run(story())


def lives_at(wire: Wire) -> dict[str, Any]:
    """Return what the routing token says, which anybody can read and nobody change."""
    payload = wire.accepted.token.split(".")[1]
    found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return found


def test_a_token_does_not_resume_another_session(two: Two) -> None:
    """With acme's connector or acme's session forged into it, default's token opens nothing at either POP."""

    async def story() -> None:
        context = client_context(str(two.stack.ca))
        theirs = await two.opened("acme", "press")
        ours = await two.opened("default", "echo")
        head, _, mark = ours.accepted.token.split(".")
        mixed = ".".join((head, theirs.accepted.token.split(".")[1], mark))
        for pop in ("pop-a", "pop-b"):
            for text, connector, code in (
                (mixed, theirs.accepted.connector, CloseCode.CLIENT_TOKEN_REFUSED),
                (ours.accepted.token, theirs.accepted.connector, CloseCode.CONNECTOR_NONE),
            ):
                with pytest.raises(ProtocolError) as refused:
                    await open_wire(two.way(pop), ClientHello(2, token=text, connector=connector), context)
                assert refused.value.code is code
        theirs.channel.close()
        ours.channel.close()

    asyncio.run(story())


def test_a_connector_serves_its_own_location(two: Two, tmp_path: Path) -> None:
    """With its genuine certificate it is welcome as itself; as acme's, or as a POP, it is not."""
    ours = two.stack.desk("connector", "token", "site")
    key = new_key_request()
    status, _, body = two.call("POST", "/connectors/enrol", {"token": ours, "csr_pem": key.csr_pem})
    assert status == 200
    found = json.loads(body)
    identity = tmp_path / "connector.pem"
    identity.write_text(found["cert_pem"] + key.key_pem)
    context = ssl.create_default_context(cafile=str(two.stack.ca))
    context.load_cert_chain(identity)
    redeem = {"ticket": str(two.launch("acme", "press")), "pop": found["connector"]}
    assert two.call("POST", "/sta/redeem", redeem, context=context)[0] == 401
    context.set_alpn_protocols([control.ALPN])
    for location, expected in ((found["location"], True), (two.location, False)):
        hello = Hello("connector", found["connector"], location=location, capacity=9)
        assert asyncio.run(is_welcome(two.stack.ports["pop-a"], context, hello)) is expected


async def is_welcome(port: int, context: ssl.SSLContext, hello: Hello) -> bool:
    """Say whether the POP takes a control channel that begins with this."""
    plain = await connect("127.0.0.1", port, seconds=5)
    channel = await start_tls(plain, context, server_name="localhost", seconds=5)
    try:
        await channel.write(encode(hello))
        frames = FrameReader(CloseCode.POP_INTERNAL)
        while data := await channel.read():
            if found := frames.receive(data):
                return isinstance(found[0], Welcome)
    except Lost:
        return False
    finally:
        channel.close()
    return False


def test_sessions_are_shown_to_the_operator_of_the_pop_only(two: Two) -> None:
    """Neither the broker nor the POP's public port answers with a session of anybody."""
    for headers in (two.as_user("acme"), {"Authorization": f"Bearer {two.keys['acme']}"}):
        assert two.call("GET", "/sessions", headers=headers)[0] == 404
    public = http.client.HTTPSConnection(
        "localhost", two.stack.ports["pop-a"], context=ssl.create_default_context(cafile=str(two.stack.ca))
    )
    public.request("GET", "/sessions")
    assert public.getresponse().status == 404
    public.close()
