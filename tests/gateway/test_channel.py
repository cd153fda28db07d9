"""A channel is the same to use over TLS and over TCP, and tells a clean end from a broken one."""

from __future__ import annotations

import asyncio
import math
import socket
from pathlib import Path

import pytest

from gateway.channel import CHUNK_BYTES, Channel
from gateway.dial import connect, start_tls
from gateway.errors import Lost, Unreachable
from tests.gateway.certificates import Certificates
from tests.gateway.pairs import read_all, tcp_pair, tls_pair


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(params=["tcp", "tls"])
def secure(request: pytest.FixtureRequest) -> bool:
    return bool(request.param == "tls")


async def pair(certificates: Certificates, secure: bool, buffer_bytes: int = 0) -> tuple[Channel, Channel]:
    if secure:
        return await tls_pair(certificates, buffer_bytes=buffer_bytes)
    return tcp_pair(buffer_bytes=buffer_bytes)


def test_bytes_larger_than_any_buffer_arrive_both_ways(certificates: Certificates, secure: bool) -> None:
    """Write waits for room, read for bytes; neither loses or reorders."""
    data = bytes(range(256)) * 4096

    async def body() -> None:
        near, far = await pair(certificates, secure, 4096)
        for source, sink in ((near, far), (far, near)):
            _, got = await asyncio.gather(source.write(data), sink.read_exactly(len(data)))
            assert got == data
        near.close()
        far.close()

    asyncio.run(body())


def test_half_close_keeps_bytes_that_wait_to_be_read(certificates: Certificates, secure: bool) -> None:
    """Ending our direction while the peer's records wait in kernel and OpenSSL loses none of them."""

    async def body() -> None:
        near, far = await pair(certificates, secure)
        await far.write(b"x" * 40_000)
        assert await near.read(10) == b"x" * 10
        assert near.finish()
        assert await far.read() == b""
        await far.write(b"after")
        assert far.finish()
        assert await read_all(near) == b"x" * 39_990 + b"after"
        assert near.finish()
        assert await near.read() == b""
        near.close()
        far.close()

    asyncio.run(body())


def test_close_without_close_notify_is_a_loss(certificates: Certificates) -> None:
    """A truncated TLS stream must not look complete."""

    async def body() -> None:
        near, far = await tls_pair(certificates)
        await far.write(b"all?")
        far.close()
        assert await near.read() == b"all?"
        with pytest.raises(Lost):
            await near.read()
        near.close()

    asyncio.run(body())


def test_a_reset_is_a_loss(certificates: Certificates, secure: bool) -> None:
    """Abort throws away and says so to the peer."""

    async def body() -> None:
        near, far = await pair(certificates, secure)
        far.abort()
        with pytest.raises(Lost):
            await near.read()
        near.close()

    asyncio.run(body())


def test_closing_wakes_who_waits(certificates: Certificates, secure: bool) -> None:
    """A read that waits for bytes ends when the channel is closed beside it."""

    async def body() -> None:
        near, far = await pair(certificates, secure)
        waiting = asyncio.ensure_future(near.read())
        await asyncio.sleep(0)
        near.close()
        with pytest.raises(Lost):
            await waiting
        far.close()

    asyncio.run(body())


def test_finish_waits_for_room_for_its_alert(certificates: Certificates) -> None:
    """close_notify is not lost behind a full socket."""

    async def body() -> None:
        near, far = await tls_pair(certificates, buffer_bytes=4096)
        sent = 0
        try:
            while True:
                sent += near.transmit(bytes(100))
        except OSError:
            near.sock.setblocking(True)
            unfinished = bytes(100)
        reading = asyncio.ensure_future(read_all(far))
        near.sock.setblocking(False)
        await near.write(unfinished)
        while not near.finish():
            await near.writable()
        assert len(await reading) == sent + len(unfinished)
        near.close()
        far.close()

    asyncio.run(body())


def test_farewell_delivers_the_last_words_over_unread_input(certificates: Certificates, secure: bool) -> None:
    """The peer reads the refusal although its own bytes were never read."""

    async def body() -> None:
        near, far = await pair(certificates, secure)
        await far.write(b"junk" * 1000)
        await near.write(b"refused")
        leaving = asyncio.ensure_future(near.farewell(seconds=5))
        assert await read_all(far) == b"refused"
        far.close()
        await leaving
        assert near.is_closed

    asyncio.run(body())


def test_silent_handshake_is_cut(certificates: Certificates) -> None:
    """Who connects and says nothing loses the connection when the time is up."""

    async def body() -> None:
        near, far = tcp_pair()
        with pytest.raises(Lost, match="not done within"):
            await start_tls(near, certificates.server_context(), seconds=0.02)
        assert await far.read() == b""
        far.close()

    asyncio.run(body())


def test_junk_handshake_is_a_loss(certificates: Certificates) -> None:
    """Bytes that are no ClientHello end in `Lost` at once."""

    async def body() -> None:
        near, far = tcp_pair()
        await far.write(b"GET / HTTP/1.1\r\n\r\n")
        with pytest.raises(Lost, match="TLS handshake"):
            await start_tls(near, certificates.server_context(), seconds=5)
        far.close()

    asyncio.run(body())


def test_a_foreign_certificate_is_refused(certificates: Certificates, tmp_path: Path) -> None:
    """A client trusts its own authority only."""
    other = Certificates(tmp_path)

    async def body() -> None:
        near, far = tcp_pair()
        results = await asyncio.gather(
            start_tls(near, other.server_context(), seconds=5),
            start_tls(far, certificates.client_context(), server_name="gw.test", seconds=5),
            return_exceptions=True,
        )
        assert isinstance(results[1], Lost)
        assert "certificate verify failed" in str(results[1])
        if isinstance(results[0], Channel):
            results[0].close()

    asyncio.run(body())


def test_connect_sets_the_socket_up_and_reports_failure() -> None:
    """NODELAY and keep-alive are on; nobody listening is `Unreachable` with the address."""

    async def body() -> None:
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            listener.listen()
            port = listener.getsockname()[1]
            channel = await connect("127.0.0.1", port, seconds=5)
            assert channel.sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
            assert channel.sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
            assert channel.peer == ("127.0.0.1", port)
            assert 0 <= channel.rtt_ms() < 1000
            channel.close()
            assert math.isnan(channel.rtt_ms())
            assert channel.peer == ("", 0)
        with pytest.raises(Unreachable, match=f"127.0.0.1:{port}"):
            await connect("127.0.0.1", port, seconds=5)

    asyncio.run(body())


def test_early_bytes_come_first() -> None:
    """What was read behind a preamble is read again before the socket's bytes."""

    async def body() -> None:
        near, far = tcp_pair()
        near.early = b"before"
        await far.write(b"after")
        assert await near.read_exactly(11) == b"beforeafter"
        assert CHUNK_BYTES == 65_536
        near.close()
        far.close()

    asyncio.run(body())
