import pytest

from collectors.probe.threshold import Verdict
from itm.routemap.health import State
from itm.steer.health import Override, PopHealth, fold, fold_all, is_fail_open

UP = Verdict(up=True, since=0.0, checks=9)
DOWN = Verdict(up=False, since=60.0, checks=9, detail="connection refused")
FORCED = {state: Override(state) for state in (State.UP, State.DRAINED, State.DOWN)}


def checked(verdict: Verdict | None) -> dict[str, Verdict]:
    return {} if verdict is None else {"192.0.2.1": verdict}


@pytest.mark.parametrize(
    ("verdict", "override", "state", "forced"),
    [
        (None, None, State.UP, False),
        (UP, None, State.UP, False),
        (DOWN, None, State.DOWN, False),
        (DOWN, FORCED[State.UP], State.UP, True),
        (UP, FORCED[State.DOWN], State.DOWN, True),
        (None, FORCED[State.DOWN], State.DOWN, True),
        (UP, FORCED[State.DRAINED], State.DRAINED, True),
        (None, FORCED[State.DRAINED], State.DRAINED, True),
        (DOWN, FORCED[State.DRAINED], State.DOWN, True),
    ],
)
def test_the_written_rules(
    verdict: Verdict | None, override: Override | None, state: State, forced: bool
) -> None:
    """One row per combination of measured and forced."""
    health = fold(checked(verdict), override, now=100.0)
    assert (health.state, health.forced) == (state, forced)


@pytest.mark.parametrize(("now", "state"), [(99.9, State.DRAINED), (100.0, State.UP), (200.0, State.UP)])
def test_an_override_ends_when_it_expires(now: float, state: State) -> None:
    """From its expiry on an override does not exist; nobody needs to clear it."""
    assert fold(checked(UP), Override(State.DRAINED, expires_at=100.0), now).state == state


def test_reasons_are_sentences_with_who_when_and_why() -> None:
    """What `pop list` and `why` show."""
    override = Override(State.DRAINED, reason="demo", author="ops", expires_at=3600.0)
    assert fold(checked(UP), override, 0.0).reason == "forced drained by ops until 1970-01-01T01:00:00Z: demo"
    assert (
        fold(checked(DOWN), None, 100.0).reason
        == "checks fail since 1970-01-01T00:01:00Z: connection refused"
    )
    assert fold(checked(DOWN), override, 100.0).reason.endswith(
        "demo; and " + fold(checked(DOWN), None, 100.0).reason
    )
    assert fold({}, None, 0.0).reason == "not checked"
    assert fold(checked(Verdict(up=True, since=0.0)), None, 0.0).reason == "not checked yet"


def test_an_override_of_an_unknown_pop_makes_no_entry() -> None:
    """An override that outlived its POP in the catalog does not bring it back."""
    assert set(fold_all({"a": checked(UP)}, {"gone": FORCED[State.DOWN]}, 0.0)) == {"a"}


def test_fail_open_means_every_pop_is_down() -> None:
    """One drained POP is still an answer; no POP at all is not fail open."""
    down, drained = PopHealth(State.DOWN, False, ""), PopHealth(State.DRAINED, True, "")
    assert is_fail_open({"a": down, "b": down})
    assert not is_fail_open({"a": down, "b": drained})
    assert not is_fail_open({})


@pytest.mark.parametrize(
    ("verdicts", "override", "state", "down"),
    [
        ({"x": UP, "y": UP}, None, State.UP, ""),
        ({"x": UP, "y": DOWN}, None, State.UP, "y"),
        ({"x": DOWN, "y": DOWN}, None, State.DOWN, ""),
        ({"x": UP, "y": DOWN}, FORCED[State.UP], State.UP, ""),
        ({"x": UP, "y": DOWN}, FORCED[State.DRAINED], State.DRAINED, "y"),
        ({"x": DOWN, "y": DOWN}, FORCED[State.DRAINED], State.DOWN, ""),
        ({"x": UP, "y": DOWN}, FORCED[State.DOWN], State.DOWN, ""),
    ],
)
def test_one_address_of_several(
    verdicts: dict[str, Verdict], override: Override | None, state: State, down: str
) -> None:
    """One host's death takes its address out, all of them take the POP out; forced up holds for addresses."""
    health = fold(verdicts, override, now=100.0)
    assert (health.state, health.down) == (state, frozenset(down))


def test_addresses_that_fail_are_named() -> None:
    """The reason names three at most and counts the rest."""
    told = fold({"x": UP, "y": DOWN}, None, 0.0).reason
    assert told == "1 of 2 addresses fail: y since 1970-01-01T00:01:00Z: connection refused"
    many = fold({"x": UP} | dict.fromkeys("abcde", DOWN), FORCED[State.DRAINED], 0.0).reason
    assert many.startswith("forced drained; and 5 of 6 addresses fail: a since")
    assert many.endswith("; and 2 more")
