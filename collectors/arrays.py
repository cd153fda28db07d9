"""A file of named arrays: what a checkpoint and a set of aggregates look like on disk.

Layout: magic (8 bytes), length of the header (u32, little-endian), header (JSON: the writer's own facts, then
name, dtype and shape of each array), the arrays' bytes one after the other, SHA-256 of all that. No pickle,
no compression: a checkpoint is written often and read rarely. Knows nothing of what the arrays mean.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from collectors.errors import ArraysError

MAGIC: Final = b"ITMARR1\n"
_LENGTH: Final = struct.Struct("<I")
_DIGEST_BYTES: Final = 32


@dataclass(frozen=True, slots=True, eq=False)
class ArrayFile:
    """Named arrays and the facts (JSON values) that go with them."""

    facts: Mapping[str, Any]
    arrays: Mapping[str, npt.NDArray[Any]]


def pack(content: ArrayFile) -> bytes:
    """Return the bytes of a file with this content."""
    columns = [
        {"name": name, "dtype": array.dtype.str, "shape": list(array.shape)}
        for name, array in content.arrays.items()
    ]
    header = json.dumps({"facts": content.facts, "arrays": columns}).encode()
    body = b"".join(
        [MAGIC, _LENGTH.pack(len(header)), header]
        + [np.ascontiguousarray(array).tobytes() for array in content.arrays.values()]
    )
    return body + hashlib.sha256(body).digest()


def unpack(data: bytes) -> ArrayFile:
    """Return the content of a packed file; the arrays are read-only. Raises `ArraysError`."""
    if not data.startswith(MAGIC):
        raise ArraysError("not a file of arrays of this version")
    body = memoryview(data)[:-_DIGEST_BYTES]
    if hashlib.sha256(body).digest() != data[-_DIGEST_BYTES:]:
        raise ArraysError("checksum differs: the file is damaged")
    (length,) = _LENGTH.unpack_from(body, len(MAGIC))
    at = len(MAGIC) + _LENGTH.size
    header = json.loads(bytes(body[at : at + length]))
    at += length
    arrays: dict[str, npt.NDArray[Any]] = {}
    for column in header["arrays"]:
        dtype, shape = np.dtype(column["dtype"]), tuple(column["shape"])
        count = math.prod(shape)
        arrays[column["name"]] = np.frombuffer(body, dtype, count, at).reshape(shape)
        at += count * dtype.itemsize
    return ArrayFile(header["facts"], arrays)


def write(path: Path, data: bytes, mode: int = 0o640) -> None:
    """Replace the file at `path` atomically and durably: after a crash it holds the old or the new bytes."""
    aside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)
    sync_directory(path.parent)


def read(path: Path) -> ArrayFile:
    """Return the content of the file at `path`. Raises `ArraysError` naming it, `FileNotFoundError`."""
    try:
        return unpack(path.read_bytes())
    except ArraysError as error:
        raise ArraysError(f"{path}: {error}") from error


def sync_directory(directory: Path) -> None:
    """Make creations, renames and removals in a directory durable."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
