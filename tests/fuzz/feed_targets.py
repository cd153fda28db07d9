"""Feeds of measurements, and the file that says how far one was followed, as functions of bytes."""

from __future__ import annotations

import json
import math
import tempfile
from functools import cache
from pathlib import Path
from typing import Final

from collectors.clienthash import ClientHash
from collectors.errors import FollowError
from collectors.feed import mark, rows
from collectors.measurement import SOURCES, packed
from tests.fuzz.target import Target

NOW: Final = 1_700_000_000.0
HOUR: Final = 3600.0
POPS: Final = frozenset({"tyo", "fra"})
LONGEST_TEXT: Final = 600
CLIENTS: Final = ClientHash(lambda: NOW, bytes)


def read_rows(raw: bytes) -> None:
    """Each line is taken or refused, once; what is taken can be written down, and is of this hour."""
    for kind in ("", *rows.KINDS):
        for shift in (False, True):
            found = rows.parse(
                raw,
                now=NOW,
                window_seconds=HOUR,
                pops=POPS,
                kind=kind,
                shift_to_now=shift,
                client_of=CLIENTS.of,
            )
            taken = len(found.accepted) + len(found.loads)
            assert taken + len(found.refused) <= raw.count(b"\n") + 1
            assert len({row.line for row in found.refused}) == len(found.refused)
            assert all(row.text.isascii() and len(row.text) < LONGEST_TEXT for row in found.refused)
            for one in found.accepted:
                assert one.pop in POPS
                assert one.source in SOURCES
                assert NOW - HOUR <= one.time <= NOW
            for load in found.loads:
                assert load.pop in POPS
                assert NOW - HOUR <= load.time <= NOW
                assert math.isfinite(load.sessions / load.capacity)
            packed(found.accepted)


@cache
def _path() -> Path:
    return Path(tempfile.mkdtemp()) / "feed.csv.position"


def read_mark(raw: bytes) -> None:
    """Whatever is taken for a position can be kept, and is the same then."""
    _path().write_bytes(raw)
    found = mark.kept(_path())
    assert found is not None
    mark.keep(_path(), found)
    assert mark.kept(_path()) == found


_ROW: Final = {"network": "133.11.0.9", "pop": "tyo", "metric": "rtt_ms", "value": 12.5, "time": NOW - 60}
_LOAD: Final = {"pop": "fra", "metric": "load", "sessions": 3, "capacity": "9", "time": NOW, "host": "a"}
_TIMED: Final = {**_ROW, "network": "2001:db8::/48", "time": "2023-11-14T22:13:00Z", "coarse": "1"}

TARGETS: Final[dict[str, Target]] = {
    "feed_rows": Target(
        read_rows,
        (
            "\n".join(json.dumps(one) for one in (_ROW, _LOAD, _TIMED)).encode(),
            b"133.11.0.0/24,tyo,rtt_ms,12.5,1699999990\n2001:db8::1,fra,availability,1,1699999990\n",
            b'\xef\xbb\xbftime,value,metric,pop,"network",source\r\n1699999990,"7",connect_ms,tyo,1.2.3.4,nel\r\n',
        ),
        (),
    ),
    "feed_mark": Target(
        read_mark,
        (json.dumps({"device": 1, "inode": 2, "offset": 3, "line": 4, "until": 5, "head_bytes": 3,
                     "head": "ab"}).encode(),),
        (FollowError,),
    ),
}  # fmt: skip
