from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from collectors import arrays
from collectors.arrays import ArrayFile
from collectors.clienteletable import ClienteleFile, ClienteleTable
from collectors.errors import ArraysError
from collectors.network import Network


def table(*weights: float) -> ClienteleTable:
    resolver = np.full(len(weights), Network.of("192.0.2.53").key, np.uint64)
    client = np.array([Network.of(f"10.0.{n}.1").key for n in range(len(weights))], np.uint64)
    return ClienteleTable(resolver, client, np.array(weights, np.float32), np.zeros(len(weights)))


def test_what_is_written_is_read(tmp_path: Path) -> None:
    """All columns survive the file, also without a row."""
    for made in (table(1, 2.5), ClienteleTable.nothing()):
        made.write(tmp_path / "c")
        found = ClienteleTable.read(tmp_path / "c")
        assert all(np.array_equal(getattr(found, n), getattr(made, n)) for n in made.__slots__)


def test_keys_are_networks() -> None:
    """A key and its network lead to each other."""
    for text in ("192.0.2.53", "2001:db8:7::1", "0.0.0.1", "255.255.255.255"):
        assert Network.of_key(Network.of(text).key) == Network.of(text)


def test_the_file_is_followed(tmp_path: Path) -> None:
    """A new file is taken up, an unsound one is told and the last good one stays."""
    path = tmp_path / "c"
    file = ClienteleFile(path)
    assert len(file.look()) == 0
    table(1, 2).write(path)
    assert len(file.look()) == 2
    path.write_bytes(b"noise")
    assert len(file.look()) == 2
    assert file.error == f"{path}: not a file of arrays of this version"
    table(1, 2, 3).write(path)
    assert (len(file.look()), file.error) == (3, "")
    path.unlink()
    assert len(file.look()) == 3


def test_a_file_of_something_else(tmp_path: Path) -> None:
    """Arrays without the columns are an error that names the file."""
    arrays.write(tmp_path / "c", arrays.pack(ArrayFile({}, {"resolver": np.zeros(1)})))
    with pytest.raises(ArraysError, match="c: no column 'client'"):
        ClienteleTable.read(tmp_path / "c")
