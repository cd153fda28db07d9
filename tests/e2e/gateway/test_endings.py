"""Tokens that go stale while their session lives on, sessions that are ended, and who is told why."""

from __future__ import annotations

import re
import socket
import ssl
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.protocol import hello
from gateway.protocol.errors import ProtocolError
from gateway.protocol.hello import Accepted, ClientHello
from tests.e2e.gateway.clients import Echoing, Launcher, launched, stunnel
from tests.e2e.gateway.stack import Stack, gateway
from tests.programs import tail, wait_until

TOKEN_SECONDS = 6


@pytest.fixture(scope="module")
def brief(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A gateway whose routing tokens live for seconds."""
    folder = tmp_path_factory.mktemp("brief")
    (folder / "broker").mkdir()
    (folder / "broker" / "broker.toml").write_text(f"token_seconds = {TOKEN_SECONDS}\n")
    with gateway(folder, pops=("pop-a", "pop-b")) as running:
        yield running


def greet(stack: Stack, pop: str, wanted: ClientHello) -> tuple[ssl.SSLSocket, Accepted]:
    """Open a wire as the launcher does; a POP's no is raised."""
    context = ssl.create_default_context(cafile=str(stack.ca))
    context.set_alpn_protocols([hello.ALPN])
    plain = socket.create_connection(("127.0.0.1", stack.ports[pop]), timeout=10)
    secure = context.wrap_socket(plain, server_hostname="localhost")
    secure.sendall(hello.encode_hello(wanted))
    data = b""
    while (answer := hello.parse_answer(data)) is None:
        more = secure.recv(4096)
        assert more
        data += more
    return secure, answer[0]


def refusal(stack: Stack, pop: str, token: str, connector: str) -> str:
    """Return the code that a resume without a proof is refused with at once, "" when it is not."""
    try:
        greet(stack, pop, ClientHello(2, token=token, connector=connector))[0].close()
    except ProtocolError as refused:
        return str(refused.code)
    return ""


def session_of(launcher: Launcher) -> str:
    found = re.search(r"session=([0-9a-f]{32})", launcher.log.read_text())
    assert found is not None, tail(launcher.log)
    return found[1]


def trace(stack: Stack, session: str) -> str:
    states = [word for pop in ("pop-a", "pop-b") for word in ("--state", str(stack.folder / pop))]
    return stack.run("trace", session, *states)


def test_a_session_outlives_its_tokens(brief: Stack) -> None:
    """After the first token's end the POP dies: the session resumes by the latest, nobody by the first."""
    wire, accepted = greet(brief, "pop-a", ClientHello(1, ticket=brief.ticket("echo")))
    stolen_at = time.monotonic()
    with wire, launched(brief) as launcher:
        echoing = Echoing(launcher.port, mega_bytes=1, mega_bytes_per_second=0.5, until_enough=True)
        wait_until(lambda: launcher.log.read_text().count("token.renewed") >= 3, 20, "three renewals")
        wait_until(lambda: time.monotonic() - stolen_at > TOKEN_SECONDS + 1, 10, "the first tokens are stale")
        assert refusal(brief, "pop-b", accepted.token, accepted.connector) == "client_token_expired"
        brief.running["pop-a"].kill()
        wait_until(lambda: "session.resumed" in launcher.log.read_text(), 5, tail(launcher.log))
        echoing.enough.set()
        result = echoing.result(20)
        assert result.got_sha256 == result.sent_sha256
        assert launcher.popen.wait(timeout=10) == 0, tail(launcher.log)
    lines = brief.running["connector"].text().count("control.standing")
    brief.restart("pop-a")
    wait_until(
        lambda: brief.running["connector"].text().count("control.standing") > lines, 20, "the POP is back"
    )


def test_an_administrator_ends_a_session(brief: Stack) -> None:
    """Both ends are told by name, at once; no POP takes it back; the trace and the list say why."""
    with launched(brief) as launcher, socket.create_connection(("127.0.0.1", launcher.port)) as client:
        client.sendall(b"hello")
        assert client.recv(5) == b"hello"
        session = session_of(launcher)
        assert session in brief.desk("session", "list")
        assert brief.desk("session", "end", session) == "1 ended"
        assert launcher.popen.wait(timeout=10) == 1
        assert "broker_ended" in launcher.log.read_text(), tail(launcher.log)
        assert "session.resumed" not in launcher.log.read_text()
    wait_until(lambda: "broker_ended after" in trace(brief, session), 5, trace(brief, session))
    assert session not in brief.desk("session", "list")
    wait_until(
        lambda: f"{session}" in (text := brief.desk("session", "list", "--all")) and "broker_ended" in text,
        5,
        "the list says why",
    )


def test_a_session_ended_while_away_does_not_come_back(brief: Stack) -> None:
    """Its token is good, but every POP has heard: refused with the administrator's word."""
    wire, accepted = greet(brief, "pop-a", ClientHello(1, ticket=brief.ticket("echo")))
    wire.close()
    brief.desk("session", "end", accepted.session)
    wait_until(
        lambda: refusal(brief, "pop-b", accepted.token, accepted.connector) == "broker_ended", 6, "refused"
    )


def test_all_sessions_of_a_user_end(brief: Stack, tmp_path: Path) -> None:
    """A plain one (SOCKS5) too, in the middle of a transfer that would go on for ever."""
    with stunnel(brief, "pop-a", tmp_path) as port, socket.create_connection(("127.0.0.1", port)) as client:
        client.settimeout(10)
        ticket = brief.ticket("echo").encode()
        client.sendall(b"\x05\x01\x00" + b"\x05\x01\x00\x03" + bytes([len(ticket)]) + ticket + b"\x00\x50")
        answers = b""
        while len(answers) < 12:
            answers += client.recv(100)
        assert answers[3] == 0
        client.sendall(b"hello")
        assert client.recv(5) == b"hello"
        assert brief.desk("session", "end", "--user", "ann").endswith(" ended")
        assert client.recv(5) == b""


def test_the_trace_follows_a_session_that_moved(brief: Stack) -> None:
    """One record for each wire, at each POP: why it was brought, the phases of each, how it ended."""
    with launched(brief) as launcher:
        echoing = Echoing(launcher.port, mega_bytes=1, mega_bytes_per_second=1, until_enough=True)
        wait_until(lambda: echoing.got > 0, 10, "bytes come back")
        session = session_of(launcher)
        log = launcher.log.read_text()
        assert "dns_ms" in log
        assert re.search(r"tcp_ms=\S+ tls_ms=\S+ answer_ms=", log), log
        connector = brief.running["connector"]
        lines = connector.text().count("control.standing")
        brief.running["pop-a"].stop()
        wait_until(lambda: "session.resumed" in launcher.log.read_text(), 5, tail(launcher.log))
        brief.restart("pop-a")
        wait_until(lambda: connector.text().count("control.standing") > lines, 20, "the POP is back")
        text = trace(brief, session)
        assert "at pop-b" in text
        assert "resumed: its POP drains" in text
        echoing.enough.set()
        echoing.result(10)
    wait_until(lambda: "client_closed after" in trace(brief, session), 5, "it ended in order")
