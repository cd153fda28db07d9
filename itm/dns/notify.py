"""NOTIFY (RFC 1996): which secondary is to be told of which serial, when again, and the messages for it.

Pure: serials and the time in, what is due out; sockets are `itm.dns.notifier`'s. A secondary is told until
it answers, at growing distances, and then left to its own refresh until the serial moves.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

import dns.exception
import dns.flags
import dns.message
import dns.opcode
import dns.rcode
import dns.rdatatype
from dns.message import Message

from itm.catalog.types import Secondary
from itm.dns.tsig import Key

FIRST_WAIT_SECONDS: Final = 1.0
LONGEST_WAIT_SECONDS: Final = 60.0  # RFC 1996 3.6
MOST_TRIES: Final = 10
"""Over five minutes in all; RFC 1996 3.6 has five in five."""

Target = tuple[str, Secondary]
"""A zone's name and one of its secondaries."""


@dataclass(slots=True)
class Notice:
    """What one secondary is told of one zone, how often it was, and what it said: `answered_at` in seconds
    since 1970, `said` an rcode, or why it could not be asked.
    """

    serial: int
    tries: int = 0
    due_at: float = 0.0
    answered_at: float | None = None
    said: str = ""

    @property
    def is_done(self) -> bool:
        """Whether it has answered, or is told no more."""
        return self.answered_at is not None or self.tries >= MOST_TRIES


class Notices:
    """Every secondary of every zone that is served."""

    def __init__(self) -> None:
        self._by_target: dict[Target, Notice] = {}

    def serve(self, targets: Iterable[Target], serials: Mapping[str, int]) -> None:
        """Take up the secondaries that there are and the serials that zones are served with: a new one is due
        at once; a zone without one (its workers differ just now) stays as it was.
        """
        before, self._by_target = self._by_target, {}
        for target in targets:
            old, number = before.get(target), serials.get(target[0])
            if number is not None and (old is None or old.serial != number):
                old = Notice(number)
            if old is not None:
                self._by_target[target] = old

    def due(self, now: float, most: int) -> list[tuple[Target, Notice]]:
        """Return who is to be told now, `most` at most; each of them counts as told."""
        waiting = ((t, one) for t, one in self._by_target.items() if not one.is_done and one.due_at <= now)
        found = list(islice(waiting, most))
        for _, one in found:
            one.due_at = now + min(LONGEST_WAIT_SECONDS, FIRST_WAIT_SECONDS * 2**one.tries)
            one.tries += 1
        return found

    def shown(self) -> dict[str, list[dict[str, Any]]]:
        """Return what an operator may want to know, by zone."""
        found: dict[str, list[dict[str, Any]]] = {}
        for (zone, secondary), one in self._by_target.items():
            found.setdefault(zone, []).append(
                {
                    "address": secondary.address,
                    "port": secondary.port,
                    "key": secondary.key,
                    "serial": one.serial,
                    "tries": one.tries,
                    "answered_at": one.answered_at,
                    "said": one.said,
                }
            )
        return found


def served_by_all(workers: Iterable[Mapping[str, Any]], zones: Iterable[str]) -> dict[str, int]:
    """Return the serial of each zone that every worker serves alike: before, a secondary might ask the one
    that does not have it yet. `workers` are their counters.
    """
    told = [worker.get("serials", {}) for worker in workers]
    found = {}
    for zone in zones:
        numbers = {serials.get(zone) for serials in told}
        if len(numbers) == 1 and (number := numbers.pop()) is not None:
            found[zone] = int(number)
    return found


def request(zone: str, key: Key | None) -> Message:
    """Return the message that tells a secondary to look (RFC 1996 3.7); no SOA in it: it asks for that."""
    made = dns.message.make_query(zone, dns.rdatatype.SOA, flags=dns.flags.AA)
    made.set_opcode(dns.opcode.NOTIFY)
    if key is not None:
        made.use_tsig(key)
    return made


def answer_of(asked: Message, packet: bytes) -> str | None:
    """Return the rcode of an answer to `asked`; None for what is none, or is not signed as that was."""
    try:
        told = dns.message.from_wire(packet, keyring=asked.keyring, request_mac=asked.mac)
    except (dns.exception.DNSException, ValueError):
        return None
    if not asked.is_response(told) or (asked.had_tsig and not told.had_tsig):
        return None
    return dns.rcode.to_text(told.rcode())
