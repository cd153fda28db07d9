"""What this POP tells ITM, as rows of its feed: round trips, throughput, launches, how full it is.

Rows wait in a ring of bounded size and go out in batches every few seconds. ITM away: they wait, and the
oldest give way. Rows that ITM may have got are not sent again. A network is a /24 or /48, never an address.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

from gateway.errors import ConfigError, GatewayError, Unreachable
from gateway.pop.contact import Contact
from gateway.pop.counters import Counters
from gateway.pop.http import HttpPeer
from gateway.protocol.codes import CloseCode
from gateway.protocol.control import Load

log = logging.getLogger(__name__)

MOST_ROWS: Final = 20_000
"""Rows that wait, some 200 bytes each."""
BATCH_ROWS: Final = 2_000
EVERY_SECONDS: Final = 5.0
ANSWER_SECONDS: Final = 10.0
TAKEN: Final = (200, 400)
"""Statuses with which ITM has read the rows; with 400 it wanted none of them."""
NO_FAULT: Final = (CloseCode.POP_FULL, CloseCode.POP_DRAINING, CloseCode.POP_NOT_FOUND)
"""What ITM knows as load and as state, and what is none of a launch's."""


def outcome(code: CloseCode | None) -> float | None:
    """Return a launch as availability: 1 opened, 0 the POP's or the network's fault, None for others' faults.

    `pop_lost` is a connector that could not reach this POP, `client_lost` a good client whose connection
    broke. A broker or a connector that is away is away for every POP.
    """
    if code is None:
        return 1.0
    is_ours = code.party == "pop" and code not in NO_FAULT
    return 0.0 if is_ours or code is CloseCode.CLIENT_LOST else None


@dataclass(frozen=True, slots=True)
class Row:
    """One measurement; `at` in seconds since the epoch."""

    metric: str
    network: str
    value: float
    at: float


class Reporter:
    """Collects rows for one POP id of ITM's catalog; `host` tells this host from others of the POP."""

    def __init__(
        self,
        itm: HttpPeer,
        pop: str,
        host: str,
        load: Callable[[], Load],
        counters: Counters,
        clock: Callable[[], float],
    ) -> None:
        self._itm, self._pop, self._host, self._load = itm, pop, host, load
        self._counters, self._clock = counters, clock
        self._contact = Contact("itm.feed", log)
        self._rows: deque[Row] = deque()

    def __len__(self) -> int:
        return len(self._rows)

    def measured(self, metric: str, network: str, value: float) -> None:
        """Note what was measured of a client: its round trip or its throughput."""
        self._add(Row(metric, network, round(value, 3), self._clock()))

    def launch(self, network: str, code: CloseCode | None) -> None:
        """Note how a launch went: None opened."""
        value = outcome(code)
        if value is not None and network:
            self._add(Row("availability", network, value, self._clock()))

    def _add(self, row: Row) -> None:
        if len(self._rows) >= MOST_ROWS:
            self._rows.popleft()
            self._counters.add("report_rows", "dropped")
        self._rows.append(row)

    async def run(self) -> None:
        """Send what there is every few seconds until cancelled."""
        while True:
            await asyncio.sleep(EVERY_SECONDS)
            while await self.send() and len(self._rows) >= BATCH_ROWS:
                pass

    async def send(self) -> bool:
        """Send one batch with the load of now; return whether ITM took it."""
        batch = list(islice(self._rows, BATCH_ROWS))
        lines = [self._load_row(), *map(self._row, batch)]
        body = "\n".join(json.dumps(line) for line in lines).encode()
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                status, answer = await self._itm.request(
                    "POST", "/api/v1/feed", body, kind="application/x-ndjson"
                )
        except (Unreachable, ConfigError) as error:  # nothing was sent
            self._contact.away(str(error))
            return False
        except (GatewayError, TimeoutError) as error:
            self._forget(batch, "lost")
            self._contact.away(str(error) or "no answer in time")
            return False
        if status not in TAKEN:
            self._contact.away(f"status {status}: {_said(answer)}")
            return False
        self._forget(batch, "sent")
        self._judge(answer)
        return True

    def _judge(self, answer: bytes) -> None:
        """A row refused is a setting that is wrong: its first reason is told."""
        try:
            told = json.loads(answer)
            refused, reasons = int(told["refused"]), told["reasons"]
        except (ValueError, KeyError, TypeError):
            self._contact.away(f"an answer that is no feed's: {_said(answer)}")
            return
        if refused:
            self._counters.add("report_rows", "refused", refused)
            self._contact.away(f"rows are refused: {reasons[0]['text'] if reasons else refused}")
        else:
            self._contact.here()

    def _forget(self, batch: list[Row], label: str) -> None:
        """Take a batch off the ring; rows that gave way meanwhile are gone already."""
        self._counters.add("report_rows", label, len(batch))
        known = set(map(id, batch))
        while self._rows and id(self._rows[0]) in known:
            self._rows.popleft()

    def _row(self, row: Row) -> dict[str, Any]:
        return {
            "pop": self._pop,
            "metric": row.metric,
            "network": row.network,
            "value": row.value,
            "time": round(row.at, 3),
            "source": "session",
        }

    def _load_row(self) -> dict[str, Any]:
        load = self._load()
        return {
            "pop": self._pop,
            "metric": "load",
            "host": self._host,
            "sessions": load.sessions,
            "capacity": load.capacity,
            "time": round(self._clock(), 3),
        }


def _said(answer: bytes) -> str:
    return answer[:200].decode(errors="replace")
