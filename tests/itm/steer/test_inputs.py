from __future__ import annotations

import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from collectors import arrays
from collectors.arrays import ArrayFile
from collectors.network import Network
from itm.errors import SnapshotError
from itm.steer import inputs as inputs_file
from itm.steer.behind import Behind
from itm.steer.demand import Counts, Demand, clients_of
from itm.steer.evidence import Evidence
from itm.steer.grants import Granted
from itm.steer.inputs import Inputs
from itm.steer.memory import Memory
from itm.steer.residual import Residuals, Shifts
from itm.steer.slowdowns import Slowdowns, Slower
from tests.itm.steer.crowds import NOW, crowd, table
from tests.itm.steer.worlds import AMERICA, JAPAN, P50, cells

ROWS = [(JAPAN, "network", "tokyo", 140.0, 30.0, 6), (JAPAN, "place", "osaka", 13.0, 30.0, 9)]

GRANTED = Granted(
    key=np.array([4], np.uint64),
    pop=np.array([[1, 2, 0xFFFF, 0xFFFF]], np.uint16),
    share=np.array([[0.75, 0.25, 0, 0]], np.float32),
    spare=np.array([3], np.uint16),
    is_urgent=np.array([True]),
)
SLOWER = Slower(
    np.zeros(1, np.uint64),
    np.array([[80.0, 0, 0, np.nan]], np.float32),
    np.array([[60.0, 0, 0, np.nan]], np.float32),
    np.array([[9, 9, 9, 0]], np.int32),
    np.array([[7.0, 7.0, 7.0, 0.0]]),
)

COUNTED = Counts.of(np.array([Network.of(AMERICA).key], np.uint64), np.array([7.5]))


SHIFTED = Residuals({"as": Shifts(np.array([2501], np.uint64), np.array([[0.1, -0.2, 0, 0]], np.float32))})


def inputs(version: int = 7) -> Inputs:
    memory = Memory.of(
        tuple(P50),
        np.array([4, 1 << 63], dtype=np.uint64),
        np.array([1, 2], dtype=np.uint16),
        np.array([3, 2], dtype=np.uint16),
    )
    return Inputs(
        version=version,
        catalog_version=3,
        places_digest="places",
        predictions_digest="predictions",
        candidates=4,
        evidence=replace(
            Evidence.of(cells(*ROWS), tuple(P50), SHIFTED), slowdowns=Slowdowns({"world": SLOWER})
        ),
        memories=(memory, Memory.nothing()),
        held=(np.array([4], dtype=np.uint64), np.zeros(0, dtype=np.uint64)),
        behind=(behind := Behind.of(table(*crowd(AMERICA, {"133.11": 5})), NOW, 7.0)),
        demand=Demand.of(clients_of(cells(*ROWS)), COUNTED, COUNTED, behind),
        granted=(GRANTED, Granted.nothing()),
        outlook={"sessions": 7.0, "above": [], "pops": {}},
    )


def test_inputs_come_back_as_they_were(tmp_path: Path) -> None:
    """Every array bit for bit: `why` decides from the file what the builder decided from memory."""
    was = inputs()
    inputs_file.save(was, tmp_path)
    got = inputs_file.load(tmp_path, 7)
    for name in ("version", "catalog_version", "places_digest", "predictions_digest", "candidates"):
        assert getattr(got, name) == getattr(was, name)
    assert list(got.evidence.rungs) == list(was.evidence.rungs)
    assert list(got.evidence.residuals.rungs) == ["as"]
    for field in ("key", "shift"):
        again, before = (getattr(e.evidence.residuals.rungs["as"], field) for e in (got, was))
        assert again.tobytes() == before.tobytes()
    for rung, own in was.evidence.rungs.items():
        assert np.array_equal(got.evidence.rungs[rung].key, own.key)
        for field in own.measured.__slots__:
            again, before = getattr(got.evidence.rungs[rung].measured, field), getattr(own.measured, field)
            assert again.dtype == before.dtype
            assert again.tobytes() == before.tobytes()
    for mine, theirs in zip(got.memories, was.memories, strict=True):
        assert mine.pops == theirs.pops
        for field in ("key", "served", "challenger"):
            assert np.array_equal(getattr(mine, field), getattr(theirs, field))
    assert [h.tolist() for h in got.held] == [[4], []]
    for name in Behind.__slots__:
        assert getattr(got.behind, name).tobytes() == getattr(was.behind, name).tobytes()
    for name, array in was.demand.arrays().items():
        assert got.demand.arrays()[name].tobytes() == array.tobytes()
    slower = got.evidence.slowdowns.arrays()
    for name, array in was.evidence.slowdowns.arrays().items():
        assert slower[name].tobytes() == array.tobytes()


def test_inputs_of_the_release_before_are_read(tmp_path: Path) -> None:
    """They hold no clientele, no demand, no slowdowns and no bounds of votes: p25 stands."""
    inputs_file.save(inputs(), tmp_path)
    path = inputs_file.path_of(tmp_path, 7)
    file = arrays.unpack(zlib.decompress(path.read_bytes()))
    later = ("behind.", "demand.", "slower.", "place.least", "place.most")
    kept = {name: column for name, column in file.arrays.items() if not name.startswith(later)}
    path.write_bytes(zlib.compress(arrays.pack(ArrayFile(file.facts, kept))))
    old = inputs_file.load(tmp_path, 7)
    assert len(old.behind) == len(old.demand.key) == 0
    assert old.evidence.slowdowns.groups == {}
    measured = old.evidence.rungs["place"].measured
    assert measured.least is measured.most is measured.p25


@pytest.mark.parametrize("damage", ["gone", "empty", "cut", "changed"])
def test_inputs_that_cannot_be_read_are_an_error_with_a_name(tmp_path: Path, damage: str) -> None:
    """A map without its inputs cannot be explained; the file is named."""
    inputs_file.save(inputs(), tmp_path)
    path = inputs_file.path_of(tmp_path, 7)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0xFF
    path.write_bytes({"empty": b"", "cut": bytes(data[: len(data) // 3])}.get(damage, bytes(data)))
    if damage == "gone":
        path.unlink()
    with pytest.raises(SnapshotError, match=r"0000000007\.inputs: the inputs of map 7 cannot be read"):
        inputs_file.load(tmp_path, 7)


def test_inputs_go_with_their_maps(tmp_path: Path) -> None:
    """Pruning removes the versions named, and bears that one is gone already."""
    for version in (1, 2, 3):
        inputs_file.save(inputs(version), tmp_path)
    inputs_file.prune(tmp_path, [1, 2, 99])
    assert [p.name for p in tmp_path.iterdir()] == [inputs_file.path_of(tmp_path, 3).name]


def test_what_was_granted_comes_back(tmp_path: Path) -> None:
    """And how full POPs were to be; a file of the release before granted nothing."""
    was = inputs()
    inputs_file.save(was, tmp_path)
    got = inputs_file.load(tmp_path, 7)
    assert got.outlook == was.outlook
    for one, own in zip(got.granted, was.granted, strict=True):
        assert all(np.array_equal(getattr(one, n), getattr(own, n)) for n in own.__slots__)
    facts = got.granted[0].facts(np.array([3, 4], np.uint64), 4)
    assert facts is not None
    assert facts.share.tolist() == [[0, 0, 0, 0], [0, 0.75, 0.25, 0]]
    assert facts.spare.tolist() == [0xFFFF, 3]
    assert got.granted[1].facts(np.array([3, 4], np.uint64), 4) is None
    path = inputs_file.path_of(tmp_path, 7)
    file = arrays.unpack(zlib.decompress(path.read_bytes()))
    columns = {name: array for name, array in file.arrays.items() if ".granted." not in name}
    del file.facts["outlook"]
    path.write_bytes(zlib.compress(arrays.pack(ArrayFile(file.facts, columns))))
    before = inputs_file.load(tmp_path, 7)
    assert before.outlook is None
    assert [len(one.key) for one in before.granted] == [0, 0]
