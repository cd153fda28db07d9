from __future__ import annotations

import contextlib
import logging
import ssl
from pathlib import Path

import pytest

from itm.dns.tls import Certificate, Handshakes, Pair, Secured
from itm.errors import ConfigError
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
    server = Secured(Certificate(Pair(pem, pem)).context)
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
    certificate = Certificate(Pair(pem, pem))
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


def test_certificates_are_taken_up_when_they_change(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A broken file is told once and changes nothing; a good one is for new connections."""
    caplog.set_level(logging.INFO)
    made = Certificates(tmp_path)
    pem = made.server()
    certificate = Certificate(Pair(pem, pem))
    first = certificate.context
    certificate.look()
    assert certificate.context is first
    good = pem.read_bytes()
    pem.write_bytes(good[: len(good) // 2])
    for _ in range(3):
        certificate.look()
    pem.unlink()
    for _ in range(3):
        certificate.look()
    assert certificate.context is first
    assert [r.message for r in caplog.records] == ["certificate.refused"] * 2
    made.server()
    certificate.look()
    assert certificate.context is not first
    assert caplog.records[-1].message == "certificate.loaded"


def test_certificate_and_key_that_do_not_belong_together(tmp_path: Path) -> None:
    """Renewal replaces one file after the other: the old pair stays until both are there."""
    made = Certificates(tmp_path)
    pem, other = made.server(), made.server("other.pem")
    chain, key = tmp_path / "chain.pem", tmp_path / "key.pem"
    for path in (chain, key):
        path.write_bytes(pem.read_bytes())
    certificate = Certificate(Pair(chain, key))
    first = certificate.context
    chain.write_bytes(other.read_bytes())
    certificate.look()
    assert certificate.context is first
    key.write_bytes(other.read_bytes())
    certificate.look()
    assert certificate.context is not first


def test_without_a_sound_certificate_there_is_no_start(tmp_path: Path) -> None:
    """One line that names the setting and the file."""
    missing = tmp_path / "none.pem"
    with pytest.raises(ConfigError, match=r"^dns\.tls_certificate: .*none\.pem: No such file"):
        Certificate(Pair(missing, missing))
    missing.write_text("junk")
    with pytest.raises(ConfigError, match=r"^dns\.tls_certificate: .*none\.pem: "):
        Certificate(Pair(missing, missing))


def test_handshakes_of_a_second() -> None:
    """So many, then none until the next second."""
    clock = Clock()
    handshakes = Handshakes(2, clock)
    assert [handshakes.take() for _ in range(4)] == [True, True, False, False]
    clock.now = 101.0
    assert handshakes.take()
