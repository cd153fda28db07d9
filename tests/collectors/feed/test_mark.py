"""A follower's position: kept whole or not at all, and never taken for that of another file."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from pathlib import Path

import pytest

from collectors.errors import FollowError
from collectors.feed.mark import HEAD_BYTES, Mark, keep, kept


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "rows"
    path.write_bytes(b"one\ntwo\nthree\n")
    return path


def test_a_mark_is_found_again(tmp_path: Path, file: Path) -> None:
    """What was kept last is read; before the first time there is none."""
    position = tmp_path / "position"
    assert kept(position) is None
    with file.open("rb") as opened:
        first = Mark.at_start(os.fstat(opened.fileno()))
        later = first.after(8, 2, opened.fileno()).beginning(14)
    for mark in (first, later):
        keep(position, mark)
        assert kept(position) == mark
    assert (later.offset, later.line, later.until, later.head_bytes) == (8, 2, 14, 8)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["position", "rows"]


def test_a_file_is_known_by_its_head(file: Path) -> None:
    """Longer is the same file; shorter than the mark, or with another beginning, is not."""
    with file.open("rb") as opened:
        number = opened.fileno()
        mark = Mark.at_start(os.fstat(number)).after(8, 2, number)
        assert mark.is_in(number)
        file.open("ab").write(b"four\n")
        assert mark.is_in(number)
        file.write_bytes(b"one\n")
        assert not mark.is_in(number)
        file.write_bytes(b"one\ntWo\nthree\n")
        assert not mark.is_in(number)


def test_the_head_is_read_once(tmp_path: Path) -> None:
    """Behind its length the hash stays what it is."""
    path = tmp_path / "long"
    path.write_bytes(b"x" * 3 * HEAD_BYTES)
    with path.open("rb") as opened:
        number = opened.fileno()
        mark = Mark.at_start(os.fstat(number)).after(HEAD_BYTES + 1, 1, number)
        path.write_bytes(b"y" * 3 * HEAD_BYTES)
        assert mark.after(HEAD_BYTES + 2, 1, number).head == mark.head
        assert not mark.is_in(number)


def test_what_cannot_be_used_is_named(tmp_path: Path) -> None:
    """A damaged position is no beginning: everything would be sent again."""
    position = tmp_path / "position"
    sound = json.dumps(asdict(Mark(1, 2, offset=3)))
    changed = [sound.replace('"offset": 3', f'"offset": {other}') for other in ("-3", "1e999", "[]")]
    for content in (b"", b"[]", b'{"device": 1}', b"null", *(text.encode() for text in changed)):
        position.write_bytes(content)
        with pytest.raises(FollowError, match=f"^{position}: not a position"):
            kept(position)
    with pytest.raises(FollowError, match=r"gone/position: No such file"):
        keep(tmp_path / "gone" / "position", Mark(1, 2))
