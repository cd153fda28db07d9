from __future__ import annotations

import contextlib
import ssl
from pathlib import Path

import pytest

from itm.dns.certificate import Certificate, Pair
from itm.dns.tls import ALPN, SETTINGS, Handshakes, Secured
from tests.gateway.certificates import Certificates


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


class Client:
    """The other end, in memory."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.object = context.wrap_bio(self._in, self._out, server_hostname="gw.test")

    def shake_hands(self, server: Secured) -> None:
        for _ in range(3):
            with contextlib.suppress(ssl.SSLWantReadError):
                self.object.do_handshake()
            server.receive(self._out.read())
            self._in.write(server.outgoing())
        self.object.do_handshake()

    def say(self, plain: bytes) -> bytes:
        self.object.write(plain)
        return self._out.read()

    def hear(self, wire: bytes) -> bytes:
        self._in.write(wire)
        return self.object.read(65_536)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_bytes_go_through(tmp_path: Path, version: ssl.TLSVersion) -> None:
    """Both versions, ALPN `dot`; bytes come out however they arrive; the end is seen."""
    made = Certificates(tmp_path)
    pem = made.server()
    server = Secured(Certificate(Pair(pem, pem), SETTINGS, ALPN).context)
    context = made.client_context(alpn=("dot",))
    context.minimum_version = context.maximum_version = version
    client = Client(context)
    assert not server.is_open
    client.shake_hands(server)
    assert server.is_open
    assert client.object.selected_alpn_protocol() == "dot"
    wire = client.say(b"a question")
    assert b"".join(server.receive(wire[n : n + 1]) for n in range(len(wire))) == b"a question"
    server.send(b"an answer")
    assert client.hear(server.outgoing()) == b"an answer"
    assert not server.is_ended
    with pytest.raises(ssl.SSLWantReadError):
        client.object.unwrap()
    server.receive(client._out.read())
    assert server.is_ended


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
def test_what_is_no_tls(tmp_path: Path) -> None:
    """Plain DNS on the port of TLS, or a version of before 2008: an error, with an alert to send."""
    made = Certificates(tmp_path)
    pem = made.server()
    certificate = Certificate(Pair(pem, pem), SETTINGS, ALPN)
    with pytest.raises(ssl.SSLError):
        Secured(certificate.context).receive(b"\x00\x1d\x12\x34\x01\x00\x00\x01")
    old = Secured(certificate.context)
    context = made.client_context()
    context.minimum_version = ssl.TLSVersion.TLSv1
    context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("ALL:@SECLEVEL=0")
    client = Client(context)
    with pytest.raises(ssl.SSLError, match="unsupported protocol"):
        client.shake_hands(old)
    assert old.outgoing()


def test_handshakes_of_a_second() -> None:
    """So many, then none until the next second."""
    clock = Clock()
    handshakes = Handshakes(2, clock)
    assert [handshakes.take() for _ in range(4)] == [True, True, False, False]
    assert handshakes.refused == 2
    clock.now = 101.0
    assert handshakes.take()
