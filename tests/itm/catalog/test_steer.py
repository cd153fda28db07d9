"""Chains of steps, what is said to them, and orders that cannot work."""

from __future__ import annotations

from pathlib import Path

import pytest

from itm.catalog.types import STEPS, UNTUNED, Margin
from tests.itm.catalog.bundles import POPS, load, service, service_faults

PRICED = POPS.replace("city:", "cost: 2, city:")
PLACE = "locations: {home: {country: DE, lat: 50, lon: 8}}\n"


def test_every_step_has_a_place() -> None:
    """In the order of the catalog all that can stand together do."""
    chain = [step for step in STEPS if step != "failover"]
    body = f"gw.example.net.:\n  {PLACE}  steer: [{', '.join(chain)}]"
    assert load(body, PRICED).services[0].steer == tuple(chain)
    assert service("steer: [up, allowed, available, failover, first]").steer[3] == "failover"


def test_what_is_said_to_steps() -> None:
    """Thresholds, handicaps in ms or percent by POP and by pool, and what may be traded."""
    body = """
gw.example.net.:
  pools: {x: {values: [a, b]}, y: {values: [c]}}
  rules: [{pools: [x, y]}]
  steer:
    - up
    - available: {threshold: 0.95, samples: 50}
    - fastest: {handicap: {pops: {a: 5, b: "10%"}, pools: {y: "-20%"}}}
    - cost: {trade: 15%}
    - sticky
"""
    tuning = load(body, PRICED).services[0].tuning
    assert (tuning.threshold, tuning.samples) == (0.95, 50)
    assert tuning.pop_handicaps == (("a", Margin(ms=5)), ("b", Margin(share=0.1)))
    assert tuning.pool_handicaps == (("y", Margin(share=-0.2)),)
    assert tuning.trade == Margin(share=0.15)
    assert service("steer: [up, {available: {}}, fastest]").tuning == UNTUNED


def test_an_own_step_is_named_as_such() -> None:
    """Whether it is installed, only the server knows."""
    assert service("steer: [up, fastest, 'own:night', sticky]").steer[2] == "own:night"


@pytest.mark.parametrize(
    ("steer", "fault"),
    [
        ("[]", "steer: expected at least one value"),
        ("[up, fastst]", "steer[1]: 'fastst' is none of"),
        ("[up, up]", "steer[1]: the step 'up' stands twice"),
        ("[fastest, up]", "steer[1]: `up` acts last, at answer time"),
        ("[up, sticky]", "steer[1]: 'sticky' weighs the gain of a move: `fastest` must stand before it"),
        ("[up, sticky, fastest]", "steer[1]: 'sticky' weighs the gain of a move: `fastest` must stand"),
        ("[up, cost, fastest]", "steer[1]: 'cost' trades milliseconds for money: `fastest` must stand"),
        ("[up, fastest, joint]", "steer: `joint` must know where the VDAs are: `locations` is missing"),
        ("[up, weighted, fastest]", "steer[2]: 'weighted' reads what 'fastest' leaves: 'fastest' must"),
        ("[up, fastest, first, weighted]", "steer[3]: `first` leaves one candidate: 'weighted' behind it"),
        ("[up, fastest, first, 'own:x']", "steer[3]: `first` leaves one candidate: 'own:x' behind it"),
        ("[up, 'own:x', fastest]", "steer[2]: `fastest` makes all scores anew, those of 'own:x' among"),
        ("[up, fastest, sticky, allowed]", "steer[3]: 'sticky' reads what 'allowed' leaves"),
        ("[up, fastest, failover, sticky]", "steer: `failover` knows no equals, and 'sticky' chooses"),
        ("[up, 'own:']", "steer[1]: an own step is own: and 1 to 64 of"),
        ("[up, {sticky: {}}]", "steer[1].sticky: the step 'sticky' has no settings"),
        ("[up, {available: {}, fastest: {}}]", "steer[1]: expected one step with its settings"),
        ("[up, {available: {treshold: 1}}]", "steer[1].available.treshold: no such key (did you mean"),
        ("[up, {available: {threshold: 80}}]", "steer[1].available.threshold: expected 0 to 1, got 80"),
        ("[up, {available: {samples: 5}}]", "steer[1].available.samples: expected 20 to"),
        ("[{fastest: {handicap: {pops: {d: 1}}}}]", "steer[0].fastest.handicap.pops.d: no POP 'd'"),
        ("[{fastest: {handicap: {pools: {d: 1}}}}]", "steer[0].fastest.handicap.pools.d: no pool of this"),
        ("[{fastest: {handicap: {pops: {a: x%}}}}]", "steer[0].fastest.handicap.pops.a: expected a perce"),
        ("[{fastest: {handicap: {pops: {a: -95%}}}}]", "steer[0].fastest.handicap.pops.a: expected -90"),
        ("[{fastest: {handicap: {pops: {a: fast}}}}]", "steer[0].fastest.handicap.pops.a: expected a num"),
        ("[fastest, {cost: {trade: -1}}]", "steer[1].cost.trade: expected 0 to"),
    ],
)
def test_faults(steer: str, fault: str) -> None:
    """What is misspelt, and what stands where it cannot work, is told with its path and the reason."""
    found = service_faults(f"steer: {steer}")
    assert any(one.startswith(fault) for one in found), found


def test_the_documented_chain_is_sound() -> None:
    """The first example of docs/steps.md loads, and its own step is the one that the tests install."""
    root = Path(__file__).parents[3]
    text = (root / "docs" / "steps.md").read_text()
    body = "\n".join(line[2:] for line in text.split("```yaml\n")[1].split("```")[0].splitlines()[1:])
    pops = PRICED.replace("  a:", "  fra:").replace("  b:", "  ams:")
    body = body.replace("backup", "all")
    tuning = load(body, pops).services[0].tuning
    assert [one.name for one in tuning.locations] == ["frankfurt-dc", "tokyo-dc"]
    assert tuning.pop_handicaps == (("ams", Margin(ms=10)),)
    shown = text.split("def at_home")[1].split("```")[0]
    assert shown in (root / "tests" / "data" / "own_steps" / "example_steps.py").read_text()
