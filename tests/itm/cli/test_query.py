from __future__ import annotations

import argparse
import socket
import struct
import threading
from collections.abc import Callable, Iterator

import dnslib
import pytest

from itm.cli import query
from itm.dns.answer import Answerer
from itm.errors import ConfigError, ItmError
from tests.itm.dns.asking import demo_answerer


def _args(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    query.configure(parser)
    return parser.parse_args(words)


@pytest.fixture
def server() -> Iterator[str]:
    """The demo answerer on one UDP and one TCP socket of the loopback."""
    with socket.create_server(("127.0.0.1", 0)) as tcp, socket.socket(type=socket.SOCK_DGRAM) as udp:
        udp.bind(tcp.getsockname())
        answerer = demo_answerer()
        jobs: list[Callable[[], None]] = [lambda: _udp(udp, answerer), lambda: _tcp(tcp, answerer)]
        for job in jobs:
            threading.Thread(target=job, daemon=True).start()
        yield f"127.0.0.1:{tcp.getsockname()[1]}"


def _udp(sock: socket.socket, answerer: Answerer) -> None:
    packet, peer = sock.recvfrom(4096)
    sock.sendto(answerer.answer(packet, peer[0]) or b"", peer)


def _tcp(sock: socket.socket, answerer: Answerer) -> None:
    connection, peer = sock.accept()
    with connection:
        packet = connection.recv(4096)[2:]
        reply = answerer.answer(packet, peer[0], True) or b""
        connection.sendall(struct.pack(">H", len(reply)) + reply)


@pytest.mark.parametrize("more", [[], ["--tcp"]])
def test_a_steered_answer_with_its_scope(
    server: str, more: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """The answer, its flags, and the echoed subnet with the scope."""
    assert query.run(_args("gw.example.net", "--subnet", "133.11.0.1/24", "--server", server, *more)) == 0
    assert capsys.readouterr().out.splitlines() == [
        ";; NOERROR aa",
        "gw.example.net.\t20\tA\t127.20.0.2",
        ";; client subnet 133.11.0.0/24 scope /22",
    ]


def test_truncation_leads_to_tcp(server: str, capsys: pytest.CaptureFixture[str]) -> None:
    """What does not fit UDP is asked again over TCP."""
    assert query.run(_args("huge.example.net", "txt", "--server", server, "--short")) == 0
    assert len(capsys.readouterr().out) > 5000


def test_another_rcode_is_status_1(server: str, capsys: pytest.CaptureFixture[str]) -> None:
    """NXDOMAIN is printed with its SOA."""
    assert query.run(_args("no.example.net", "--server", server)) == 1
    out = capsys.readouterr().out
    assert out.startswith(";; NXDOMAIN aa\n")
    assert "SOA" in out


def test_wrong_words() -> None:
    """Types, subnets and servers that are none are named."""
    for words, reason in (
        (["x", "NONSENSE"], "TYPE"),
        (["x", "--subnet", "300.0.0.0/8"], "--subnet"),
        (["x", "--server", "nowhere"], "--server"),
    ):
        with pytest.raises(ConfigError, match=reason):
            query.run(_args(*words))


def test_nobody_there() -> None:
    """A refused connection is one line of error."""
    with socket.create_server(("127.0.0.1", 0)) as sock:
        port = sock.getsockname()[1]
    with pytest.raises(ItmError, match=r"127\.0\.0\.1"):
        query.run(_args("x", "--server", f"127.0.0.1:{port}"))
    with pytest.raises(ItmError, match=r"127\.0\.0\.1"):
        query.run(_args("x", "--tcp", "--server", f"127.0.0.1:{port}"))


def test_how_often_each_answer_came() -> None:
    """The most frequent first: what shares there are shows when one asks often."""
    packets = [dnslib.DNSRecord(q=dnslib.DNSQuestion("gw.")) for _ in range(4)]
    for packet, address in zip(packets, ("127.20.0.1", "127.20.0.2", "127.20.0.2"), strict=False):
        packet.add_answer(dnslib.RR("gw.", rdata=dnslib.A(address), ttl=20))
    assert query.shares(packets) == ["50.0%\t127.20.0.2", "25.0%\t127.20.0.1", "25.0%\tno answer"]
