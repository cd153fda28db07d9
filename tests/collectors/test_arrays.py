from pathlib import Path

import numpy as np
import pytest

from collectors.arrays import ArrayFile, mapped, pack, read, unpack, write
from collectors.errors import ArraysError

CONTENT = ArrayFile(
    {"kind": "test", "at": [1, 2.5]},
    {
        "ids": np.array([b"a", b"pop-b"], "S32"),
        "none": np.zeros(0, np.uint64),
        "table": np.arange(12, dtype=np.float32).reshape(3, 4)[:, ::2],
    },
)


def test_content_survives_packing():
    """Names, types, shapes, values and facts come back; strided and empty arrays too."""
    back = unpack(pack(CONTENT))
    assert back.facts == CONTENT.facts
    assert list(back.arrays) == list(CONTENT.arrays)
    for name, array in CONTENT.arrays.items():
        assert back.arrays[name].dtype == array.dtype
        assert np.array_equal(back.arrays[name], array)


def test_every_flipped_byte_is_noticed():
    """A file that differs in any byte, or is cut anywhere, is refused."""
    data = pack(CONTENT)
    for at in range(0, len(data), 7):
        damaged = bytearray(data)
        damaged[at] ^= 0x40
        with pytest.raises(ArraysError):
            unpack(bytes(damaged))
        with pytest.raises(ArraysError):
            unpack(data[:at])


def test_writing_replaces_whole_files(tmp_path: Path):
    """The new bytes are there, the mode is the one asked for, and nothing is left beside them."""
    path = tmp_path / "state"
    write(path, b"old", mode=0o600)
    write(path, pack(CONTENT), mode=0o600)
    assert read(path).facts == CONTENT.facts
    assert [p.name for p in tmp_path.iterdir()] == ["state"]
    assert path.stat().st_mode & 0o777 == 0o600


def test_reading_names_the_file(tmp_path: Path):
    """An error says which file it is about."""
    path = tmp_path / "state"
    path.write_bytes(b"nonsense")
    with pytest.raises(ArraysError, match=str(path)):
        read(path)


def test_a_mapped_file_reads_the_same(tmp_path: Path):
    """And goes on to, when the file is replaced; what is no file of arrays is named."""
    path = tmp_path / "state"
    write(path, pack(CONTENT))
    back = mapped(path)
    write(path, b"other")
    assert back.facts == CONTENT.facts
    for name, array in CONTENT.arrays.items():
        assert np.array_equal(back.arrays[name], array)
    for content in (b"other", b""):
        path.write_bytes(content)
        with pytest.raises(ArraysError, match="state: "):
            mapped(path)
    with pytest.raises(FileNotFoundError):
        mapped(tmp_path / "missing")


def test_a_mapped_file_is_aligned_where_wide_items_come_first(tmp_path: Path):
    """Whatever the length of the facts: nothing is copied to be looked up in."""
    for length in range(9):
        arrays = {"wide": np.arange(3, dtype=np.uint64), "narrow": np.arange(5, dtype=np.uint16)}
        write(tmp_path / "state", pack(ArrayFile({"kind": "x" * length}, arrays)))
        assert all(array.flags.aligned for array in mapped(tmp_path / "state").arrays.values())
