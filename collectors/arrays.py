"""A file of named arrays: what a checkpoint and a set of aggregates look like on disk.

Layout: magic (8 bytes), length of the header (u32, little-endian), header (JSON: the writer's own facts, then
name, dtype and shape of each array), the arrays' bytes one after the other, SHA-256 of all that. No pickle,
no compression: a checkpoint is written often and read rarely. Knows nothing of what the arrays mean.
"""

from __future__ import annotations

import hashlib
import json
import math
import mmap
import os
import struct
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from collectors.errors import ArraysError

MAGIC: Final = b"ITMARR1\n"
_LENGTH: Final = struct.Struct("<I")
_DIGEST_BYTES: Final = 32
ALIGN: Final = 8
"""Arrays begin on such a border. A writer that has them mapped puts wide items before narrow ones: so all
stay aligned, and numpy need not copy an array before it looks something up in it.
"""


@dataclass(frozen=True, slots=True, eq=False)
class ArrayFile:
    """Named arrays and the facts (JSON values) that go with them."""

    facts: Mapping[str, Any]
    arrays: Mapping[str, npt.NDArray[Any]]


def pack(content: ArrayFile) -> bytes:
    """Return the bytes of a file with this content."""
    return b"".join(_parts(content))


def _parts(content: ArrayFile) -> Iterator[bytes | memoryview]:
    """Return the file's bytes piece by piece; the arrays are not copied."""
    columns = [
        {"name": name, "dtype": array.dtype.str, "shape": list(array.shape)}
        for name, array in content.arrays.items()
    ]
    header = json.dumps({"facts": content.facts, "arrays": columns}).encode()
    header += b" " * (-(len(MAGIC) + _LENGTH.size + len(header)) % ALIGN)
    digest = hashlib.sha256()
    parts: list[bytes | memoryview] = [MAGIC + _LENGTH.pack(len(header)) + header]
    for part in parts + [_bytes_of(array) for array in content.arrays.values()]:
        digest.update(part)
        yield part
    yield digest.digest()


def _bytes_of(array: npt.NDArray[Any]) -> memoryview[int]:
    return memoryview(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)


def unpack(data: bytes | memoryview) -> ArrayFile:
    """Return the content of a packed file; the arrays are read-only. Raises `ArraysError`."""
    if data[: len(MAGIC)] != MAGIC:
        raise ArraysError("not a file of arrays of this version")
    body = memoryview(data)[:-_DIGEST_BYTES]
    if hashlib.sha256(body).digest() != data[-_DIGEST_BYTES:]:
        raise ArraysError("checksum differs: the file is damaged")
    try:
        return _content(body)
    except (struct.error, ValueError, TypeError, KeyError, RecursionError) as error:
        raise ArraysError(f"the header does not fit what follows: {error}") from error


def _content(body: memoryview) -> ArrayFile:
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
    return ArrayFile(dict(header["facts"]), arrays)


def write(path: Path, data: bytes, mode: int = 0o640) -> None:
    """Replace the file at `path` atomically and durably: after a crash it holds the old or the new bytes."""
    _replace(path, [data], mode)


def store(path: Path, content: ArrayFile) -> None:
    """Replace the file at `path` by one with this content, as `write` does, without a copy of the arrays."""
    _replace(path, _parts(content), 0o640)


def _replace(path: Path, parts: Iterable[bytes | memoryview], mode: int) -> None:
    aside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "wb") as file:
            for part in parts:
                file.write(part)
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


def mapped(path: Path) -> ArrayFile:
    """Return the content of a file as `read` does, its arrays as views of the mapped file.

    What nobody looks at takes no memory. Raises `ArraysError` naming the file, and `OSError` where there is
    none.
    """
    with path.open("rb") as file:
        try:
            data = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
        except ValueError as error:
            raise ArraysError(f"{path}: {error}") from error
    try:
        return unpack(data)
    except ArraysError as error:
        raise ArraysError(f"{path}: {error}") from error


def sync_directory(directory: Path) -> None:
    """Make creations, renames and removals in a directory durable."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
