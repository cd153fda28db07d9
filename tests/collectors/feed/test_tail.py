"""A growing file in batches, whatever befalls it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from collectors.errors import FollowError
from collectors.feed import tail as tails
from collectors.feed.mark import Mark
from collectors.feed.rows import CSV, NDJSON
from collectors.feed.tail import ROTATED_SECONDS, Tail
from tests.collectors.observed import Clock

HEADER = b"network,pop,metric,value,time\n"


class Bench:
    """A file that is followed, and what was told of it."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "rows.csv"
        self.clock, self.told = Clock(), list[str]()
        self.tail = self.follower(None)

    def follower(self, mark: Mark | None) -> Tail:
        return Tail(self.path, mark, clock=self.clock, tell=self.told.append)

    def add(self, data: bytes) -> None:
        with self.path.open("ab") as file:
            file.write(data)

    def rotate(self, data: bytes = b"") -> Path:
        """Rename the file and make another."""
        older = self.path.with_suffix(".1")
        self.path.rename(older)
        self.path.write_bytes(data)
        return older

    def taken(self, most: int = 100) -> list[bytes]:
        """Take all batches there are; a rotated file has been still for long enough."""
        found = []
        for _ in range(20):
            batch = self.tail.next(most)
            if batch is None:
                self.clock.now += ROTATED_SECONDS
                batch = self.tail.next(most) or self.tail.next(most)
            if batch is None:
                break
            self.tail.done(batch)
            found.append(batch.body)
        return found


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_whole_lines_as_they_come(bench: Bench) -> None:
    """A line without its end waits for it; a batch is there again until it is done."""
    assert bench.taken() == []
    assert bench.told == ["is not there yet"]
    bench.add(b"a\nb\nc")
    first = bench.tail.next(100)
    assert first is not None
    assert (first.body, first.lines, first.is_full, first.first_line) == (b"a\nb\n", 2, False, 1)
    assert bench.tail.next(100) == first
    assert bench.taken() == [b"a\nb\n"]
    bench.add(b"c\nd\n")
    assert bench.taken() == [b"cc\nd\n"]
    assert bench.tail.mark is not None
    assert (bench.tail.mark.offset, bench.tail.mark.line) == (9, 4)


def test_a_batch_has_its_most(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lines or bytes; the rest is the next one's."""
    bench.add(b"1\n2\n3\n4\n5\n")
    assert bench.taken(2) == [b"1\n2\n", b"3\n4\n", b"5\n"]
    monkeypatch.setattr(tails, "MAX_BATCH_BYTES", 5)
    bench.add(b"6\n7\n8\n")
    assert bench.taken() == [b"6\n7\n", b"8\n"]


def test_column_names_stand_before_every_batch(bench: Bench) -> None:
    """Those of the file's first line, whatever stands between; lines have the file's numbers."""
    bench.add(HEADER + b"1\n2\n")
    batch = bench.tail.next(2)
    assert batch is not None
    assert (batch.body, batch.kind, batch.first_line) == (HEADER + b"1\n", CSV, 1)
    bench.tail.done(batch)
    batch = bench.tail.next(2)
    assert batch is not None
    assert (batch.body, batch.lines, batch.first_line) == (HEADER + b"2\n", 1, 2)
    # Line 2 of the body is line 3 of the file.


@pytest.mark.parametrize(
    ("content", "kind"),
    [(b'{"a": 1}\n', NDJSON), (b'\xef\xbb\xbf {"a": 1}\n', NDJSON), (b"a,b\n", CSV), (b"POP,Metric\n", CSV)],
)
def test_the_beginning_says_what_a_file_is(bench: Bench, content: bytes, kind: str) -> None:
    """Also for the batches that do not begin like it."""
    bench.add(content + b"rubbish\n")
    for _ in range(2):
        batch = bench.tail.next(1)
        assert batch is not None
        assert batch.kind == kind
        bench.tail.done(batch)


def test_a_rotated_file_is_read_to_its_end(bench: Bench) -> None:
    """What the writer still adds to it, its torn last line too, then the new one from its start."""
    bench.add(b"1\n")
    assert bench.taken() == [b"1\n"]
    older = bench.rotate(b"4\n")
    assert bench.tail.next(9) is None
    with older.open("ab") as file:
        file.write(b"2\n3")
    assert bench.taken() == [b"2\n", b"3", b"4\n"]
    assert bench.told == []


def test_a_file_that_is_renamed_waits_for_the_new_one(bench: Bench) -> None:
    """Nothing under the name is no end."""
    bench.add(b"1\n")
    assert bench.taken() == [b"1\n"]
    bench.path.rename(bench.path.with_suffix(".1"))
    assert bench.taken() == []
    bench.add(b"2\n")
    assert bench.taken() == [b"2\n"]


def test_a_truncated_file_is_begun_again(bench: Bench) -> None:
    """Cut to nothing, and written anew to more than it was (copytruncate)."""
    bench.add(b"1\n2\n")
    assert bench.taken() == [b"1\n2\n"]
    for content in (b"3\n", b"4\n5\n6\n7\n"):
        bench.path.write_bytes(content)
        assert bench.taken() == [content]
    assert bench.told == ["was cut or written anew; begins with its first line"] * 2


def test_a_follower_goes_on_from_its_mark(bench: Bench) -> None:
    """In the same file, and in one that was renamed while nobody followed: that first, then the new one."""
    bench.add(b"1\n")
    assert bench.taken() == [b"1\n"]
    bench.add(b"2\n")
    bench.tail = bench.follower(bench.tail.mark)
    assert bench.taken() == [b"2\n"]
    bench.add(b"3\n")
    bench.rotate(b"4\n")
    bench.tail = bench.follower(bench.tail.mark)
    assert bench.taken() == [b"3\n", b"4\n"]
    assert bench.told == ["goes on in rows.1, which it was renamed to"]


def test_what_is_gone_is_told(bench: Bench) -> None:
    """A file that was rotated and removed before it was read to its end."""
    bench.add(b"1\n")
    assert bench.taken() == [b"1\n"]
    mark = bench.tail.mark
    keeper = bench.path.open("rb")  # keeps the number from being given to the new file
    bench.rotate(b"2\n").unlink()
    bench.tail = bench.follower(mark)
    assert bench.taken() == [b"2\n"]
    assert bench.told == [
        "the file read last is gone, and with it what was not read; begins with the new one"
    ]
    keeper.close()


def test_what_was_begun_is_sent_again_as_it_was(bench: Bench) -> None:
    """After a crash the same bytes go under the same name, though there is more in the file by now."""
    bench.add(HEADER + b"1\n2\n")
    batch = bench.tail.next(2)
    assert batch is not None
    bench.tail.done(batch)
    batch = bench.tail.next(9)
    assert batch is not None
    mark = bench.tail.begin(batch)
    bench.add(b"3\n")
    bench.tail = bench.follower(mark)
    again = bench.tail.next(9)
    assert again is not None
    assert (again.body, again.name, again.lines, again.is_full) == (HEADER + b"2\n", batch.name, 1, True)
    bench.tail.done(again)
    after = bench.tail.next(9)
    assert after is not None
    assert after.body == HEADER + b"3\n"
    assert after.name != batch.name


def test_a_line_that_is_too_long_is_left_out(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """However long, and in however many pieces it comes."""
    monkeypatch.setattr(tails, "MAX_BATCH_BYTES", 8)
    bench.add(b"1\n" + b"x" * 20)
    assert bench.taken() == [b"1\n"]
    bench.add(b"x\n2\n")
    assert [bench.tail.next(9) for _ in range(3)][-1] is not None
    assert bench.taken() == [b"2\n"]
    assert bench.told == ["line 2 is longer than 8 bytes and left out"]
    assert bench.tail.mark is not None
    assert bench.tail.mark.line == 3


def test_only_files_are_followed(tmp_path: Path) -> None:
    """A pipe has no position."""
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(FollowError, match="only a regular file can be followed"):
        Tail(tmp_path / "pipe", None, clock=Clock(), tell=print).next(1)
