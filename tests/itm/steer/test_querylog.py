"""The log of a day: parts of all workers become hours, each query counts once, whatever dies in between."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from collectors import arrays
from itm.routemap.querycounts import QueryCounts, pack, unpack
from itm.steer.querylog import QueryLog, by_service, faded
from tests.itm.steer.station import Clock

HOUR = 472_222
A, B = 4 << 60 | 0x850B00, 4 << 60 | 0xC10006


@pytest.fixture
def clock() -> Clock:
    return Clock(HOUR * 3600.0 + 10)


def part(folder: Path, name: str, *counts: int, hour: int = HOUR, named: bool = True) -> Path:
    """Write what a worker counted of A and B."""
    folder.mkdir(exist_ok=True)
    n = len(counts)
    key, is_named = np.array([A, B][:n], "<u8"), np.full(n, named)
    one = QueryCounts(hour, ("gw.",), np.zeros(n, "<u2"), key, is_named, np.array(counts, "<u4"))
    path = folder / f"{hour}-{name}.counts"
    path.write_bytes(pack(one))
    return path


def totals(hours: tuple[QueryCounts, ...]) -> dict[int, int]:
    return {one.hour - HOUR: one.queries for one in hours}


def test_parts_of_all_workers_add_up(tmp_path: Path, clock: Clock) -> None:
    """A worker's newer file replaces what its older one said; a restarted worker's is another."""
    log = QueryLog(tmp_path, clock)
    assert log.look() == ()
    part(tmp_path, "dns-0-a", 5)
    part(tmp_path, "dns-1-b", 7, 1)
    assert totals(log.look()) == {0: 13}
    part(tmp_path, "dns-0-a", 6)
    part(tmp_path, "dns-0-c", 2)
    assert totals(log.look()) == totals(log.look()) == {0: 16}


def test_an_hour_that_is_over_becomes_one_file(tmp_path: Path, clock: Clock) -> None:
    """A minute after its end; the parts are gone, the counts are not, also for the next builder."""
    log = QueryLog(tmp_path, clock)
    part(tmp_path, "dns-0-a", 5)
    part(tmp_path, "dns-1-b", 7, 1)
    clock.now = (HOUR + 1) * 3600.0 + 59
    assert totals(log.look()) == {0: 13}
    assert len(list(tmp_path.glob("*.counts"))) == 2
    clock.now += 1
    assert totals(log.look()) == {0: 13}
    assert [path.name for path in tmp_path.iterdir()] == [f"{HOUR}.queries"]
    assert totals(QueryLog(tmp_path, clock).look()) == {0: 13}


def test_a_crash_between_the_hours_file_and_its_parts_counts_nothing_twice(
    tmp_path: Path, clock: Clock
) -> None:
    """Parts that are in the file are removed; one that came late is added."""
    kept = part(tmp_path, "dns-0-a", 5).read_bytes()
    clock.now += 3700
    QueryLog(tmp_path, clock).look()
    (tmp_path / f"{HOUR}-dns-0-a.counts").write_bytes(kept)
    part(tmp_path, "dns-1-late", 3)
    assert totals(QueryLog(tmp_path, clock).look()) == {0: 8}
    assert [path.name for path in tmp_path.iterdir()] == [f"{HOUR}.queries"]
    assert set(unpack((tmp_path / f"{HOUR}.queries").read_bytes()).parts) == {
        f"{HOUR}-dns-0-a.counts", f"{HOUR}-dns-1-late.counts",
    }  # fmt: skip


def test_a_day_is_kept(tmp_path: Path, clock: Clock) -> None:
    """Also of a builder that slept: what is older goes, as does what is of the future."""
    for age in (30, 25, 24, 1, 0, -5):
        part(tmp_path, "dns-0-a", 100 + age, hour=HOUR - age)
    clock.now += 3000
    log = QueryLog(tmp_path, clock)
    assert totals(log.look()) == {-24: 124, -1: 101, 0: 100, 5: 95}
    clock.now += 3600
    assert totals(log.look()) == {-1: 101, 0: 100, 5: 95}
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        f"{HOUR - 1}.queries", f"{HOUR}.queries", f"{HOUR + 5}-dns-0-a.counts",
    ]  # fmt: skip


def test_what_cannot_be_read_is_left_out_and_told_once(
    tmp_path: Path, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    """Damaged, of another hour than its name says, or of no hour: the others count."""
    part(tmp_path, "dns-0-a", 5)
    part(tmp_path, "dns-1-b", 9).write_bytes(b"cut")
    wrong = part(tmp_path, "dns-2-c", 9, hour=HOUR + 1)
    wrong.rename(tmp_path / f"{HOUR}-dns-2-c.counts")
    log = QueryLog(tmp_path, clock)
    assert totals(log.look()) == totals(log.look()) == {0: 5}
    assert [record.getMessage() for record in caplog.records] == ["queries.unreadable"] * 2
    clock.now += 7200
    assert totals(log.look()) == {0: 5}
    assert [path.name for path in tmp_path.iterdir()] == [f"{HOUR}.queries"]


def test_an_hour_that_cannot_be_written_still_counts(
    tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The parts stay until it can."""
    part(tmp_path, "dns-0-a", 5)
    log = QueryLog(tmp_path, clock)

    def full(*_: object) -> None:
        raise OSError("no space left")

    with monkeypatch.context() as broken:
        broken.setattr(arrays, "write", full)
        clock.now += 7200
        assert totals(log.look()) == totals(log.look()) == {0: 5}
    assert totals(log.look()) == {0: 5}
    assert [path.name for path in tmp_path.iterdir()] == [f"{HOUR}.queries"]


def test_queries_fade_by_half_a_day(tmp_path: Path, clock: Clock) -> None:
    """From the end of their hour; those that named a network apart from those of resolvers."""
    part(tmp_path, "dns-0-a", 100, 10, hour=HOUR - 13)
    part(tmp_path, "dns-0-b", 8)
    part(tmp_path, "dns-0-c", 6, 4, named=False)
    named, asked = faded(QueryLog(tmp_path, clock).look(), HOUR * 3600.0)
    assert named.at(np.array([A, B], np.uint64)).tolist() == pytest.approx(
        [100 * 0.5**0.5 + 8, 10 * 0.5**0.5]
    )
    assert asked.at(np.array([A, B], np.uint64)).tolist() == [6, 4]
    assert [len(one) for one in faded((), 0.0)] == [0, 0]


def test_services_have_their_queries(tmp_path: Path, clock: Clock) -> None:
    """Added up over the hours."""
    part(tmp_path, "dns-0-a", 100, 10, hour=HOUR - 1)
    part(tmp_path, "dns-0-b", 8)
    assert by_service(QueryLog(tmp_path, clock).look()) == {"gw.": 118}
