"""What one DNS worker counted, and the small file it tells the edge process through.

Counting on the short path is an increment of a list cell; names are put to the numbers only when the
file is written. JSON, replaced atomically, totals since the worker's start.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from itm.routemap.routemap import TTL_CLASSES

RCODES: Final = {
    0: "NOERROR",
    1: "FORMERR",
    2: "SERVFAIL",
    3: "NXDOMAIN",
    4: "NOTIMP",
    5: "REFUSED",
    6: "YXDOMAIN",
    9: "NOTAUTH",
    16: "BADVERS",
}
VALUES: Final = "values"
"""Stands for a POP's id where a service's last-resort values were answered."""


@dataclass(slots=True)
class Counters:
    """Totals since start. `pops` counts per POP of the present map, `VALUES` last; once per class of TTL."""

    pops: list[int] = field(default_factory=lambda: [0])
    by_rcode: dict[int, int] = field(default_factory=lambda: dict.fromkeys(RCODES, 0))
    static: int = 0  # NOERROR from the short path that no POP is counted for
    ecs: int = 0
    dropped: int = 0
    failures: int = 0  # our own bugs, answered SERVFAIL
    tcp: int = 0
    limited: int = 0  # replies above the rate of their client's network, dropped or slipped
    slipped: int = 0
    tls: int = 0
    tls_handshakes: int = 0  # begun
    tls_failed: int = 0  # handshakes that came to no end
    tls_shed: int = 0  # connections closed because too many handshakes began in a second
    sessions_told: int = 0  # names of browser sessions resolved, and told to the edge
    sessions_lost: int = 0  # not told: nobody reads, or too slowly
    sessions_unproved: int = 0  # answered truncated: the resolver's address may be forged
    proxy_malformed: int = 0  # datagrams and connections of a trusted proxy without a sound header
    _pop_ids: tuple[str, ...] = ()
    _earlier: dict[str, int] = field(default_factory=dict)

    def use_pops(self, pop_ids: Sequence[str]) -> None:
        """Count for these POPs from now on; what was counted stays under the POPs' names."""
        self._earlier = self.by_pop()
        self._pop_ids = tuple(pop_ids)
        self.pops = [0] * (len(pop_ids) + 1) * TTL_CLASSES

    def by_pop(self) -> dict[str, int]:
        """Return the answers per POP id (and `VALUES`)."""
        found = dict(self._earlier)
        names = (*self._pop_ids, VALUES)
        for at, name in enumerate(names):
            found[name] = found.get(name, 0) + sum(self.pops[at :: len(names)])
        return found

    def snapshot(self) -> dict[str, Any]:
        """Return everything under the names the stats file uses."""
        by_pop = self.by_pop()
        rcodes = {RCODES[rcode]: count for rcode, count in self.by_rcode.items()}
        rcodes["NOERROR"] += self.static + sum(by_pop.values())
        return {
            "queries": sum(rcodes.values()) + self.dropped,
            "rcodes": rcodes,
            "pops": by_pop,
            "ecs": self.ecs,
            "dropped": self.dropped,
            "failures": self.failures,
            "tcp": self.tcp,
            "limited": self.limited,
            "slipped": self.slipped,
            "tls": self.tls,
            "tls_handshakes": self.tls_handshakes,
            "tls_failed": self.tls_failed,
            "proxy_malformed": self.proxy_malformed,
            "sessions": {
                "told": self.sessions_told,
                "lost": self.sessions_lost,
                "unproved": self.sessions_unproved,
            },
        }


def write(path: Path, content: dict[str, Any]) -> None:
    """Replace the stats file. Raises `OSError`."""
    fresh = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    fresh.write_text(json.dumps(content), encoding="ascii")
    fresh.replace(path)


def read_all(directory: Path) -> list[dict[str, Any]]:
    """Return the contents of all workers' files in the directory; unreadable ones are left out."""
    found = []
    for path in sorted(directory.glob("dns-*.json")):
        try:
            content = json.loads(path.read_text(encoding="ascii"))
        except (OSError, ValueError):
            continue
        found += [content] if isinstance(content, dict) else []
    return found
