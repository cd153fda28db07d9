"""Many short sessions of two kinds of clients, in one process: how each went, and why launches were refused.

A session that was opened and did not get every byte back in order is lost; one that was refused, or found
nobody, tries again with a fresh ticket at the other POP, as a user whose DNS answer changed would.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import random
import ssl
import urllib.request
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from gateway.errors import GatewayError, Refused
from gateway.launch.file import LaunchFile
from gateway.launch.program import Launch
from gateway.launch.wire import client_context
from gateway.protocol import ticket as tickets
from tests.e2e.gateway.knocks import POPS
from tests.e2e.gateway.stack import Stack
from tests.e2e.serving import free_ports

TRIES: Final = 40
PAUSE_SECONDS: Final = 0.25
PATIENCE_SECONDS: Final = 15.0


class NotOpened(Exception):
    """The launch did not come to a session; the text says why."""


@dataclass
class Day:
    """The sessions so far."""

    stack: Stack
    portal_key: str
    opened: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    lost: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._resumable = client_context(str(self.stack.ca))
        self._plain = ssl.create_default_context(cafile=str(self.stack.ca))

    async def session(self, number: int) -> None:
        """Open one session, every fourth over SOCKS5, talk for a while, end in order."""
        kind = "socks5" if number % 4 == 3 else "resumable"
        talk = Talk(number, 0.5 + random.Random(number).random() * 2)
        for attempt in range(TRIES):
            pop = POPS[(number + attempt) % 2]
            try:
                await self._open(kind, self.stack.ports[pop], talk)
            except NotOpened as error:
                self.refused[str(error)] += 1
                await asyncio.sleep(PAUSE_SECONDS)
            except (OSError, asyncio.IncompleteReadError, TimeoutError, AssertionError) as error:
                self.lost.append(f"{kind} {number} at {pop} after {talk.exchanged} bytes: {error!r}")
                return
            else:
                self.opened[kind] += 1
                return
        self.lost.append(f"{kind} {number} was refused {TRIES} times")

    async def _open(self, kind: str, port: int, talk: Talk) -> None:
        ticket = await asyncio.to_thread(self._ticket)
        if kind == "socks5":
            await _plain(self._plain, port, ticket, talk)
        else:
            file = LaunchFile("echo", tickets.parse(ticket), "localhost", port, is_used_once=False)
            await _resumable(Launch(file, self._resumable), talk)

    def _ticket(self) -> str:
        request = urllib.request.Request(
            f"https://127.0.0.1:{self.stack.ports['api']}/sta/ticket",
            data=json.dumps({"resource": "echo", "user": "ann"}).encode(),
            headers={"Authorization": f"Bearer {self.portal_key}"},
        )
        try:
            with urllib.request.urlopen(request, timeout=5, context=self._plain) as answer:
                text: str = json.load(answer)["ticket"]
                return text
        except OSError as error:
            raise NotOpened("no broker for a ticket") from error


class Talk:
    """What is said in one session: blocks of chance, each awaited back before the next."""

    def __init__(self, number: int, seconds: float) -> None:
        self._number, self._seconds = number, seconds
        self.exchanged = 0

    async def over(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Raise `OSError`, `IncompleteReadError` or `AssertionError` when a byte is missing or wrong."""
        loop = asyncio.get_running_loop()
        until = loop.time() + self._seconds
        while loop.time() < until:
            seed = f"{self._number}/{self.exchanged}".encode()
            block = hashlib.shake_128(seed).digest(2000)
            writer.write(block)
            async with asyncio.timeout(PATIENCE_SECONDS):
                assert await reader.readexactly(len(block)) == block, "other bytes came back"
            self.exchanged += len(block)
            await asyncio.sleep(0.05)


async def _resumable(launch: Launch, talk: Talk) -> None:
    (port,) = free_ports(1)
    serving = asyncio.create_task(launch.serve_listener("127.0.0.1", port))
    reader, writer = await _connect_when_listening(port)
    fault: Exception | None = None
    try:
        await talk.over(reader, writer)
        writer.write_eof()
        async with asyncio.timeout(PATIENCE_SECONDS):
            assert await reader.read() == b"", "bytes behind the end"
    except (OSError, asyncio.IncompleteReadError, AssertionError) as error:
        fault = error
    writer.close()
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            code = await serving
    except GatewayError as error:
        raise NotOpened(error.code if isinstance(error, Refused) else type(error).__name__) from error
    if fault is not None:
        raise fault
    assert code is None, f"it ended with {code}"


async def _connect_when_listening(port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    while True:
        await asyncio.sleep(0)
        try:
            return await asyncio.open_connection("127.0.0.1", port)
        except ConnectionRefusedError:
            continue


async def _plain(context: ssl.SSLContext, port: int, ticket: str, talk: Talk) -> None:
    try:
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", port, ssl=context, server_hostname="localhost"
        )
    except OSError as error:
        raise NotOpened("Unreachable") from error
    try:
        reply = await _ask(reader, writer, ticket)
        if reply != 0:
            raise NotOpened(f"SOCKS5 reply {reply}")
        await talk.over(reader, writer)
    finally:
        writer.close()


async def _ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, ticket: str) -> int:
    domain = ticket.encode()
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            writer.write(b"\x05\x01\x00")
            await reader.readexactly(2)
            writer.write(b"\x05\x01\x00\x03" + bytes((len(domain),)) + domain + b"\x0a\x26")
            return (await reader.readexactly(10))[1]
    except (OSError, asyncio.IncompleteReadError) as error:
        raise NotOpened("closed before the SOCKS5 reply") from error


async def sessions(day: Day, numbers: range, at_a_time: int, is_enough: Callable[[], bool]) -> int:
    """Run the numbered sessions and, until it is enough, more of them; return how many there were."""
    begun = numbers.start

    async def user() -> None:
        nonlocal begun
        while begun < numbers.stop or not is_enough():
            begun += 1
            await day.session(begun)

    await asyncio.gather(*(user() for _ in range(at_a_time)))
    return begun - numbers.start
