import os
from pathlib import Path

import numpy as np

from collectors.measurement import RECORD
from collectors.segments import (
    MAX_PAYLOAD_BYTES,
    Position,
    find,
    frames,
    journal_bytes,
    prune,
    segment_numbers,
    segment_path,
)
from tests.collectors.observed import HOUR, NOON, observed


def test_frames_are_found_again_from_any_cut():
    """Whole frames are found, a cut one is left for later, and none of it looks like damage."""
    first, second = observed([1, 2, 3]).tobytes(), observed([4]).tobytes()
    data = b"".join([*frames(first), *frames(second)])
    end_of_first = 8 + len(first)
    for cut in range(len(data) + 1):
        found = find(data[:cut], 0)
        whole = (cut >= end_of_first) + (cut == len(data))
        assert found.payloads == (first, second)[:whole]
        assert found.end == (0, end_of_first, len(data))[whole]
        assert not found.is_damaged


def test_long_data_is_split_at_records():
    """No frame is longer than the limit; each holds whole records."""
    data = np.zeros(40_000, RECORD).tobytes()
    parts = list(frames(data))
    assert len(parts) > 1
    assert all(
        len(part) - 8 <= MAX_PAYLOAD_BYTES and (len(part) - 8) % RECORD.itemsize == 0 for part in parts
    )
    assert b"".join(find(b"".join(parts), 0).payloads) == data


def test_damage_is_told_from_a_tail():
    """A changed byte, a length that cannot be and a tail of zeros are damage; earlier frames still count."""
    sound = b"".join(frames(observed([1]).tobytes()))
    for tail in (bytes(100), b"\xff" * 100, b"\x01\x00\x00\x00" + bytes(60), sound[:-1] + b"\x99"):
        found = find(sound + tail, 0)
        assert found.is_damaged
        assert (len(found.payloads), found.end) == (1, len(sound))


def test_prune_keeps_what_is_unread_or_young(tmp_path: Path):
    """Only segments before the position that were last written long enough ago go."""
    for number, age in ((1, 30), (2, 5), (3, 30), (4, 30)):
        path = segment_path(tmp_path, number)
        path.write_bytes(b"x")
        os.utime(path, (NOON - age * HOUR, NOON - age * HOUR))
    (tmp_path / "other.log").write_bytes(b"x")
    assert prune(tmp_path, Position(3, 1), 24 * HOUR, clock=lambda: NOON) == 1
    assert segment_numbers(tmp_path) == [2, 3, 4]
    assert segment_numbers(tmp_path / "nowhere") == []


def test_prune_keeps_the_journal_below_its_bound(tmp_path: Path):
    """The oldest go first, young or not, until a tenth is free; what is unread stays in any case."""
    for number in range(1, 7):
        segment_path(tmp_path, number).write_bytes(bytes(100))
    assert prune(tmp_path, Position(6, 0), 24 * HOUR, 600) == 1
    assert segment_numbers(tmp_path) == [2, 3, 4, 5, 6]
    assert prune(tmp_path, Position(4, 50), 24 * HOUR, 100) == 2
    assert segment_numbers(tmp_path) == [4, 5, 6]
    assert journal_bytes(tmp_path) == 300
