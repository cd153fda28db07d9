"""Longest-prefix table as sorted runs of units (/24 of IPv4, /48 of IPv6).

A run holds one leaf from its first unit up to the next run's first unit; neighbouring runs differ.
The scope of an address is the shortest aligned prefix around it that stays inside its run, so one
scope never holds two leaves (RFC 7871 7.2.1), and no scope is longer than a unit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

UNIT_DTYPES: dict[int, np.dtype[Any]] = {24: np.dtype("<u4"), 48: np.dtype("<u8")}
"""Type of a run's first unit, by the number of bits of a unit."""


@dataclass(frozen=True, slots=True, eq=False)
class PrefixTable:
    """Runs of one family: `bits` is 24 or 48, `start` the sorted first units, `leaf` their leaves.

    `start[0]` is 0, so that every unit has a leaf.
    """

    bits: int
    start: npt.NDArray[Any]
    leaf: npt.NDArray[np.uint32]

    def lookup(self, unit: int) -> tuple[int, int]:
        """Return (leaf, scope prefix length) of a unit in 0 .. 2**bits - 1."""
        run = int(np.searchsorted(self.start, self.start.dtype.type(unit), side="right")) - 1
        end = int(self.start[run + 1]) if run + 1 < len(self.start) else 1 << self.bits
        return int(self.leaf[run]), scope(self.bits, unit, int(self.start[run]), end)

    def leaves_of(self, units: npt.NDArray[Any]) -> npt.NDArray[np.uint32]:
        """Return the leaf of each unit."""
        runs = np.searchsorted(self.start, units.astype(self.start.dtype), side="right") - 1
        found: npt.NDArray[np.uint32] = self.leaf[runs]
        return found

    def scopes(self) -> int:
        """Return how many scopes resolvers can be told: the aligned prefixes that all runs fall into."""
        first = self.start.astype(np.uint64)
        return int(aligned_blocks(first, np.append(first[1:], np.uint64(1 << self.bits))).sum())

    def problems(self, leaves: int) -> list[str]:
        """Return what is wrong with the table when there are `leaves` leaves; empty when sound."""
        if self.bits not in UNIT_DTYPES or len(self.start) == 0 or len(self.start) != len(self.leaf):
            return ["runs: no run, or as many starts as leaves expected"]
        found = []
        if self.start[0] != 0 or self.start[-1] >> self.start.dtype.type(self.bits) != 0:
            found.append("runs: the first must start at 0 and the last inside the family")
        if not bool(np.all(self.start[1:] > self.start[:-1])):
            found.append("runs: starts must rise")
        if int(self.leaf.max()) >= leaves:
            found.append("runs: a leaf is out of range")
        return found


@dataclass(frozen=True, slots=True, eq=False)
class UnitTable:
    """Single units of one family: `unit` sorted, each once, and their leaves. Others are not in it."""

    bits: int
    unit: npt.NDArray[Any]
    leaf: npt.NDArray[np.uint32]

    @classmethod
    def nothing(cls, bits: int) -> UnitTable:
        """Return the table without a unit."""
        return cls(bits, np.zeros(0, dtype=UNIT_DTYPES[bits]), np.zeros(0, dtype="<u4"))

    def lookup(self, unit: int) -> int | None:
        """Return the leaf of a unit, None where it has none."""
        at = int(np.searchsorted(self.unit, self.unit.dtype.type(unit)))
        return int(self.leaf[at]) if at < len(self.unit) and int(self.unit[at]) == unit else None

    def problems(self, leaves: int) -> list[str]:
        """Return what is wrong with the table when there are `leaves` leaves; empty when sound."""
        if self.bits not in UNIT_DTYPES or len(self.unit) != len(self.leaf):
            return ["units: as many units as leaves expected"]
        if not len(self.unit):
            return []
        found = []
        if self.unit[-1] >> self.unit.dtype.type(self.bits) != 0:
            found.append("units: the last must lie inside the family")
        if not bool(np.all(self.unit[1:] > self.unit[:-1])):
            found.append("units: must rise")
        if int(self.leaf.max()) >= leaves:
            found.append("units: a leaf is out of range")
        return found


def scope(bits: int, unit: int, start: int, end: int) -> int:
    """Return the length of the shortest aligned prefix around `unit` inside the run [start, end).

    A block of 2**k units around `unit` stays clear of a foreign unit x exactly when
    k < bit_length(unit ^ x); the nearest foreign units are start - 1 and end.
    """
    below = unit ^ (start - 1) if start else 1 << bits
    return bits + 1 - min(below, unit ^ end).bit_length()


def aligned_blocks(first: npt.NDArray[np.uint64], end: npt.NDArray[np.uint64]) -> npt.NDArray[np.int64]:
    """Return how many aligned prefixes each range [first, end) of units falls into; none is empty.

    The multiple c of the largest power of two in the range parts it: up to c blocks grow, by the ones of
    c - first; from c on they shrink, by the ones of end - c.
    """
    largest = (np.frexp((first ^ end).astype(np.float64))[1] - 1).astype(np.uint64)
    middle = end >> largest << largest
    count: npt.NDArray[np.int64] = np.bitwise_count(middle - first).astype(np.int64)
    return count + np.bitwise_count(end - middle)


def merge(bits: int, start: npt.NDArray[Any], leaf: npt.NDArray[Any]) -> PrefixTable:
    """Return the table of sorted runs in which neighbours of equal leaf are made one."""
    keep = np.ones(len(start), dtype=bool)
    keep[1:] = leaf[1:] != leaf[:-1]
    return PrefixTable(
        bits,
        np.ascontiguousarray(start[keep], dtype=UNIT_DTYPES[bits]),
        np.ascontiguousarray(leaf[keep], dtype="<u4"),
    )
