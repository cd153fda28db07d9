"""The loop on a hand-moved clock; its checks are answered by the test, or hang."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable

from collectors.probe.loop import Checked, ProbeLoop
from collectors.probe.outcome import Outcome
from collectors.probe.plan import ProbePlan
from collectors.probe.schedule import ProbeSchedule
from collectors.probe.target import Target
from collectors.probe.threshold import Threshold

GOOD, BAD = Outcome(up=True, elapsed_ms=1.0), Outcome(up=False, elapsed_ms=1.0, detail="refused")


class Bench:
    """A probe loop whose checks `answer` answers; `is_unclear` is what it hears back."""

    def __init__(self, answer: Callable[[Target], Awaitable[Outcome]]) -> None:
        self.now = 0.0
        self.heard: list[tuple[str, str, Outcome]] = []
        self.counted: Counter[str] = Counter()
        self.is_unclear = False
        self.loop = ProbeLoop(
            self.observe,
            lambda result: self.counted.update([result]),
            schedule=ProbeSchedule[Checked](random.Random(1)),
            check=answer,
            clock=lambda: self.now,
        )

    def observe(self, pop: str, address: str, outcome: Outcome) -> bool:
        self.heard.append((pop, address, outcome))
        return self.is_unclear

    def replace(
        self, *names: str, interval: float = 5.0, addresses: tuple[str, ...] = ("192.0.2.1",)
    ) -> None:
        plan = ProbePlan(tuple(Target("tcp", a, 1) for a in addresses), interval, Threshold(1, 1))
        self.loop.replace(dict.fromkeys(names, plan))

    async def advance(self, seconds: float) -> None:
        """Move the clock and let everything that is ready run."""
        self.now += seconds
        self.loop._changed.set()
        for _ in range(10):
            await asyncio.sleep(0)


def play(bench: Bench, scenario: Callable[[], Awaitable[None]]) -> None:
    async def run() -> None:
        task = asyncio.ensure_future(bench.loop.run())
        await scenario()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(run())


def test_outcomes_are_told_and_counted() -> None:
    """Each address of each POP for itself."""

    async def answer(target: Target) -> Outcome:
        return BAD if target.address == "192.0.2.2" else GOOD

    bench = Bench(answer)

    async def scenario() -> None:
        bench.replace("a", "b", addresses=("192.0.2.1", "192.0.2.2"))
        await bench.advance(5.0)

    play(bench, scenario)
    expected = {(pop, address) for pop in "ab" for address in ("192.0.2.1", "192.0.2.2")}
    assert {(pop, address) for pop, address, _ in bench.heard} == expected
    assert bench.counted == {"pass": 2, "fail": 2}


def test_a_check_that_could_not_be_made_is_counted_and_not_told() -> None:
    """It says nothing of the POP."""

    async def answer(_: Target) -> Outcome:
        return Outcome(up=False, elapsed_ms=1.0, unable=True)

    bench = Bench(answer)

    async def scenario() -> None:
        bench.replace("a")
        await bench.advance(5.0)

    play(bench, scenario)
    assert (bench.heard, bench.counted) == ([], {"unable": 1})


def test_no_target_is_checked_twice_at_once() -> None:
    """A check that hangs past its next due time is not joined by another."""
    started: list[Target] = []
    release = asyncio.Event()

    async def answer(target: Target) -> Outcome:
        started.append(target)
        await release.wait()
        return GOOD

    bench = Bench(answer)

    async def scenario() -> None:
        bench.replace("a")
        for _ in range(4):
            await bench.advance(6.0)
        assert len(started) == 1
        release.set()
        await bench.advance(0.0)
        await bench.advance(6.0)

    play(bench, scenario)
    assert len(started) == 2


def test_many_hanging_targets_delay_no_other() -> None:
    """A thousand POPs that never answer, and the one beside them is still checked at every interval."""

    async def answer(target: Target) -> Outcome:
        if target.address != "192.0.2.1":
            await asyncio.Event().wait()
        return GOOD

    bench = Bench(answer)
    plan = ProbePlan((Target("tcp", "192.0.2.1", 1),), 5.0, Threshold(1, 1))
    hanging = ProbePlan((Target("tcp", "192.0.2.2", 1),), 5.0, Threshold(1, 1))

    async def scenario() -> None:
        bench.loop.replace({"good": plan} | {f"bad{n}": hanging for n in range(1000)})
        for _ in range(10):
            await bench.advance(6.0)

    play(bench, scenario)
    assert [pop for pop, _, _ in bench.heard] == ["good"] * 10


def test_an_unclear_success_waits_for_the_next_check() -> None:
    """Failing back is slower than failing over: an interval each, where a failure takes a fifth of it."""

    async def answer(_: Target) -> Outcome:
        return GOOD

    bench = Bench(answer)

    async def scenario() -> None:
        bench.is_unclear = True
        bench.replace("a")
        await bench.advance(5.0)
        await bench.advance(1.1)
        await bench.advance(1.1)
        assert len(bench.heard) == 1
        await bench.advance(3.3)

    play(bench, scenario)
    assert len(bench.heard) == 2


def test_an_unclear_failure_is_looked_at_again_soon() -> None:
    """A fifth of the interval later, until the verdict is clear."""

    async def answer(_: Target) -> Outcome:
        return BAD

    bench = Bench(answer)

    async def scenario() -> None:
        bench.is_unclear = True
        bench.replace("a")
        await bench.advance(5.0)
        await bench.advance(1.1)
        assert len(bench.heard) == 2
        bench.is_unclear = False
        await bench.advance(1.1)
        await bench.advance(1.1)

    play(bench, scenario)
    assert len(bench.heard) == 3


def test_new_plans_take_effect_while_it_waits() -> None:
    """A loop with nothing to do wakes up when the catalog gets its first POP."""

    async def answer(_: Target) -> Outcome:
        return GOOD

    bench = Bench(answer)

    async def scenario() -> None:
        await bench.advance(0.0)
        bench.replace("a", interval=1.0)
        await bench.advance(1.0)

    play(bench, scenario)
    assert len(bench.heard) == 1


def test_an_outcome_of_a_target_that_left_is_not_told() -> None:
    """The catalog changed while it was checked: another port is another answer."""
    release = asyncio.Event()

    async def answer(_: Target) -> Outcome:
        await release.wait()
        return BAD

    bench = Bench(answer)

    async def scenario() -> None:
        bench.replace("a")
        await bench.advance(5.0)
        bench.replace("b")
        release.set()
        await bench.advance(0.0)

    play(bench, scenario)
    assert (bench.heard, bench.counted) == ([], {"fail": 1})
