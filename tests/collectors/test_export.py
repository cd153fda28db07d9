"""What of the journal becomes rows, and how they are written."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from collectors.export import COLUMNS, Columns, Selection, Unread, selected
from collectors.feed.rows import parse
from collectors.journal import JournalWriter
from collectors.measurement import SOURCES
from collectors.segments import segment_path
from tests.collectors.observed import DAY, HOUR, NOON, observed

EVER = Selection(0, 9e9)


def journal(directory: Path, *batches: np.ndarray) -> Path:
    writer = JournalWriter(directory, segment_bytes=1)  # a segment each
    for batch in batches:
        writer.append(batch)
        writer.flush()
    writer.close()
    return directory


def exported(directory: Path, selection: Selection = EVER) -> str:
    return "".join(part.csv() for part in selected(directory, selection, Unread()))


def test_rows_have_no_client(tmp_path: Path) -> None:
    """Every column of a measurement but its client; networks of both families, values in short form."""
    six = observed([0.1], metric="availability", unit=0x20010DB80000, client=7)
    six["family"], six["value"], six["source"] = 6, 1, SOURCES.index("session")
    directory = journal(tmp_path, observed([12.3], client=9, coarse=True, time=NOON + 0.0625), six)
    assert exported(directory).splitlines() == [
        "1700049600.062,133.11.0.0/24,pop-a,rtt_ms,12.3,rum,1",
        "1700049600.000,2001:db8::/48,pop-a,availability,1.0,session,",
    ]


def test_a_selection_is_by_time_and_pop(tmp_path: Path) -> None:
    """From `since` to before `until`; of the POPs named."""
    times = [NOON - 2, NOON - 1, NOON]
    directory = journal(tmp_path, observed([1, 2, 3], time=times), observed([4], pop="pop-b", time=NOON))
    assert exported(directory, Selection(NOON - 1, NOON)).split(",")[4] == "2.0"
    assert exported(directory, Selection(0, 9e9, ("pop-b", "pop-c"))).count("\n") == 1
    assert exported(directory, Selection(NOON + 1, 9e9)) == ""


def test_segments_that_are_too_old_are_not_read(tmp_path: Path) -> None:
    """A damaged one that was last written before `since` is nothing to complain about; one after it is."""
    directory = journal(tmp_path, *(observed([n]) for n in (1, 2, 3)))
    segment_path(directory, 1).write_bytes(b"broken" * 9)
    os.utime(segment_path(directory, 1), (NOON - DAY, NOON - DAY))
    for since, damaged in ((NOON - HOUR, 0), (0, 1)):
        unread = Unread()
        rows = list(selected(directory, Selection(since, 9e9), unread))
        assert [part.value.tolist() for part in rows] == [[2.0, 3.0]]
        assert (unread.damaged, unread.missed) == (damaged, 0)


def test_a_journal_of_nothing_has_no_rows(tmp_path: Path) -> None:
    """An empty directory, and one that is not there."""
    assert exported(tmp_path) == exported(tmp_path / "gone") == ""


def test_what_no_column_can_show_is_left_out() -> None:
    """Records of another release: a metric, a source or a family that is not known."""
    batch = observed([1, 2, 3, 4])
    batch["metric"][0], batch["source"][1], batch["family"][2] = 200, 200, 5
    assert EVER.mask(batch).tolist() == [False, False, False, True]


def test_an_export_can_be_fed_again(tmp_path: Path) -> None:
    """`itm feed` reads the same measurements from it, to the millisecond, without their clients."""
    first = observed(np.linspace(0.1, 60_000, 500), time=NOON - 5.25, coarse=True, client=3)
    first["source"] = np.arange(500) % len(SOURCES)
    directory = journal(tmp_path, first, observed([0, 1], metric="availability"))
    text = ",".join(COLUMNS) + "\n" + exported(directory)
    result = parse(text.encode(), now=NOON, window_seconds=DAY, pops={"pop-a"})
    assert result.refused == ()
    assert [m.value for m in result.accepted[:500]] == [float(v) for v in first["value"].astype(str)]
    assert np.array_equal(np.float32([m.value for m in result.accepted[:500]]), first["value"])
    assert [m.source for m in result.accepted[:5]] == list(SOURCES)
    assert {(m.time, m.coarse, m.client) for m in result.accepted[:500]} == {(NOON - 5.25, True, 0)}
    assert [m.metric for m in result.accepted[500:]] == ["availability"] * 2


def test_columns_have_one_length() -> None:
    """As many rows as records."""
    assert len(Columns.of(observed([1, 2, 3]))) == 3
