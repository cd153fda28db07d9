"""A file of named integer columns: small on disk, quick to load, sealed by a checksum.

Layout: magic (8 bytes), header length (u32, little-endian), header (JSON: `facts` of the writer, `columns`
with name, dtype and rows, `digest`), then one LZMA stream (xz) of all columns in order. A column is stored by
byte planes (all lowest bytes first), which LZMA packs better than whole numbers. Knows nothing of places.

The digest is SHA-256 over the facts and the columns before compression: the same content has the same digest
with any liblzma.
"""

from __future__ import annotations

import hashlib
import json
import lzma
import os
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from collectors.errors import PlaceTableError

MAGIC: Final = b"ITMPLC1\n"
MAX_HEADER_BYTES: Final = 65_536
MAX_COLUMN_BYTES: Final = 1 << 30
"""A header that promises more decoded bytes than this is damaged; nothing is allocated for it."""

Columns = Mapping[str, npt.NDArray[np.unsignedinteger]]


@dataclass(frozen=True, slots=True, eq=False)
class ColumnFile:
    """What a file holds: the writer's facts, its columns, and the digest of both."""

    facts: Mapping[str, Any]
    columns: Columns
    digest: str


def digest_of(facts: Mapping[str, Any], columns: Columns) -> str:
    """Return the SHA-256 of the facts and the decoded columns, in hexadecimal."""
    layout = [(name, column.dtype.str, len(column)) for name, column in columns.items()]
    digest = hashlib.sha256(json.dumps([facts, layout], sort_keys=True).encode())
    for column in columns.values():
        digest.update(np.ascontiguousarray(column).data)
    return digest.hexdigest()


def save(path: Path, facts: Mapping[str, Any], columns: Columns) -> str:
    """Write the file (aside, then renamed over `path`) and return its digest."""
    digest = digest_of(facts, columns)
    layout = [[name, column.dtype.str, len(column)] for name, column in columns.items()]
    header = json.dumps({"facts": facts, "columns": layout, "digest": digest}, sort_keys=True).encode()
    planes = b"".join(_planes(column) for column in columns.values())
    aside = path.with_name(f"{path.name}.{os.getpid()}.new")
    try:
        with aside.open("wb") as file:
            file.write(MAGIC + struct.pack("<I", len(header)) + header)
            file.write(lzma.compress(planes, preset=9))
            file.flush()
            os.fsync(file.fileno())
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)
    return digest


def load(path: Path) -> ColumnFile:
    """Read a file. Raises `PlaceTableError` when it is missing, foreign, cut short or damaged."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise PlaceTableError(f"{path}: {error.strerror}") from error
    if not data.startswith(MAGIC):
        raise PlaceTableError(f"{path}: not a place table of this version")
    try:
        header, body = _header(data)
        columns = _columns(header["columns"], lzma.decompress(body))
        facts, digest = dict(header["facts"]), str(header["digest"])
    except (struct.error, lzma.LZMAError, ValueError, KeyError, TypeError, EOFError) as error:
        raise PlaceTableError(f"{path}: damaged ({error})") from error
    if digest_of(facts, columns) != digest:
        raise PlaceTableError(f"{path}: damaged (the checksum does not match)")
    return ColumnFile(facts, columns, digest)


def _header(data: bytes) -> tuple[dict[str, Any], memoryview]:
    (length,) = struct.unpack_from("<I", data, len(MAGIC))
    first = len(MAGIC) + 4
    if length > MAX_HEADER_BYTES:
        raise ValueError("header too long")
    header = json.loads(data[first : first + length])
    if not isinstance(header, dict):
        raise TypeError("header is not an object")
    return header, memoryview(data)[first + length :]


def _planes(column: npt.NDArray[np.unsignedinteger]) -> bytes:
    width = column.dtype.itemsize
    return column.astype(column.dtype.newbyteorder("<")).view(np.uint8).reshape(-1, width).T.tobytes()


def _columns(layout: list[list[Any]], planes: bytes) -> dict[str, npt.NDArray[np.unsignedinteger]]:
    columns = {}
    offset = 0
    for name, code, rows in layout:
        dtype = np.dtype(code)
        if dtype.kind != "u" or not 0 <= rows * dtype.itemsize <= MAX_COLUMN_BYTES:
            raise ValueError(f"column {name!r} is impossible")
        flat = np.frombuffer(planes, np.uint8, rows * dtype.itemsize, offset)
        offset += len(flat)
        columns[name] = flat.reshape(dtype.itemsize, rows).T.copy().view(dtype).reshape(rows)
    if offset != len(planes):
        raise ValueError("columns and stream differ in length")
    return columns
