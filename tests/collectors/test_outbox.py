from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from collectors.bus import Mark
from collectors.outbox import Outbox, Standing
from collectors.segments import Position


def standing(sequence: int) -> Standing:
    return Standing(Mark(sequence, Position(1, 100 * sequence)), {"guard.count": np.arange(sequence)})


def filled(folder: Path, count: int = 3) -> Outbox:
    outbox = Outbox(folder)
    for n in range(1, count + 1):
        outbox.keep(b"delta %d" % n, standing(n))
    return outbox


def test_what_was_kept_is_there_after_a_restart(tmp_path: Path) -> None:
    """The deltas, where they ended, and what the guard remembered then."""
    filled(tmp_path)
    again = Outbox(tmp_path)
    assert again.standing.mark == Mark(3, Position(1, 300))
    assert again.standing.guard["guard.count"].tolist() == [0, 1, 2]
    assert (again.waiting, again.nbytes) == ((1, 2, 3), 21)
    assert again.read(2) == b"delta 2"


def test_what_is_durable_elsewhere_is_let_go(tmp_path: Path) -> None:
    """The standing stays."""
    outbox = filled(tmp_path)
    outbox.release(2)
    again = Outbox(tmp_path)
    assert outbox.waiting == again.waiting == (3,)
    assert again.standing.mark.sequence == 3


def test_a_delta_that_no_standing_counts_was_never_sent(tmp_path: Path) -> None:
    """A crash between the two: its number is free again."""
    outbox = filled(tmp_path)
    kept = (tmp_path / "standing").read_bytes()
    outbox.keep(b"delta 4", standing(4))
    (tmp_path / "standing").write_bytes(kept)
    assert Outbox(tmp_path).waiting == (1, 2, 3)
    assert not (tmp_path / "000000000004.delta").exists()


def test_beginning_elsewhere(tmp_path: Path) -> None:
    """Nothing is kept of what was before."""
    filled(tmp_path).begin_at(Standing(Mark(1, Position(0, 5))))
    again = Outbox(tmp_path)
    assert (again.waiting, again.standing.mark) == ((), Mark(1, Position(0, 5)))


@pytest.mark.parametrize("damage", [b"", b"rubbish"])
def test_a_damaged_standing_is_none(tmp_path: Path, damage: bytes) -> None:
    """It says why; what cannot be numbered any more goes."""
    filled(tmp_path)
    (tmp_path / "standing").write_bytes(damage)
    again = Outbox(tmp_path)
    assert (again.waiting, again.standing.mark) == ((), Mark())
    assert str(tmp_path) in again.fault
