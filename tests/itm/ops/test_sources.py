"""What each source was last heard of, and when it counts as quiet."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path

import numpy as np
import pytest

from collectors.measurement import SOURCES
from itm.config import Stale
from itm.ops.sources import FILE, Sources
from tests.collectors.observed import NOON, Clock, observed


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def sources(tmp_path: Path, clock: Clock) -> Sources:
    return Sources(tmp_path / FILE, Stale(rum_seconds=100), clock)


def ages(sources: Sources, pops: tuple[str, ...] = ("a", "b")) -> list[tuple[str, str, float, bool]]:
    return [(one.source, one.pop, one.age_seconds, one.is_stale) for one in sources.heard(pops)]


def test_a_source_that_goes_quiet_is_seen(sources: Sources, clock: Clock) -> None:
    """By its own rule, POP by POP; who was never heard of is not listed, nor is a POP that is gone."""
    sources.note("rum", "b", NOON - 40)
    sources.note("load", "a", NOON - 40)
    sources.note("rum", "a", NOON - 10)
    sources.note("rum", "a", NOON - 30)  # an older one changes nothing
    assert ages(sources) == [
        ("rum", "a", 10, False), ("rum", "b", 40, False), ("load", "a", 40, False),
    ]  # fmt: skip
    clock.now += 61
    assert [one[3] for one in ages(sources)] == [False, True, True]
    assert [one[1] for one in ages(sources, ("b",))] == ["b"]


def test_a_clock_that_goes_ahead_makes_no_source_young(sources: Sources, clock: Clock) -> None:
    """A time of the future counts as now."""
    sources.note("rum", "a", NOON + 500)
    clock.now += 200
    assert ages(sources) == [("rum", "a", 200, True)]


def test_records_are_noted_by_their_newest(sources: Sources) -> None:
    """Of each source and POP, in one go; a source of another release is no news."""
    batch = np.concatenate([observed([1, 2], pop=pop, time=[NOON - 9, NOON - 5]) for pop in ("a", "b")])
    batch["source"][2:] = SOURCES.index("nel")
    strange = observed([1])
    strange["source"] = 200
    sources.note_records(np.concatenate([batch, strange]))
    assert ages(sources, ("a", "b", "pop-a")) == [("rum", "a", 5, False), ("nel", "b", 5, False)]


def test_a_restart_makes_nobody_young(sources: Sources, clock: Clock, tmp_path: Path) -> None:
    """What was heard is kept when the edge ends; a file that cannot be read is no reason not to start."""

    async def body() -> None:
        task = asyncio.create_task(sources.run())
        await asyncio.sleep(0)
        sources.note("session", "a", NOON)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

    asyncio.run(body())
    clock.now += 1000
    again = Sources(tmp_path / FILE, Stale(), clock)
    assert ages(again) == [("session", "a", 1000, True)]
    for text in ("", "{}", '[["rum"]]', '[["rum", "a", null]]'):
        (tmp_path / FILE).write_text(text)
        assert ages(Sources(tmp_path / FILE, Stale(), clock)) == []


def test_every_source_has_a_rule(sources: Sources) -> None:
    """The settings name each source of measurements, and loads."""
    assert list(sources.rules) == [*SOURCES, "load"]
