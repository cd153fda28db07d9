"""A reach without a gateway between: straight from the test to loopback, refusing what it is told to."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import cast

from gateway.broker.locations import Location
from gateway.broker.reach import Reach
from gateway.channel import Channel
from gateway.dial import connect
from gateway.errors import Refused


@dataclass
class Straight:
    """`opened` holds where pipes were asked for; `code` refuses them."""

    code: str = ""
    opened: list[tuple[str, str, int]] = field(default_factory=list)

    @contextlib.asynccontextmanager
    async def open(
        self, location: Location, host: str, port: int, *, seconds: float
    ) -> AsyncIterator[Channel]:
        self.opened.append((location.id, host, port))
        if self.code:
            raise Refused(self.code)
        channel = await connect(host, port, seconds=seconds)
        try:
            yield channel
        finally:
            channel.close()

    @property
    def reach(self) -> Reach:
        return cast("Reach", self)
