"""The health table: the state of every POP, and the addresses that are down, in one small shared file.

One writer (the edge), any number of readers (DNS nodes, the builder), no lock: a sequence number is
odd while the writer is inside (a seqlock). A reader compares one number per batch of queries and
reads the slots only when it moved. A POP without a slot is up, and so is an address that is not listed:
addresses stand by value, so that a map with other ones than the catalog of now is not misread.

Layout, little endian: 8 bytes magic, u64 sequence, u32 slots in use, u32 slots there are, u32 addresses in
use, u32 addresses there are; then slots of 64 bytes: 32 bytes POP id, u8 state, u8 forced, 6 bytes zero, f64
since, 16 bytes zero; then addresses of 16 bytes, IPv4 as ::ffff:a.b.c.d.
"""

from __future__ import annotations

import ipaddress
import mmap
import os
import struct
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import Final

from itm.errors import SnapshotError

MAGIC: Final = b"ITMHLTH2"
HEADER: Final = struct.Struct("<8sQIIII")
SLOT: Final = struct.Struct("<32sBB6xd16x")
CAPACITY: Final = 4096
ADDRESS: Final = struct.Struct("16s")
ADDRESS_CAPACITY: Final = 4096
ADDRESSES_AT: Final = HEADER.size + CAPACITY * SLOT.size
SIZE: Final = ADDRESSES_AT + ADDRESS_CAPACITY * ADDRESS.size
COUNTS_AT: Final = 16
V4_PREFIX: Final = bytes(10) + b"\xff\xff"
SEQUENCE_WORD: Final = 1  # the sequence as an index of 8-byte words


class State(IntEnum):
    """State of a POP; the smaller one is served first."""

    UP = 0
    DEGRADED = 1
    DRAINED = 2
    DOWN = 3


@dataclass(frozen=True, slots=True)
class Slot:
    """One POP's entry: `forced` by an operator, `since` in seconds since the epoch."""

    state: State
    forced: bool
    since: float


@dataclass(frozen=True, slots=True)
class Content:
    """All that the table says: a slot by POP id, and the addresses that are down of POPs that are not."""

    slots: Mapping[str, Slot]
    down: frozenset[str] = frozenset()

    @property
    def states(self) -> dict[str, State]:
        """The state of every POP that has a slot."""
        return {pop: slot.state for pop, slot in self.slots.items()}


NOTHING: Final = Content({})


class HealthWriter:
    """The one writer. Opens the table and keeps its content, or creates it. Raises `SnapshotError`."""

    def __init__(self, path: Path, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        if not path.exists():
            _create(path)
        self._map = _open(path, mmap.ACCESS_WRITE)
        self._words = memoryview(self._map).cast("Q")
        self._content = _read(self._map)

    def set(
        self, states: Mapping[str, State], forced: Collection[str] = (), down: Collection[str] = ()
    ) -> bool:
        """Make the table hold exactly these POPs; `forced` are those an operator set, `down` addresses.

        Returns whether anything changed (and the sequence moved). `since` is now for a POP whose
        state or force changed, else stays. Raises `ValueError` for more than fit.
        """
        if len(states) > CAPACITY:
            raise ValueError(f"the health table holds {CAPACITY} POPs, not {len(states)}")
        if len(down) > ADDRESS_CAPACITY:
            raise ValueError(f"the health table holds {ADDRESS_CAPACITY} addresses, not {len(down)}")
        now = self._clock()
        slots = {pop: self._slot(pop, state, pop in forced, now) for pop, state in states.items()}
        content = Content(slots, frozenset(down))
        if content == self._content:
            return False
        packed = b"".join(SLOT.pack(pop.encode("ascii"), *_fields(slot)) for pop, slot in slots.items())
        addresses = b"".join(map(_packed, sorted(content.down)))
        sequence = self._words[SEQUENCE_WORD] | 1
        self._words[SEQUENCE_WORD] = sequence  # odd: readers wait
        struct.pack_into(
            "<4I", self._map, COUNTS_AT, len(slots), CAPACITY, len(content.down), ADDRESS_CAPACITY
        )
        self._map[HEADER.size : HEADER.size + len(packed)] = packed
        self._map[ADDRESSES_AT : ADDRESSES_AT + len(addresses)] = addresses
        self._words[SEQUENCE_WORD] = sequence + 1
        self._content = content
        return True

    def close(self) -> None:
        """Unmap the file; its content stays."""
        self._words.release()
        self._map.close()

    def _slot(self, pop: str, state: State, forced: bool, now: float) -> Slot:
        old = self._content.slots.get(pop)
        if old is not None and old.state == state and old.forced == forced:
            return old
        return Slot(state, forced, now)


class HealthReader:
    """A reader. The file may not exist yet: then the sequence is 0 and every POP is up."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._map: mmap.mmap | None = None
        self._inode = 0
        self._words: memoryview = memoryview(bytes(16)).cast("Q")
        self._last = NOTHING
        self.refresh()

    def sequence(self) -> int:
        """Return the table's sequence number; it moves with every change. Cheap."""
        number: int = self._words[SEQUENCE_WORD]
        return number

    def refresh(self) -> bool:
        """Look whether the file appeared or was replaced; returns whether it was mapped anew.

        A file that is not a health table is left alone, the last good content stays.
        """
        try:
            inode = self._path.stat().st_ino
            if inode == self._inode:
                return False
            self._map = _open(self._path, mmap.ACCESS_READ)
        except (OSError, SnapshotError):
            return False
        self._inode = inode
        self._words = memoryview(self._map).cast("Q")
        return True

    def read(self) -> Content:
        """Return a consistent copy of the table; the last good one while a writer is stuck inside."""
        for _ in range(100 if self._map is not None else 0):
            before = self.sequence()
            if before % 2 == 0 and self._map is not None:
                found = _read(self._map)
                if self.sequence() == before:
                    self._last = found
                    break
            time.sleep(0)  # lets a writer that waits for this very processor finish
        return self._last


def _create(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    header = HEADER.pack(MAGIC, 0, 0, CAPACITY, 0, ADDRESS_CAPACITY)
    fresh.write_bytes(header + bytes(SIZE - len(header)))
    fresh.replace(path)


def _open(path: Path, access: int) -> mmap.mmap:
    with path.open("r+b" if access == mmap.ACCESS_WRITE else "rb") as file:
        if os.fstat(file.fileno()).st_size != SIZE:
            raise SnapshotError(f"{path}: not a health table (expected {SIZE} bytes)")
        mapped = mmap.mmap(file.fileno(), SIZE, access=access)
    if mapped[: len(MAGIC)] != MAGIC:
        raise SnapshotError(f"{path}: not a health table")
    return mapped


def _read(mapped: mmap.mmap) -> Content:
    count, _, listed, _ = struct.unpack_from("<4I", mapped, COUNTS_AT)
    body = mapped[HEADER.size : HEADER.size + min(count, CAPACITY) * SLOT.size]
    found = {}
    for pop, state, forced, since in SLOT.iter_unpack(body):
        name = pop.rstrip(b"\0").decode("ascii", "replace")
        found[name] = Slot(State(min(state, State.DOWN)), bool(forced), since)
    body = mapped[ADDRESSES_AT : ADDRESSES_AT + min(listed, ADDRESS_CAPACITY) * ADDRESS.size]
    return Content(found, frozenset(_text(packed) for (packed,) in ADDRESS.iter_unpack(body)))


def _packed(address: str) -> bytes:
    parsed = ipaddress.ip_address(address)
    return parsed.packed if parsed.version == 6 else V4_PREFIX + parsed.packed


def _text(packed: bytes) -> str:
    if packed.startswith(V4_PREFIX):
        return str(ipaddress.IPv4Address(packed[len(V4_PREFIX) :]))
    return str(ipaddress.IPv6Address(packed))


def _fields(slot: Slot) -> tuple[int, bool, float]:
    return int(slot.state), slot.forced, slot.since
