from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from collectors import arrays
from collectors.errors import ArraysError
from collectors.network import Network
from collectors.rum.exploration import NO_POP, Exploration, Near, load, number_of, pack
from collectors.rum.plan import TOP

TOKYO, PARIS = Network.of("133.11.0.1"), Network.of("2001:db8::1")


def table() -> Exploration:
    """Two places with a row each, and one measured network; three POPs."""
    near = np.full((3, TOP), NO_POP, np.uint16)
    near[:, :2] = [[0, 1], [2, 0], [1, 2]]
    ms = np.zeros((3, TOP), np.float16)
    ms[:, :2] = [[5, 10], [20, 30.5], [7, 9]]
    return Exploration(
        places="digest",
        pops=("tyo", "osa", "fra"),
        near=near,
        ms=ms,
        spread_ms=ms / 2,
        known=ms * 2,
        place_row=np.array([1, 0], np.uint32),
        network_key=np.array([number_of(TOKYO)], np.uint64),
    )


def test_what_is_known_from_a_place_and_from_a_network(tmp_path: Path):
    """Closest first, without the padding; [] for a network that was not measured."""
    (tmp_path / "t").write_bytes(pack(table()))
    found = load(tmp_path / "t")
    assert (found.places, found.pops) == ("digest", ("tyo", "osa", "fra"))
    assert found.of_place(0) == [Near("fra", 20, 10, 40), Near("tyo", 30.5, 15.25, 61)]
    assert found.of_place(1) == [Near("tyo", 5, 2.5, 10), Near("osa", 10, 5, 20)]
    assert found.of_network(TOKYO) == [Near("osa", 7, 3.5, 14), Near("fra", 9, 4.5, 18)]
    for other in (PARIS, Network(4, TOKYO.unit - 1), Network(4, TOKYO.unit + 1)):
        assert found.of_network(other) == []


def test_a_table_that_leads_out_of_itself_is_refused(tmp_path: Path):
    """Shapes, POPs and rows are looked at before anything is answered from it."""
    good = table()
    for bad in (
        replace(good, ms=good.ms[:2]),
        replace(good, near=good.near + np.uint16(2)),
        replace(good, pops=()),
        replace(good, place_row=np.array([3], np.uint32)),
        replace(good, place_row=np.zeros(0, np.uint32)),
        replace(good, network_key=np.arange(4, dtype=np.uint64)),
    ):
        (tmp_path / "t").write_bytes(pack(bad))
        with pytest.raises(ArraysError, match="t: "):
            load(tmp_path / "t")


def test_other_files_are_refused(tmp_path: Path):
    """A file of other arrays, and one that is damaged."""
    (tmp_path / "t").write_bytes(arrays.pack(arrays.ArrayFile({"kind": "windows"}, {})))
    with pytest.raises(ArraysError, match="not an exploration table"):
        load(tmp_path / "t")
    (tmp_path / "t").write_bytes(pack(table())[:-1])
    with pytest.raises(ArraysError, match="damaged"):
        load(tmp_path / "t")
