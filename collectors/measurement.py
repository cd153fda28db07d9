"""The word everything starts with: one observation of one POP from one network.

A batch travels as one numpy array of `RECORD`, the very bytes the journal keeps, so that no stage
after the edge holds a Python object per measurement.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from collectors.network import Network

METRICS: Final = ("availability", "rtt_ms", "connect_ms", "throughput_kbps")
SOURCES: Final = ("rum", "nel", "probe", "session", "feed")
POP_ID_BYTES: Final = 32
"""Longest POP id, in ASCII bytes (the catalog enforces it)."""

RECORD: Final = np.dtype(
    [
        ("time", "<f8"),  # seconds since the epoch
        ("unit", "<u8"),  # /24 or /48 number
        ("value", "<f4"),  # in the metric's own unit; availability is 0 or 1
        ("client", "<u4"),  # keyed hash of the full address, rotates daily; 0 = not known
        ("family", "u1"),  # 4 or 6
        ("metric", "u1"),  # index into METRICS
        ("source", "u1"),  # index into SOURCES
        ("flags", "u1"),  # bit 0: coarse timer
        ("pop", f"S{POP_ID_BYTES}"),
    ]
)
COARSE: Final = 1


_LAYOUT: Final = struct.Struct(f"<dQfIBBBB{POP_ID_BYTES}s")  # RECORD's
_METRIC: Final = {metric: number for number, metric in enumerate(METRICS)}
_SOURCE: Final = {source: number for number, source in enumerate(SOURCES)}


class Measurement(NamedTuple):
    """One validated observation: `value` in the metric's unit, `time` in seconds since the epoch."""

    network: Network
    pop: str
    metric: str
    value: float
    time: float
    source: str
    client: int = 0
    coarse: bool = False


def records(batch: Sequence[Measurement]) -> npt.NDArray[np.void]:
    """Return the batch as one array of `RECORD`, read-only."""
    return np.frombuffer(packed(batch), RECORD)


def packed(batch: Sequence[Measurement]) -> bytes:
    """Return the bytes of `records`, for whom they are enough."""
    rows = [
        _LAYOUT.pack(
            m.time,
            m.network.unit,
            m.value,
            m.client,
            m.network.family,
            _METRIC[m.metric],
            _SOURCE[m.source],
            COARSE if m.coarse else 0,
            m.pop.encode("ascii"),
        )
        for m in batch
    ]
    return b"".join(rows)
