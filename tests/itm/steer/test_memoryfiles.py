from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from itm.steer import memoryfiles
from itm.steer.memory import Memory

A, B = {"a.": 0}, {"a.": 0, "b.": 1}


def memory(served: int) -> Memory:
    return Memory.of(
        ("x", "y"),
        np.array([7, 5], dtype=np.uint64),
        np.array([served, served], dtype=np.uint16),
        np.array([1, 0], dtype=np.uint16),
    )


def served(memories: tuple[Memory, ...]) -> list[list[int]]:
    return [one.served.tolist() for one in memories]


def test_what_was_saved_is_loaded(tmp_path: Path) -> None:
    """POP names, keys, served POPs and challengers come back as they were."""
    memoryfiles.save(tmp_path / "memory", [memory(1)], A)
    (got,) = memoryfiles.load(tmp_path / "memory", A)
    assert got.pops == ("x", "y")
    assert (got.key.tolist(), got.served.tolist()) == ([5, 7], [1, 1])
    assert got.challenger.tolist() == memory(1).challenger.tolist()


def test_a_first_start_remembers_nothing(tmp_path: Path) -> None:
    """No folder is no memory, for every class there is."""
    assert served(memoryfiles.load(tmp_path / "memory", B)) == [[], []]


def test_classes_are_found_by_their_services_not_by_their_number(tmp_path: Path) -> None:
    """A catalog that names another service first does not hand its clients over to the old one's POPs."""
    memoryfiles.save(tmp_path, [memory(0), memory(1)], B)
    assert served(memoryfiles.load(tmp_path, {"new.": 0, "b.": 1, "a.": 2})) == [[], [1, 1], [0, 0]]
    assert served(memoryfiles.load(tmp_path, {"b.": 0})) == [[1, 1]]


def test_a_merged_class_remembers_what_most_of_its_services_were_served(tmp_path: Path) -> None:
    """Three services become one class: two of them were served alike."""
    memoryfiles.save(tmp_path, [memory(0), memory(1)], {"a.": 0, "b.": 1, "c.": 1})
    assert served(memoryfiles.load(tmp_path, {"a.": 0, "b.": 0, "c.": 0})) == [[1, 1]]


def test_classes_that_are_gone_leave_nothing_behind(tmp_path: Path) -> None:
    """What is not served any more must not come back with an old name."""
    memoryfiles.save(tmp_path, [memory(0), memory(1)], B)
    memoryfiles.save(tmp_path, [memory(0)], A)
    assert served(memoryfiles.load(tmp_path, {"b.": 0})) == [[]]
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("keep", [0, 4, 100, -1])
def test_a_damaged_file_is_no_memory(tmp_path: Path, keep: int) -> None:
    """Empty, cut short or with a byte changed: the other classes are remembered all the same."""
    memoryfiles.save(tmp_path, [memory(0), memory(1)], B)
    path = tmp_path / "class0.memory"
    data = path.read_bytes()
    path.write_bytes(data[:keep] if keep >= 0 else data[:60] + bytes([data[60] ^ 1]) + data[61:])
    assert served(memoryfiles.load(tmp_path, B)) == [[], [1, 1]]
