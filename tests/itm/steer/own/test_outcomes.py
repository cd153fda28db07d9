from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from collectors.network import Network
from itm.errors import OwnStepFailed
from itm.steer.behind import Behind
from itm.steer.build import ClassBuild, build_class
from itm.steer.evidence import Evidence
from itm.steer.explain import WhyQuestion, explain
from itm.steer.inputs import Inputs
from itm.steer.memory import Memory
from itm.steer.outcome import Change
from itm.steer.own.runner import NoOwnSteps, OwnSteps
from itm.steer.own.view import View
from itm.steer.plan import Limits
from itm.steer.publish import routemap_of
from itm.steer.resolvers import Resolvers
from itm.steer.story import Served
from itm.steer.world import World
from tests.itm.steer.crowds import NOW, crowd, table
from tests.itm.steer.worlds import AMERICA, DUTCH, P50, cut_world, service, world

CHAIN = ("up", "allowed", "fastest", "own:dutch", "sticky")
LIMITS = Limits(3, 1.0)


class Dutch(NoOwnSteps):
    """Says that Dutch clients find Amsterdam 100 ms slower and Ashburn out of bounds; dies on demand."""

    def __init__(self, dies_at: int = 99) -> None:
        self.asked = 0
        self.rows = 0
        self._dies_at = dies_at

    def run(self, step: str, view: View, /) -> Change:
        self.asked += 1
        self.rows += len(view.rule)
        if self.asked >= self._dies_at:
            raise OwnStepFailed("died of it")
        change = Change.nothing(*view.tier.shape)
        here = view.country == b"NL"
        change.add_ms[here, 2] = 100
        change.drop[here, 3] = True
        return change


def build(w: World, own: OwnSteps | None, last: ClassBuild | None = None, **more: object) -> ClassBuild:
    before = last.after if last else Memory.nothing()
    evidence = Evidence.nothing(4)
    return build_class(w, evidence, w.classes[0], before, LIMITS, last, own_steps=own, **more)  # type: ignore[arg-type]


def told(w: World, made: ClassBuild, resolvers: Behind | None = None, **client: str) -> dict[str, object]:
    evidence = Evidence.nothing(4)
    inputs = Inputs(7, 1, "test", "predictions", 3, evidence, (made.before,), (made.held,))
    inputs = replace(inputs, own=(made.terms.own,), behind=resolvers or Behind.nothing())
    question = WhyQuestion("gw.example.net", **client)
    return explain(question, Served(routemap_of(w, (made,), 7, 1000.0), inputs, w, {}))


def test_what_a_step_says_of_a_row_decides_it() -> None:
    """Scores are added to, POPs dropped; other rows are decided as ever."""
    w, own = world(service(steer=CHAIN)), Dutch()
    made = build(w, own)
    assert [list(P50)[p] for p in made.decision.ranks[1:4, 0]] == ["tokyo", "ams", "ash"]
    assert [list(P50)[p] for p in made.decision.ranks[2, :2]] == ["ams", "tokyo"]
    assert own.rows == len(made.rows)
    assert made.terms.own[0].key.tolist() == [int(w.places.key[2])]


def test_why_decides_again_from_data_alone() -> None:
    """Bit for bit, and its note tells what was added; nothing foreign is asked."""
    w = world(service(steer=CHAIN))
    story = told(w, build(w, Dutch()), client=DUTCH)
    (step,) = [step for step in story["steps"] if step["step"] == "own:dutch"]  # type: ignore[attr-defined]
    assert (step["note"], step["dropped"]) == ("ams +100 ms", ["ash"])
    (step,) = [s for s in told(w, build(w, Dutch()), client=AMERICA)["steps"] if s["step"] == "own:dutch"]  # type: ignore[attr-defined]
    assert (step["note"], step["dropped"]) == ("nothing added", [])


@pytest.mark.parametrize("own", [Dutch(dies_at=1), None])
def test_one_that_fails_is_as_if_it_were_not_there(own: Dutch | None) -> None:
    """The decisions are those of the chain without it, and `why` says why."""
    w, without = world(service(steer=CHAIN)), world(service(steer=("up", "allowed", "fastest", "sticky")))
    made = build(w, own)
    assert np.array_equal(made.decision.ranks, build(without, None).decision.ranks)
    (step,) = [s for s in told(w, made, client=DUTCH)["steps"] if s["step"] == "own:dutch"]  # type: ignore[attr-defined]
    assert step["note"].startswith("as if it were not there: ")
    assert made.terms.own[0].fault


def test_all_rows_or_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that dies at its second view leaves no row changed, those of the first among them."""
    monkeypatch.setattr("itm.steer.build.CHUNK", 3)
    w = world(service(steer=CHAIN))
    own = Dutch(dies_at=2)
    made = build(w, own)
    assert own.asked == 2
    assert len(made.terms.own[0].key) == 0
    assert list(P50)[made.decision.ranks[2, 1]] == "ash"


def test_every_build_asks_about_all_rows() -> None:
    """What a step says may change with the hour: nothing of the build before is kept."""
    w, own = world(service(steer=CHAIN)), Dutch()
    first = build(w, None)
    second = build(w, own, first)
    assert own.rows == len(first.rows)
    assert np.array_equal(second.decision.ranks, build(w, Dutch()).decision.ranks)


def test_a_second_step_sees_what_the_first_left() -> None:
    """In the order of the chain; a fault of one is none of the other."""
    seen: list[float] = []

    class Both(NoOwnSteps):
        def run(self, step: str, view: View, /) -> Change:
            if step == "own:later":
                seen.append(float(view.score[2, 2]))
            return Dutch().run(step, view)

    w = world(service(steer=("up", "fastest", "own:dutch", "own:later")))
    made = build(w, Both())
    assert seen == [106.0]
    assert [outcome.step for outcome in made.terms.own] == ["own:dutch", "own:later"]


def test_resolvers_are_rows_as_well() -> None:
    """By the place of their own network; `why` finds their outcome by their key."""
    w = world(service(steer=CHAIN))
    behind = Behind.of(table(*crowd(DUTCH, {"133.11": 5})), NOW, 7.0)
    evidence = Evidence.nothing(4)
    made = build(w, Dutch(), resolvers=Resolvers.of(w, evidence, behind))
    assert len(made.resolvers.resolver) == 1
    story = told(w, made, behind, resolver=DUTCH)
    (step,) = [s for s in story["steps"] if s["step"] == "own:dutch"]  # type: ignore[attr-defined]
    assert step["note"] == "ams +100 ms"


@pytest.mark.parametrize("seed", range(3))
def test_in_a_random_world_every_row_is_explained(seed: int) -> None:
    """A step that adds noise by row: the rows decided again agree with the map."""
    one, aggregates = cut_world(seed)
    steered = replace(one.catalog.services[0], steer=CHAIN)
    w = replace(one, catalog=replace(one.catalog, services=(steered,)))

    class Noise(NoOwnSteps):
        def run(self, step: str, view: View, /) -> Change:
            rng = np.random.default_rng(len(view.rule))
            noise = rng.uniform(-20, 20, view.tier.shape).astype(np.float32)
            return Change(noise, np.zeros(view.tier.shape, dtype=bool))

    evidence = Evidence.of(aggregates, w.pops)
    made = build_class(w, evidence, w.classes[0], Memory.nothing(), LIMITS, own_steps=Noise())
    inputs = Inputs(7, 1, "test", "predictions", 3, evidence, (made.before,), (made.held,))
    served = Served(routemap_of(w, (made,), 7, 1000.0), replace(inputs, own=(made.terms.own,)), w, {})
    for third in range(0, 512, 31):
        client = str(Network.of(f"10.{third >> 8}.{third & 255}.9"))
        explain(WhyQuestion("gw.example.net", client), served)  # raises ExplainMismatch where they differ
