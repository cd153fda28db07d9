"""One wire to a POP: TCP, TLS with the POP's name verified, our hello, the POP's answer."""

from __future__ import annotations

import asyncio
import logging
import ssl
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from gateway.channel import Channel
from gateway.dial import connect, start_tls
from gateway.errors import Lost, Unreachable
from gateway.launch.paths import Path
from gateway.protocol import hello as hellos
from gateway.protocol.hello import Accepted, ClientHello

log = logging.getLogger(__name__)

CONNECT_SECONDS: Final = 3.0
ANSWER_SECONDS: Final = 15.0
"""Above a POP's own launch time-out, so that its refusal, which names a reason, comes first."""


@dataclass(frozen=True, slots=True)
class Wire:
    """A wire whose POP said yes; `rest` came behind that. `is_offered`: our RESUME went with the hello."""

    path: Path
    epoch: int
    channel: Channel
    accepted: Accepted
    rest: bytes
    is_offered: bool = False


async def open_wire(path: Path, hello: ClientHello, context: ssl.SSLContext, offer: bytes = b"") -> Wire:
    """Return a joined wire; `Unreachable`, `Lost`, or `ProtocolError` with the code of the refusal.

    `offer`, a RESUME, goes right behind the hello, which saves its round trip. Logs the ms of TCP, TLS and
    the POP's answer: the rest of a launch stands in the POP's trace.
    """
    clock = asyncio.get_running_loop().time
    marks = [clock()]
    plain = await connect(path.address, path.port, seconds=CONNECT_SECONDS)
    marks.append(clock())
    channel = await start_tls(plain, context, server_name=path.name, seconds=CONNECT_SECONDS)
    marks.append(clock())
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            await channel.write(hellos.encode_hello(hello) + offer)
            accepted, rest = await _read_answer(channel)
    except TimeoutError as error:
        channel.close()
        raise Unreachable(f"{path.address}:{path.port}: no answer to our hello") from error
    except BaseException:
        channel.close()
        raise
    marks.append(clock())
    tcp, tls, answer = (round((after - before) * 1000, 1) for before, after in pairwise(marks))
    log.info(
        "wire.joined",
        extra={
            "session": accepted.session, "epoch": hello.epoch, "pop": path.address,
            "tcp_ms": tcp, "tls_ms": tls, "answer_ms": answer,
        },
    )  # fmt: skip
    return Wire(path, hello.epoch, channel, accepted, rest, bool(offer))


async def _read_answer(channel: Channel) -> tuple[Accepted, bytes]:
    data = b""
    while True:
        more = await channel.read()
        if not more:
            raise Lost("the POP closed before it answered")
        data += more
        answer = hellos.parse_answer(data)
        if answer is not None:
            return answer[0], data[answer[1] :]


def client_context(ca: str | None) -> ssl.SSLContext:
    """Return the launcher's TLS context; `ca` is a PEM file to trust instead of the system's."""
    context = ssl.create_default_context(cafile=ca)
    context.set_alpn_protocols([hellos.ALPN])
    return context
