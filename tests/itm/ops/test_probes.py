import asyncio
import random
from collections.abc import Awaitable, Callable

import pytest

from collectors.probe.check import Target
from collectors.probe.outcome import Outcome
from collectors.probe.schedule import ProbeSchedule
from collectors.probe.threshold import Threshold
from itm.catalog.types import HealthCheck, Pop
from itm.config import Probe
from itm.ops.health import HealthBoard
from itm.ops.metrics import Counter
from itm.ops.probes import Checked, ProbeLoop, ProbePlan, plan_of, plans_of
from tests.itm.ops.test_health import FakeTable

DEFAULTS = Probe(interval_seconds=5, timeout_seconds=2, rise=2, fall=3)


def pop(name: str, check: HealthCheck | None) -> Pop:
    return Pop(name, "aws", "Tokyo", "JP", 35.7, 139.7, ("192.0.2.1",), ("2001:db8::1",), healthcheck=check)


def test_a_plan_takes_the_servers_defaults_where_the_catalog_is_silent() -> None:
    """No address means every address that is served; zero means the server's default."""
    plan = plan_of(pop("a", HealthCheck(protocol="http", port=8081, path="/up")), DEFAULTS)
    targets = tuple(Target("http", a, 8081, "/up", "", 2) for a in ("192.0.2.1", "2001:db8::1"))
    assert plan == ProbePlan(targets, 5, Threshold(2, 3))


def test_a_plan_follows_the_catalog_where_it_speaks() -> None:
    """Check address and port may differ from the served ones."""
    check = HealthCheck("tcp", "198.51.100.7", 22, interval_seconds=30, timeout_seconds=1, rise=5, fall=1)
    plan = plan_of(pop("a", check), DEFAULTS)
    assert plan == ProbePlan((Target("tcp", "198.51.100.7", 22, "/healthz", "", 1),), 30, Threshold(5, 1))


def test_a_pop_without_a_healthcheck_is_not_checked() -> None:
    """No `healthcheck`, no plan."""
    assert set(plans_of([pop("a", None), pop("b", HealthCheck())], DEFAULTS)) == {"b"}


class Bench:
    """A probe loop on a hand-moved clock whose checks are answered by `answer`."""

    def __init__(self, answer: Callable[[Target], Awaitable[Outcome]], has_route: bool = True) -> None:
        self.now = 0.0
        self.table = FakeTable()
        self.board = HealthBoard(self.table, clock=lambda: self.now)
        self.counter = Counter()
        self.schedule = ProbeSchedule[Checked](random.Random(1))
        self.loop = ProbeLoop(
            self.board,
            self.counter,
            schedule=self.schedule,
            check=answer,
            has_route=lambda _: has_route,
            clock=lambda: self.now,
        )

    def replace(
        self, *names: str, interval: float = 5.0, addresses: tuple[str, ...] = ("192.0.2.1",)
    ) -> None:
        self.board.set_pops(dict.fromkeys(names, addresses))
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


def test_outcomes_reach_the_board() -> None:
    """A failing check takes its POP out, a passing one leaves it; both are counted."""
    results = {"192.0.2.1": Outcome(up=False, elapsed_ms=1.0, detail="refused")}

    async def answer(target: Target) -> Outcome:
        return results[target.address]

    bench = Bench(answer)

    async def scenario() -> None:
        bench.replace("a", "b")
        await bench.advance(5.0)

    play(bench, scenario)
    assert {state.name for state in bench.table.states.values()} == {"DOWN"}
    assert bench.counter.value(result="fail") == 2


def test_one_pop_is_never_checked_twice_at_once() -> None:
    """A check that hangs past its next due time is not joined by another."""
    started: list[Target] = []
    release = asyncio.Event()

    async def answer(target: Target) -> Outcome:
        started.append(target)
        await release.wait()
        return Outcome(up=True, elapsed_ms=1.0)

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


def test_new_plans_take_effect_while_it_waits() -> None:
    """A loop with nothing to do wakes up when the catalog gets its first POP."""
    seen: list[Target] = []

    async def answer(target: Target) -> Outcome:
        seen.append(target)
        return Outcome(up=True, elapsed_ms=1.0)

    bench = Bench(answer)

    async def scenario() -> None:
        await bench.advance(0.0)
        bench.replace("a", interval=1.0)
        await bench.advance(1.0)

    play(bench, scenario)
    assert len(seen) == 1


def test_each_address_is_checked_for_itself() -> None:
    """One fails, the POP stays up without it."""

    async def answer(target: Target) -> Outcome:
        return Outcome(up=target.address != "192.0.2.2", elapsed_ms=1.0, detail="refused")

    bench = Bench(answer)

    async def scenario() -> None:
        bench.replace("a", addresses=("192.0.2.1", "192.0.2.2"))
        await bench.advance(5.0)

    play(bench, scenario)
    assert (bench.table.states["a"].name, bench.table.down) == ("UP", {"192.0.2.2"})


@pytest.mark.parametrize(("has_route", "down"), [(True, {"2001:db8::1"}), (False, set())])
def test_no_ipv6_here_is_no_fault_of_a_pop(has_route: bool, down: set[str]) -> None:
    """A server without a route to an IPv6 address cannot say that it is down; one with a route can."""

    async def answer(target: Target) -> Outcome:
        return Outcome(up=":" not in target.address, elapsed_ms=1.0, detail="network is unreachable")

    bench = Bench(answer, has_route)

    async def scenario() -> None:
        bench.replace("a", addresses=("192.0.2.1", "2001:db8::1"))
        await bench.advance(5.0)

    play(bench, scenario)
    assert bench.table.down == down
    assert bench.counter.value(result="no_route") == (0 if has_route else 1)
