import asyncio
import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from collectors import journal
from collectors.errors import JournalError, JournalFull
from collectors.journal import JournalReader, JournalWriter, Position, prune
from collectors.measurement import RECORD
from collectors.segments import segment_numbers, segment_path
from tests.collectors.observed import HOUR, Clock, observed


def written(directory: Path, *batches: list[float], segment_bytes: int = 1 << 20) -> None:
    """Write each batch as one commit by a writer of its own."""
    writer = JournalWriter(directory, segment_bytes=segment_bytes)
    for batch in batches:
        writer.append(observed(batch))
        writer.flush()
    writer.close()


def values(reader: JournalReader) -> list[float]:
    return reader.read()["value"].tolist()


def test_a_reader_tails_a_live_writer(tmp_path: Path):
    """Nothing is there before a flush, everything once after it, whole records as they were appended."""
    reader = JournalReader(tmp_path / "journal")
    assert values(reader) == []
    writer = JournalWriter(tmp_path / "journal")
    batch = observed([1.5, 2.5], pop="x" * 32, unit=[1, (1 << 48) - 1], client=[7, 0xFFFFFFFF])
    writer.append(batch)
    assert values(reader) == []
    writer.flush()
    got = reader.read()
    assert got.dtype == RECORD
    assert (got == batch).all()
    writer.append(observed([3]))
    writer.flush()
    assert values(reader) == [3]
    assert values(reader) == []
    assert writer.committed == 3
    writer.close()


def test_reading_goes_on_from_a_stored_position(tmp_path: Path):
    """A position taken after a read and given to a new reader yields what came later, nothing twice."""
    written(tmp_path, [1, 2], [3])
    reader = JournalReader(tmp_path)
    assert values(reader) == [1, 2, 3]
    stored = Position(reader.position.segment, reader.position.offset)
    written(tmp_path, [4], [5, 6])
    assert values(JournalReader(tmp_path, stored)) == [4, 5, 6]
    assert values(JournalReader(tmp_path)) == [1, 2, 3, 4, 5, 6]


def test_segments_roll_and_are_read_in_order(tmp_path: Path):
    """A segment that is full is followed by the next; a reader with a small appetite sees all of them."""
    written(tmp_path, *[[float(n)] * 10 for n in range(1, 31)], segment_bytes=2000)
    assert len(segment_numbers(tmp_path)) > 5
    reader = JournalReader(tmp_path)
    seen: list[float] = []
    while got := reader.read(max_bytes=1)["value"].tolist():
        seen += got
    assert seen == [float(n) for n in range(1, 31) for _ in range(10)]
    assert (reader.torn, reader.damaged, reader.missed) == (0, 0, 0)


def test_a_torn_tail_is_stepped_over(tmp_path: Path):
    """What a crash cut short is waited for while it may come, and counted once a later segment exists."""
    written(tmp_path, [1], [2, 3])
    path = segment_path(tmp_path, 1)
    path.write_bytes(path.read_bytes()[:-5])
    reader = JournalReader(tmp_path)
    assert values(reader) == [1]
    assert reader.torn == 0
    written(tmp_path, [4])
    assert values(reader) == [4]
    assert (reader.torn, reader.damaged) == (1, 0)


def test_a_header_cut_short_is_stepped_over(tmp_path: Path):
    """A crash right after a segment was created leaves it without a whole header."""
    segment_path(tmp_path, 1).write_bytes(b"ITM")
    reader = JournalReader(tmp_path)
    assert values(reader) == []
    written(tmp_path, [1])
    assert values(reader) == [1]
    assert reader.torn == 1


def test_a_corrupt_frame_costs_the_rest_of_its_segment(tmp_path: Path):
    """Frames before the damage count, the next segment counts, and the damage is counted once."""
    written(tmp_path, [1], [2], [3])
    path = segment_path(tmp_path, 1)
    data = bytearray(path.read_bytes())
    data[12 + 8 + RECORD.itemsize + 8 + 20] ^= 1  # inside the second frame's payload
    path.write_bytes(bytes(data))
    reader = JournalReader(tmp_path)
    assert values(reader) == [1]
    assert values(reader) == []
    written(tmp_path, [4], [5])
    assert values(reader) == [4, 5]
    assert (reader.torn, reader.damaged) == (0, 1)


def test_a_foreign_segment_is_left_alone(tmp_path: Path):
    """Another record layout, or another file of that name, is damage: never records."""
    segment_path(tmp_path, 1).write_bytes(b"something else altogether" * 10)
    written(tmp_path, [1])
    reader = JournalReader(tmp_path)
    assert values(reader) == [1]
    assert reader.damaged == 1


def test_pruned_segments_are_counted_as_missed(tmp_path: Path):
    """A reader whose place is gone goes on at the oldest segment there is, and says what it missed."""
    for n in range(1, 5):
        written(tmp_path, [n])
    for number in (1, 2, 3):
        segment_path(tmp_path, number).unlink()
    reader = JournalReader(tmp_path, Position(2, 20))
    assert values(reader) == [4]
    assert reader.missed == 2


def test_a_journal_begun_anew_is_read_from_its_beginning(tmp_path: Path):
    """A position beyond every segment (the journal was removed) does not stall the reader for ever."""
    written(tmp_path, [1])
    assert values(JournalReader(tmp_path, Position(57, 1000))) == [1]


def test_a_flush_survives_kill_9(tmp_path: Path):
    """Whatever was flushed before the process was killed is read; at most unflushed records are lost."""
    program = (
        "import sys, numpy as np\n"
        "from pathlib import Path\n"
        "from collectors.journal import JournalWriter\n"
        "from collectors.measurement import RECORD\n"
        "writer = JournalWriter(Path(sys.argv[1]), segment_bytes=20_000)\n"
        "for n in range(10_000):\n"
        "    batch = np.zeros(17, RECORD); batch['value'] = n\n"
        "    writer.append(batch); writer.flush()\n"
        "    print(n, flush=True)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            promised = int(line)
            if promised >= 60:
                process.kill()
                break
        promised = max([promised, *(int(rest) for rest in process.stdout.read().split())])
    reader = JournalReader(tmp_path)
    got = values(reader)
    assert got[: (promised + 1) * 17] == [float(n) for n in range(promised + 1) for _ in range(17)]
    written(tmp_path, [-1])
    assert values(reader)[-1] == -1
    assert reader.damaged == 0


def test_the_thread_commits_without_being_asked(tmp_path: Path):
    """Once started, a writer makes records durable in its commit interval; closing keeps the last ones."""
    writer = JournalWriter(tmp_path, fsync_ms=1)
    committed = threading.Event()
    flush = writer.flush
    writer.flush = lambda: (flush(), committed.set())  # type: ignore[assignment, method-assign, func-returns-value]
    writer.start()
    writer.append(observed([1]))
    assert committed.wait(10)
    assert values(JournalReader(tmp_path)) == [1]
    writer.append(observed([2]))
    writer.close()
    assert values(JournalReader(tmp_path)) == [1, 2]


def test_many_threads_share_commits(tmp_path: Path):
    """Every caller's records are durable when its flush returns, whoever did the writing."""
    writer = JournalWriter(tmp_path)
    missing: list[int] = []

    def work(n: int) -> None:
        for turn in range(10):
            writer.append(observed([n * 100 + turn]))
            writer.flush()
            if n * 100 + turn not in values(JournalReader(tmp_path)):
                missing.append(n * 100 + turn)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    writer.close()
    assert not missing
    assert sorted(values(JournalReader(tmp_path))) == sorted(n * 100 + t for n in range(4) for t in range(10))


def test_the_event_loop_can_wait_for_a_flush(tmp_path: Path):
    """`flushed` is `flush` as an awaitable."""
    writer = JournalWriter(tmp_path)
    writer.append(observed([1]))
    asyncio.run(writer.flushed())
    assert values(JournalReader(tmp_path)) == [1]
    writer.close()


def test_a_full_disk_loses_nothing_that_waits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A failed commit raises, keeps its records, and the next one writes them to a new segment."""
    writer = JournalWriter(tmp_path)
    writer.append(observed([1]))
    writer.flush()
    real = os.fdatasync
    monkeypatch.setattr(
        os, "fdatasync", lambda _: (_ for _ in ()).throw(OSError(28, "No space left on device"))
    )
    writer.append(observed([2]))
    with pytest.raises(JournalError, match=r"journal-00000001\.log: No space left"):
        writer.flush()
    monkeypatch.setattr(os, "fdatasync", real)
    writer.append(observed([3]))
    writer.close()
    assert writer.failures == 1
    assert set(values(JournalReader(tmp_path))) == {1, 2, 3}
    assert segment_numbers(tmp_path) == [1, 2]


def test_a_buffer_that_grows_too_long_refuses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Beyond its bound the buffer takes nothing more; after a flush it does again."""
    monkeypatch.setattr(journal, "MAX_PENDING_BYTES", 10 * RECORD.itemsize)
    writer = JournalWriter(tmp_path)
    writer.append(observed(range(10)))
    with pytest.raises(JournalFull):
        writer.append(observed([10]))
    writer.flush()
    writer.append(observed([11]))
    writer.close()
    assert values(JournalReader(tmp_path)) == [*range(10), 11]


def test_only_records_are_taken(tmp_path: Path):
    """An array of another type is our own bug and raises at once."""
    with pytest.raises(TypeError):
        JournalWriter(tmp_path).append(np.zeros(3))  # type: ignore[arg-type]


def test_a_journal_at_its_bound_waits_for_pruning(tmp_path: Path):
    """No segment is begun above the bound: what came waits, and is written once old segments went."""
    writer = JournalWriter(tmp_path, segment_bytes=100, max_bytes=200)
    for value in (1, 2):
        writer.append(observed([value] * 2))
        writer.flush()
    writer.append(observed([3]))
    with pytest.raises(JournalError, match="the journal holds the 200 bytes it may"):
        writer.flush()
    assert writer.failures == 1
    assert prune(tmp_path, Position(2, 0), 1e9, 200) == 1
    writer.flush()
    assert values(JournalReader(tmp_path)) == [2, 2, 3]
    writer.close()


def test_who_wants_to_know_hears_what_became_durable(tmp_path: Path):
    """Once, and only then."""
    heard: list[float] = []
    writer = JournalWriter(tmp_path, on_commit=lambda records: heard.extend(records["value"].tolist()))
    writer.append(observed([1, 2]))
    assert heard == []
    writer.flush()
    writer.flush()
    assert heard == [1, 2]
    writer.close()


def test_a_segment_is_closed_after_a_day(tmp_path: Path):
    """So that a quiet journal, too, can be pruned: at the first record after that."""
    clock = Clock()
    writer = JournalWriter(tmp_path, clock=clock)
    for hours in (0, 23, 1, 23):
        clock.now += hours * HOUR
        writer.append(observed([hours]))
        writer.flush()
    writer.close()
    assert segment_numbers(tmp_path) == [1, 2]
    assert values(JournalReader(tmp_path, Position(2, 0))) == [1, 23]
