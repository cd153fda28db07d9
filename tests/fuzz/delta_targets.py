"""What collectors send to the builder, as functions of bytes that may raise nothing."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Final

import numpy as np

from collectors.celltable import CellTable
from collectors.delta import Delta, pack, parse
from collectors.errors import DeltaError
from collectors.gather import gather
from collectors.segments import Position
from tests.collectors.observed import NOON, observed, rungs
from tests.fuzz.target import Target

_CHECKSUM_BYTES: Final = 32


def read_delta(raw: bytes) -> None:
    """With a checksum that fits, whatever stands before it; what is sound can be counted."""
    body = raw[:-_CHECKSUM_BYTES]
    delta = parse(body + hashlib.sha256(body).digest())
    pops = np.arange(len(delta.gathered.pops), dtype=np.uint16)
    table = CellTable(1000)
    table.merge(delta.gathered.values, pops)
    assert len(table) <= 1000
    assert np.isfinite(table.weights()).all()


def _some() -> Delta:
    records = np.concatenate([observed([10, 20, 900]), observed([1, 0], metric="availability", pop="pop-b")])
    return Delta(
        "local", 7, Position(3, 999), gather(records, rungs(records), NOON, 43_200), refused={"late": 4}
    )


TARGETS: Final[dict[str, Target]] = {
    "delta": Target(
        read_delta,
        (pack(_some()), pack(replace(_some(), sequence=1, refused={})), pack(Delta.question("local"))),
        (DeltaError,),
    ),
}
