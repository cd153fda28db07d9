from __future__ import annotations

import dataclasses
import hashlib
from pathlib import Path

import numpy as np
import pytest

from itm.errors import SnapshotError
from itm.routemap.routemap import RouteMap
from itm.routemap.snapshot import ENTRY, HEADER_BYTES, PREFIX, read, write
from tests.itm.routemap.worlds import random_map


def _same(one: RouteMap, other: RouteMap) -> bool:
    plain = [f.name for f in dataclasses.fields(RouteMap) if f.name != "classes"]
    if any(getattr(one, name) != getattr(other, name) for name in plain):
        return False
    return all(
        np.array_equal(a.leaves, b.leaves)
        and np.array_equal(a.leaf_tail, b.leaf_tail)
        and np.array_equal(a.shares, b.shares)
        and np.array_equal(a.ttl, b.ttl)
        and all(np.array_equal(x, y) for x, y in zip(a.tails, b.tails, strict=True))
        and all(
            np.array_equal(x.start, y.start) and np.array_equal(x.leaf, y.leaf)
            for x, y in ((a.v4, b.v4), (a.v6, b.v6))
        )
        and all(
            np.array_equal(x.unit, y.unit) and np.array_equal(x.leaf, y.leaf)
            for x, y in ((a.resolvers4, b.resolvers4), (a.resolvers6, b.resolvers6))
        )
        for a, b in zip(one.classes, other.classes, strict=True)
    )


@pytest.mark.parametrize("ranks", [0, 3])
def test_what_is_written_is_read(tmp_path: Path, ranks: int) -> None:
    """A map survives the file, with read-only arrays."""
    original = random_map(1, is_shared=True, ranks=ranks)
    assert len(write(original, tmp_path / "maps" / "7.map")) == 64
    copy = read(tmp_path / "maps" / "7.map")
    assert _same(original, copy)
    assert not copy.classes[0].v4.start.flags.writeable
    assert list((tmp_path / "maps").iterdir()) == [tmp_path / "maps" / "7.map"]


def test_a_map_without_classes_or_services(tmp_path: Path) -> None:
    """The smallest map is a map."""
    empty = dataclasses.replace(random_map(1), classes=(), services=(), pops=())
    write(empty, tmp_path / "m")
    assert _same(read(tmp_path / "m"), empty)


def test_every_flipped_byte_is_seen(tmp_path: Path) -> None:
    """Damage anywhere in the file is a SnapshotError, never another answer or another exception."""
    path = tmp_path / "m"
    write(random_map(2, runs=20, leaves=5), path)
    good = path.read_bytes()
    rng = np.random.default_rng(0)
    places = {*range(HEADER_BYTES + 4 * ENTRY.size), *rng.integers(0, len(good), 200).tolist()}
    for place in places:
        path.write_bytes(good[:place] + bytes([good[place] ^ 0x41]) + good[place + 1 :])
        with pytest.raises(SnapshotError):
            read(path)


def test_a_lying_section_table_is_an_error_without_the_checksum_too(tmp_path: Path) -> None:
    """A damaged table never leads outside the file even when nothing is verified."""
    path = tmp_path / "m"
    write(random_map(2, runs=20, leaves=5), path)
    good = bytearray(path.read_bytes())
    good[HEADER_BYTES + 8] ^= 0xFF  # the first section's offset
    path.write_bytes(good)
    with pytest.raises(SnapshotError):
        read(path, verify=False)


@pytest.mark.parametrize("cut", [0, 1, HEADER_BYTES - 1, HEADER_BYTES, 500, -1])
def test_a_cut_or_missing_file(tmp_path: Path, cut: int) -> None:
    """A short file, an empty file and no file are SnapshotErrors."""
    path = tmp_path / "m"
    with pytest.raises(SnapshotError):
        read(path)
    write(random_map(2), path)
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(SnapshotError):
        read(path)


def test_a_wrong_map_is_not_written(tmp_path: Path) -> None:
    """The writer refuses a map that its reader would refuse, and leaves no file."""
    wrong = dataclasses.replace(random_map(1), pops=())
    with pytest.raises(SnapshotError, match="out of range"):
        write(wrong, tmp_path / "m")
    assert list(tmp_path.iterdir()) == []


def test_a_map_of_the_release_before_is_read(tmp_path: Path) -> None:
    """Format 3 knew neither shares nor TTLs of leaves: it is answered from, without them."""
    path = tmp_path / "m"
    newest = random_map(2, is_shared=True, runs=20, leaves=5)
    service = dataclasses.replace(newest.services[0], ttl_most=0)
    newest = dataclasses.replace(newest, services=(service,))
    write(newest, path)
    data = bytearray(path.read_bytes())
    data[8:12] = (3).to_bytes(4, "little")
    data[PREFIX.size : HEADER_BYTES] = hashlib.sha256(data[: PREFIX.size] + data[HEADER_BYTES:]).digest()
    path.write_bytes(data)
    one = newest.classes[0]
    before = dataclasses.replace(one, shares=one.shares[:0], ttl=one.ttl[:0])
    assert _same(read(path), dataclasses.replace(newest, classes=(before,)))


@pytest.mark.parametrize("form", [2, 5])
def test_another_format_is_named(tmp_path: Path, form: int) -> None:
    """A map of another release is refused with both numbers."""
    path = tmp_path / "m"
    write(random_map(2), path)
    data = bytearray(path.read_bytes())
    data[8:12] = form.to_bytes(4, "little")
    path.write_bytes(data)
    with pytest.raises(SnapshotError, match=f"m: format {form}, expected 3 or 4"):
        read(path)
