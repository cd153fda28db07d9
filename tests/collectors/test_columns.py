"""The column file: what goes in comes out, and damage is found."""

from __future__ import annotations

import json
import lzma
import struct
from pathlib import Path

import numpy as np
import pytest

from collectors import columns
from collectors.errors import PlaceTableError

FACTS = {"edition": "one"}
COLUMNS = {
    "narrow": np.array([3, 1, 255], np.uint8),
    "wide": np.array([2**63, 0, 77], np.uint64),
    "none": np.empty(0, np.uint32),
}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    columns.save(tmp_path / "table", FACTS, COLUMNS)
    return tmp_path / "table"


def test_columns_come_back_as_they_were(file: Path) -> None:
    """Values, types, order and facts survive."""
    loaded = columns.load(file)
    assert loaded.facts == FACTS
    assert loaded.digest == columns.digest_of(FACTS, COLUMNS)
    assert list(loaded.columns) == list(COLUMNS)
    for name, column in COLUMNS.items():
        assert loaded.columns[name].dtype == column.dtype
        assert loaded.columns[name].tolist() == column.tolist()


def test_only_the_file_itself_is_left_behind(file: Path) -> None:
    """The copy that was written aside is gone."""
    assert [path.name for path in file.parent.iterdir()] == ["table"]


def test_the_digest_tells_facts_values_types_and_names_apart() -> None:
    """Anything that differs in content differs in digest."""
    digests = {
        columns.digest_of(FACTS, COLUMNS),
        columns.digest_of({"edition": "two"}, COLUMNS),
        columns.digest_of(FACTS, COLUMNS | {"narrow": np.array([3, 1, 254], np.uint8)}),
        columns.digest_of(FACTS, COLUMNS | {"none": np.empty(0, np.uint16)}),
        columns.digest_of(FACTS, {f"x{name}": column for name, column in COLUMNS.items()}),
    }
    assert len(digests) == 5


@pytest.mark.parametrize("keep", [0, 4, 10, 60, -10])
def test_a_file_cut_short_is_refused(file: Path, keep: int) -> None:
    """Wherever it was cut."""
    file.write_bytes(file.read_bytes()[:keep])
    with pytest.raises(PlaceTableError, match="table: "):
        columns.load(file)


def test_every_flipped_byte_is_found(file: Path) -> None:
    """No byte of a file can change without the load failing."""
    sound = file.read_bytes()
    for at in range(len(sound)):
        file.write_bytes(sound[:at] + bytes([sound[at] ^ 0x55]) + sound[at + 1 :])
        with pytest.raises(PlaceTableError):
            columns.load(file)


def test_other_values_under_the_old_digest_are_refused(file: Path) -> None:
    """A well-formed stream whose content is not what the digest says."""
    sound = file.read_bytes()
    (length,) = struct.unpack_from("<I", sound, 8)
    planes = bytearray(lzma.decompress(sound[12 + length :]))
    planes[0] ^= 1
    file.write_bytes(sound[: 12 + length] + lzma.compress(bytes(planes)))
    with pytest.raises(PlaceTableError, match="checksum"):
        columns.load(file)


@pytest.mark.parametrize(
    "layout", [[["a", "<u8", 1 << 40]], [["a", "<u8", -1]], [["a", "<f8", 1]], [["a", "|O", 1]], [["a"]], 7]
)
def test_an_impossible_layout_is_refused(file: Path, layout: object) -> None:
    """Nothing is allocated for a header that promises too much, or other things than numbers."""
    header = json.dumps({"facts": {}, "columns": layout, "digest": ""}).encode()
    file.write_bytes(columns.MAGIC + struct.pack("<I", len(header)) + header + lzma.compress(b"12345678"))
    with pytest.raises(PlaceTableError, match="damaged"):
        columns.load(file)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """The message starts with the path."""
    with pytest.raises(PlaceTableError, match=r"^.*absent: No such file"):
        columns.load(tmp_path / "absent")
