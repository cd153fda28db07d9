"""Sends NOTIFY to secondaries, from the signer's process: one for all that answer, and none of them.

Looks at the serials that the workers write beside their counters, and leaves what came of it in a file for
the API. Who is due stands in `itm.dns.notify`.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import json
import logging
import socket
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Final

from dns.message import Message

from itm.dns import counters, listen, notify
from itm.dns.name import encode
from itm.dns.notify import Notice, Notices, Target
from itm.dns.tsigkeys import KeyFile
from itm.routemap.routemap import RouteMap

log = logging.getLogger(__name__)

FILE: Final = "secondaries.json"
"""Its name in the state directory."""
FRESH_SECONDS: Final = 5.0
"""A worker's counters that are older belong to one that is gone."""
ANSWER_SECONDS: Final = 3.0
MOST_AT_ONCE: Final = 64
LOOK_SECONDS: Final = 0.5


class Notifier:
    """Tells the secondaries of the live map's zones; `listen` are the addresses that queries come to."""

    def __init__(
        self,
        state: Path,
        routemap: Callable[[], RouteMap | None],
        keys: KeyFile,
        listen_at: Sequence[str],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._state, self._routemap, self._keys, self._clock = state, routemap, keys, clock
        self._sources = _sources(listen_at)
        self._notices = Notices()
        self._shown: dict[str, Any] | None = None
        self._asking: set[asyncio.Task[None]] = set()

    def look(self) -> None:
        """Start telling those who are due, and write what came of the earlier ones. Raises `OSError`."""
        routemap, now = self._routemap(), self._clock()
        zones = {text.name: text.secondaries for text in (routemap.zones if routemap is not None else ())}
        workers = fresh(counters.read_all(self._state), now)
        targets = [(name, one) for name, secondaries in zones.items() for one in secondaries]
        self._notices.serve(targets, notify.served_by_all(workers, zones) if workers else {})
        room = MOST_AT_ONCE - len(self._asking)
        for target, notice in self._notices.due(now, room):
            task = asyncio.get_running_loop().create_task(self._tell(target, notice))
            self._asking.add(task)
            task.add_done_callback(self._asking.discard)
        shown = self._notices.shown()
        if shown != self._shown:
            counters.write(self._state / FILE, shown)
            self._shown = shown

    async def _tell(self, target: Target, notice: Notice) -> None:
        zone, secondary = target
        key = self._keys.look().get(encode(secondary.key)) if secondary.key else None
        if secondary.key and key is None:
            notice.said = f"no key {secondary.key}"
        else:
            asked = notify.request(zone, key)
            source = self._sources.get(ipaddress.ip_address(secondary.address).version)
            try:
                notice.said = await _ask(asked, (secondary.address, secondary.port), source)
            except (OSError, TimeoutError) as error:
                notice.said = "no answer" if isinstance(error, TimeoutError) else str(error)
        if notice.said == "NOERROR":
            notice.answered_at = self._clock()
        elif notice.is_done:
            told = {"zone": zone, "secondary": secondary.address, "serial": notice.serial}
            log.warning("notify.given_up", extra=told | {"reason": notice.said})


def fresh(workers: Iterable[dict[str, Any]], now: float) -> list[dict[str, Any]]:
    """Return the counters of workers that are there."""
    return [one for one in workers if now - one.get("time", 0) < FRESH_SECONDS]


def read(state: Path) -> dict[str, list[dict[str, Any]]]:
    """Return what came of telling secondaries, by zone (`Notices.shown`); nothing yet: nothing."""
    try:
        found = json.loads((state / FILE).read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


async def _ask(asked: Message, place: tuple[str, int], source: str | None) -> str:
    """Send a request over UDP and return the rcode of its answer. Raises `OSError`, `TimeoutError`."""
    loop = asyncio.get_running_loop()
    family = socket.AF_INET6 if ":" in place[0] else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        sock.setblocking(False)
        if source is not None:
            sock.bind((source, 0))
        sock.connect(place)
        sock.send(asked.to_wire())
        async with asyncio.timeout(ANSWER_SECONDS):
            while True:
                said = notify.answer_of(asked, await loop.sock_recv(sock, 65_535))
                if said is not None:
                    return said


def _sources(listen_at: Sequence[str]) -> dict[int, str]:
    """Return the first address of each family that queries come to: secondaries know the server by it."""
    hosts = [ipaddress.ip_address(listen.parse(text).host) for text in listen_at]
    return {host.version: str(host) for host in reversed(hosts) if not host.is_unspecified}


async def run(notifier: Notifier, stopping: asyncio.Event) -> None:
    """Work until `stopping` is set; a fault is logged once per text and tried again."""
    told = ""
    while not stopping.is_set():
        try:
            notifier.look()
            told = ""
        except OSError as error:
            if str(error) != told:
                told = str(error)
                log.error("notifier.failed", extra={"reason": told})
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LOOK_SECONDS):
                await stopping.wait()
