"""How a channel comes to stand: TCP connects, TLS handshakes on either side, each with its time limit.

Knows sockets and time limits; what is said over the channel is its caller's.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from typing import Any

from gateway.channel import Channel, tune
from gateway.errors import Lost, Unreachable


async def connect(host: str, port: int, *, seconds: float) -> Channel:
    """Open plain TCP to `host:port`, its addresses in turn; `Unreachable` names the last failure."""
    loop = asyncio.get_running_loop()
    fault: Exception = TimeoutError(f"no connection within {seconds:g} s")
    try:
        async with asyncio.timeout(seconds):
            for family, kind, proto, _, address in await resolve(host, port):
                sock = socket.socket(family, kind, proto)
                try:
                    tune(sock)
                    await loop.sock_connect(sock, address)
                except OSError as error:
                    sock.close()
                    fault = error
                except BaseException:
                    sock.close()
                    raise
                else:
                    return Channel(sock, loop)
    except (TimeoutError, socket.gaierror) as error:
        fault = error if isinstance(error, socket.gaierror) else fault
    raise Unreachable(f"{host}:{port}: {fault}") from fault


async def resolve(host: str, port: int) -> list[tuple[Any, ...]]:
    """Return what `getaddrinfo` does for TCP, or raise its `OSError`; an address costs no thread."""
    try:
        flags = socket.AI_NUMERICHOST | socket.AI_NUMERICSERV
        return list(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=flags))
    except socket.gaierror:
        return list(await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM))


async def start_tls(
    channel: Channel, context: ssl.SSLContext, *, server_name: str | None = None, seconds: float
) -> Channel:
    """Shake hands on a plain channel (`server_name` None: as the server); return the TLS channel.

    Takes the channel over: it is closed when this fails. `Lost` names the reason.
    """
    loop = asyncio.get_running_loop()
    sock = channel.sock
    try:
        secure = context.wrap_socket(
            sock,
            server_side=server_name is None,
            do_handshake_on_connect=False,
            suppress_ragged_eofs=False,
            server_hostname=server_name,
        )
    except (OSError, ValueError) as error:
        channel.close()
        raise Lost(f"TLS handshake: {error}") from error
    upgraded = Channel(secure, loop)
    try:
        async with asyncio.timeout(seconds):
            await _shake(upgraded, secure)
    except TimeoutError as error:
        raise Lost(f"TLS handshake: not done within {seconds:g} s") from error
    except OSError as error:
        raise Lost(f"TLS handshake: {error}") from error
    finally:
        if secure.version() is None:
            upgraded.close()
    return upgraded


async def _shake(channel: Channel, secure: ssl.SSLSocket) -> None:
    while True:
        try:
            secure.do_handshake()
        except ssl.SSLWantReadError:
            await channel.readable()
        except ssl.SSLWantWriteError:
            await channel.writable()
        else:
            return
