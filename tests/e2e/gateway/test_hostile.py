"""A real POP process under structured fuzz, guesses and slow clients, with a session that must not notice."""

from __future__ import annotations

import contextlib
import json
import random
import socket
import ssl
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.protocol import control, data, hello
from gateway.protocol.codes import CloseCode
from gateway.protocol.control import Announce, Hello, Load, Opened
from tests.e2e.gateway.clients import Echoing, launched
from tests.e2e.gateway.stack import Stack, gateway
from tests.programs import tail, wait_until

ROUNDS = 600
MOST_GROWTH_KB = 60_000
WORST_GAP_SECONDS = 2.5
TICKET = ";40;STA0123456789;ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"


@pytest.fixture(scope="module")
def hurt(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A gateway of its own: nobody else's tests suffer."""
    with gateway(tmp_path_factory.mktemp("hurt")) as running:
        yield running


@contextlib.contextmanager
def unharmed(stack: Stack) -> Iterator[None]:
    """A session through the launcher: every byte comes back, in time, and the POP neither grows nor falls."""
    pop = stack.running["pop-a"]
    with launched(stack) as launcher:
        echoing = Echoing(launcher.port, mega_bytes=2, mega_bytes_per_second=1, until_enough=True)
        wait_until(lambda: echoing.got > 0, 10, "bytes come back")
        before = resident_kb(pop.popen.pid)
        yield
        echoing.enough.set()
        result = echoing.result(30)
        grown = resident_kb(pop.popen.pid) - before
        print(f"longest gap {result.longest_gap_seconds * 1000:.0f} ms, POP grew by {grown} kB")
        assert result.got_sha256 == result.sent_sha256
        assert result.longest_gap_seconds < WORST_GAP_SECONDS
        assert "session.resumed" not in launcher.log.read_text()
        assert launcher.popen.wait(timeout=10) == 0, tail(launcher.log)
    assert pop.is_alive, tail(pop.log)
    assert grown < MOST_GROWTH_KB
    assert "connection.bug" not in pop.text()
    assert "Traceback" not in pop.text(), tail(pop.log)


def resident_kb(pid: int) -> int:
    text = Path(f"/proc/{pid}/status").read_text()
    return int(text.split("VmRSS:")[1].split()[0])


def metrics(stack: Stack) -> str:
    address = (stack.folder / "pop-a" / "admin").read_text().strip()
    with urllib.request.urlopen(f"http://{address}/metrics", timeout=5) as answer:
        return str(answer.read().decode())


def dial(stack: Stack, number: int) -> socket.socket:
    """Connect from one of many addresses: all of 127/8 is ours."""
    address = f"127.1.{number // 200 % 200}.{1 + number % 200}"
    return socket.create_connection(
        ("127.0.0.1", stack.ports["pop-a"]), timeout=5, source_address=(address, 0)
    )


def secure(stack: Stack, sock: socket.socket, alpn: str, identity: Path | None = None) -> ssl.SSLSocket:
    context = ssl.create_default_context(cafile=str(stack.ca))
    if alpn:
        context.set_alpn_protocols([alpn])
    if identity is not None:
        context.load_cert_chain(identity)
    return context.wrap_socket(sock, server_hostname="localhost")


def mutated(raw: bytes, chance: random.Random) -> bytes:
    """Turn bits, cut, double and insert; sometimes nothing."""
    out = bytearray(raw)
    for _ in range(chance.randrange(5)):
        at = chance.randrange(len(out) + 1)
        how = chance.randrange(4)
        if how == 0 and at < len(out):
            out[at] ^= 1 << chance.randrange(8)
        elif how == 1:
            del out[at : at + chance.randrange(20)]
        elif how == 2:
            out[at:at] = chance.randbytes(chance.randrange(40))
        else:
            out += out[at:] * chance.randrange(1, 30)
    return bytes(out)


def client_hello() -> bytes:
    """A genuine one, taken from the standard library's own handshake."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    half = ssl.create_default_context().wrap_bio(incoming, outgoing, server_hostname="localhost")
    with contextlib.suppress(ssl.SSLWantReadError):
        half.do_handshake()
    return outgoing.read()


def talk(sock: socket.socket, raw: bytes, chance: random.Random) -> None:
    """Send it, in pieces or whole, read what comes for a moment, and go: in order or not."""
    sock.settimeout(0.3)
    with contextlib.suppress(OSError):
        step = chance.choice((1 << 20, 1 << 20, 7, 400))
        for at in range(0, min(len(raw), 4000) if step == 7 else len(raw), step):
            sock.sendall(raw[at : at + step])
        if chance.random() < 0.3:
            sock.shutdown(socket.SHUT_WR)
        if chance.random() < 0.3:
            sock.recv(4096)
    with contextlib.suppress(OSError):
        sock.close()


@pytest.mark.long
def test_mutated_handshakes_and_preambles(hurt: Stack) -> None:
    """ClientHellos before TLS, every preamble behind it, from hundreds of addresses."""
    chance = random.Random(23)
    first = client_hello()
    ticket = TICKET.encode()
    seeds = [
        ("", b"\x05\x01\x00\x05\x01\x00\x03" + bytes([len(ticket)]) + ticket + b"\x00\x50"),
        ("", b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"),
        ("", b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n"),
        (hello.ALPN, hello.encode_hello(hello.ClientHello(1, ticket=TICKET))),
        (hello.ALPN, hello.encode_hello(hello.ClientHello(9, token="a.b.c", connector="c-1"))),
        (data.ALPN, data.encode_hello(bytes(16), bytes(32)) + b"behind"),
        (control.ALPN, control.encode(Hello("connector", "c-1", location="x"))),
    ]
    with unharmed(hurt):
        for number in range(ROUNDS):
            sock = dial(hurt, number)
            if number % 3 == 0:
                talk(sock, mutated(first, chance), chance)
                continue
            alpn, raw = seeds[number % len(seeds)]
            try:
                channel = secure(hurt, sock, alpn)
            except OSError:
                sock.close()
                continue
            talk(channel, mutated(raw, chance), chance)
    text = metrics(hurt)
    assert 'refused_total{reason="pop_internal"}' not in text
    for reason in ("client_tls", "client_protocol", "client_ticket_foreign"):
        assert f'refused_total{{reason="{reason}"}}' in text


@pytest.mark.long
def test_a_certified_connector_that_mutates_its_frames(hurt: Stack) -> None:
    """With a valid certificate of its own location, on the control channel and on data channels."""
    hurt.desk("location", "create", "evil")
    hurt.start_connector(name="evil", location="evil", pops=("pop-a",)).stop()
    who = json.loads((hurt.folder / "evil" / "connector.json").read_text())
    identity = hurt.folder / "evil" / "connector.pem"
    greeting = control.encode(Hello("connector", who["connector"], location=who["location"]))
    frames = [
        control.encode(Load(1, 2)) * 3,
        control.encode(Opened(bytes(16))),
        control.encode(Announce(who["connector"], "somebody-elses")),
        control.encode(control.Refused(bytes(16), CloseCode.VDA_REFUSED, "no")),
        b"\xff" * 64,
    ]
    chance = random.Random(29)
    with unharmed(hurt):
        for number in range(ROUNDS // 4):
            with contextlib.suppress(OSError):
                channel = secure(hurt, dial(hurt, number), control.ALPN, identity)
                channel.sendall(greeting)
                talk(channel, mutated(frames[number % len(frames)], chance), chance)
    text = metrics(hurt)
    assert 'refused_total{reason="connector_protocol"}' in text
    assert 'refused_total{reason="pop_internal"}' not in text


@pytest.mark.long
def test_tickets_guessed_at_random_are_alarmed(hurt: Stack) -> None:
    """From many addresses, so that no network is shut out: the broker counts, warns, and goes on."""
    chance = random.Random(31)
    sta = hurt.ticket("echo").split(";")[2]
    with unharmed(hurt):
        for number in range(80):
            value = "".join(chance.choices("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", k=32))
            ticket = f";40;{sta};{value}".encode()
            with secure(hurt, dial(hurt, number), "") as channel:
                channel.sendall(b"\x05\x01\x00\x05\x01\x00\x03" + bytes([len(ticket)]) + ticket + b"\x00\x50")
                answer = b""
                while len(answer) < 12:
                    more = channel.recv(100)
                    assert more
                    answer += more
                assert answer[3] == 2
        with launched(hurt) as launcher, socket.create_connection(("127.0.0.1", launcher.port)) as client:
            client.sendall(b"genuine")
            assert client.recv(7) == b"genuine"
    context = ssl.create_default_context(cafile=str(hurt.ca))
    url = f"https://127.0.0.1:{hurt.ports['api']}/healthz"
    with urllib.request.urlopen(url, context=context, timeout=5) as answer_:
        health = json.load(answer_)
    assert health["wrong_tickets"] >= 80
    assert health["alarms"] >= 1
    assert "tickets.guessed" in hurt.running["broker"].text()
    assert 'refused_total{reason="client_rate_limited"}' in metrics(hurt)
