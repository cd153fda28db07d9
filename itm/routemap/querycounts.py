"""Queries counted in one hour, by service and network: what DNS workers write and the builder adds up.

No query is in it and no address: a network is a /24 or a /48. The file is an uncompressed zip archive of
numpy arrays (`numpy.savez`), each with its checksum.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from itm.errors import CountsError

HOUR_SECONDS: Final = 3600
MOST_ROWS: Final = 100_000
"""Rows of one hour, 15 bytes each; the lightest give way."""

_COLUMNS: Final = {"service": "<u2", "key": "<u8", "named": "|b1", "count": "<u4"}
_UNREADABLE: Final = (zipfile.BadZipFile, OSError, EOFError, KeyError, ValueError, IndexError)


@dataclass(frozen=True, slots=True, eq=False)
class QueryCounts:
    """One row per (service, network, named), sorted so; `hour` counts since the epoch.

    `service` indexes `services`; `key` is the network's (family << 60 | unit): of the Client Subnet where the
    query `named` one, else of the resolver. `lost` queries had no row left. `parts` are the files that it was
    added up from.
    """

    hour: int
    services: tuple[str, ...]
    service: npt.NDArray[np.uint16]
    key: npt.NDArray[np.uint64]
    named: npt.NDArray[np.bool_]
    count: npt.NDArray[np.uint32]
    lost: int = 0
    parts: tuple[str, ...] = ()

    @classmethod
    def nothing(cls, hour: int) -> QueryCounts:
        """Return that of an hour in which nobody asked."""
        none = np.zeros(0, "<u2"), np.zeros(0, "<u8"), np.zeros(0, np.bool_), np.zeros(0, "<u4")
        return cls(hour, (), *none)

    def __len__(self) -> int:
        return len(self.key)

    @property
    def queries(self) -> int:
        """All of them, the lost among them."""
        return int(self.count.sum(dtype=np.int64)) + self.lost


def joined(hour: int, some: Sequence[QueryCounts], most: int = MOST_ROWS) -> QueryCounts:
    """Return the sum of counts, as those of `hour`: its `most` heaviest rows, the others as lost."""
    services = tuple(sorted({name for one in some for name in one.services}))
    number = {name: index for index, name in enumerate(services)}
    service = _column(
        [np.array([number[n] for n in one.services], "<u2")[one.service] for one in some], "<u2"
    )
    # The family leaves the top bit of a key clear.
    who = _column([one.key << np.uint64(1) | one.named for one in some], "<u8")
    count = _column([one.count for one in some], "<i8")
    order = np.lexsort((who, service))
    service, who, count = service[order], who[order], count[order]
    first = np.flatnonzero(np.append(True, (who[1:] != who[:-1]) | (service[1:] != service[:-1]))[: len(who)])
    sums = np.add.reduceat(count, first) if len(first) else count
    lost = sum(one.lost for one in some)
    if len(first) > most:
        kept = np.sort(np.argpartition(-sums, most)[:most])
        lost += int(sums.sum() - sums[kept].sum())
        first, sums = first[kept], sums[kept]
    who, sums = who[first], np.minimum(sums, 0xFFFF_FFFF)
    columns = (service[first], who >> np.uint64(1), (who & np.uint64(1)).astype(bool), sums.astype("<u4"))
    return QueryCounts(hour, services, *columns, lost, tuple(part for one in some for part in one.parts))


def _column(parts: Sequence[npt.NDArray[Any]], dtype: str) -> npt.NDArray[Any]:
    return np.concatenate([np.zeros(0, dtype), *(part.astype(dtype) for part in parts)])


def pack(counts: QueryCounts) -> bytes:
    """Return the bytes of a file."""
    file = io.BytesIO()
    np.savez(
        file,
        hour=np.int64(counts.hour),
        lost=np.int64(counts.lost),
        services=np.array(counts.services, dtype=np.str_),
        parts=np.array(counts.parts, dtype=np.str_),
        **{name: getattr(counts, name) for name in _COLUMNS},
    )
    return file.getvalue()


def unpack(data: bytes) -> QueryCounts:
    """Return what `pack` was given. Raises `CountsError` for anything damaged or foreign."""
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as file:
            service, key, named, count = columns = [file[name] for name in _COLUMNS]
            services, parts = (tuple(map(str, file[name].tolist())) for name in ("services", "parts"))
            hour, lost = int(file["hour"]), int(file["lost"])
    except _UNREADABLE as error:
        raise CountsError(f"not a file of query counts: {error}") from error
    is_sound = [c.dtype.str == dtype for c, dtype in zip(columns, _COLUMNS.values(), strict=True)]
    if not all(is_sound) or {c.shape for c in columns} != {(len(count),)} or (service >= len(services)).any():
        raise CountsError("not a file of query counts: its columns do not fit")
    return QueryCounts(hour, services, service, key, named, count, lost, parts)
