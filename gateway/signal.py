"""Keeps a POP's one mutual-TLS connection to the broker: announces its connectors, carries signals.

An `Open` for a connector at another POP goes up and the broker passes it on; one that comes down is handed
to the connector here, and its answer goes back up. Reconnects with a random, growing pause, to the brokers
in turn, and announces everything anew. Does not decide which connector is asked.
"""

from __future__ import annotations

import asyncio
import logging
import random
import ssl
from collections.abc import Callable, Iterable
from typing import Final, Protocol

from gateway.dial import connect, start_tls
from gateway.errors import GatewayError, Lost
from gateway.pop.standing import Standing
from gateway.protocol import control
from gateway.protocol.codes import CloseCode
from gateway.protocol.control import (
    Announce,
    Cancel,
    End,
    Frame,
    Hello,
    Load,
    Open,
    Opened,
    Ping,
    Pong,
    Refused,
    Welcome,
    Withdraw,
)

log = logging.getLogger(__name__)

DIAL_SECONDS: Final = 5.0
FIRST_PAUSE_SECONDS: Final = 0.25
LONGEST_PAUSE_SECONDS: Final = 15.0


class Pop(Protocol):
    """What the broker's signals reach."""

    @property
    def load(self) -> Load:
        """The POP's sessions and capacity."""

    def announcements(self) -> Iterable[Announce]:
        """Every connector whose line stands here."""

    def forward(self, frame: Open | Cancel) -> None:
        """Hand a frame to the connector here that it is for."""

    def signalled(self, frame: Opened | Refused) -> None:
        """Take the broker's answer to an `Open` that went up."""

    def end(self, frame: End) -> None:
        """End a session here and at its connectors."""

    def revoke(self, connector: str) -> None:
        """End all that a revoked connector has here."""


class Signal:
    """The connection; `run` keeps it. Frames sent while it is down are dropped: their senders time out."""

    def __init__(
        self,
        name: str,
        addresses: tuple[str, ...],
        brokers: tuple[tuple[str, int], ...],
        context: Callable[[], ssl.SSLContext],
    ) -> None:
        self._name, self._addresses, self._brokers, self._context = name, addresses, brokers, context
        self._standing: Standing | None = None
        self._loop = asyncio.get_running_loop()
        self._silent_since = self._loop.time()

    @property
    def silent_seconds(self) -> float:
        """How long no broker has heard us; 0 while one does, and when there is none to hear."""
        if self._standing is not None or not self._brokers:
            return 0.0
        return self._loop.time() - self._silent_since

    @property
    def is_standing(self) -> bool:
        """Whether a broker hears us now."""
        return self._standing is not None

    def send(self, frame: Frame) -> None:
        """Send a frame if a broker hears us."""
        if self._standing is not None:
            self._standing.send(frame)

    async def run(self, pop: Pop) -> None:
        """Keep the connection until cancelled; returns at once when there is no broker to signal to."""
        failures = 0
        while self._brokers:
            host, port = self._brokers[failures % len(self._brokers)]
            try:
                await self._stand(host, port, pop)
            except GatewayError as error:
                failures = 1 if self._standing is not None else failures + 1
                if self._standing is not None:
                    self._standing, self._silent_since = None, self._loop.time()
                log.warning("signal.lost", extra={"broker": f"{host}:{port}", "reason": str(error)})
            longest = min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2 ** min(failures, 10))
            await asyncio.sleep(random.uniform(0, longest))

    async def _stand(self, host: str, port: int, pop: Pop) -> None:
        plain = await connect(host, port, seconds=DIAL_SECONDS)
        context = self._context()
        channel = await start_tls(plain, context, server_name=host, seconds=DIAL_SECONDS)
        standing = Standing(channel, CloseCode.BROKER_INTERNAL)
        try:
            hello = Hello("pop", self._name, addresses=self._addresses)
            await channel.write(control.encode(hello))
            welcome = await standing.first(DIAL_SECONDS)
            if not isinstance(welcome, Welcome):
                raise Lost(f"the broker began with {type(welcome).__name__}")
        except BaseException:
            channel.close()
            raise
        self._standing = standing
        log.info("signal.standing", extra={"broker": f"{host}:{port}"})
        for announcement in pop.announcements():
            standing.send(announcement)
        every = max(1, welcome.ping_seconds)
        await standing.serve(lambda frame: self._take(pop, frame), lambda: (pop.load, Ping(0)), every)

    def _take(self, pop: Pop, frame: Frame) -> None:
        match frame:
            case Open() | Cancel():
                pop.forward(frame)
            case Opened() | Refused():
                pop.signalled(frame)
            case End():
                pop.end(frame)
            case Withdraw():
                pop.revoke(frame.connector)
            case Ping():
                self.send(Pong(frame.token))
            case Pong():
                pass
            case _:
                raise Lost(f"a broker may not send {type(frame).__name__}")

    def connector_left(self, connector: str) -> None:
        """Tell the broker that a connector's line is gone."""
        self.send(Withdraw(connector))
