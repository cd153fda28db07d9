import pytest

from collectors.probe.quorum import Vote, decide
from collectors.probe.standing import Standing, View
from collectors.probe.threshold import Verdict
from itm.routemap.health import State
from itm.steer.health import Override, PopHealth, fold, fold_all, is_fail_open


def seen(before: bool = True, /, **agents: bool) -> Standing:
    """Return where an address stands when `REGION_AGENT` finds it so; those of no region are stale."""
    views = [
        View(
            name, name.partition("_")[0], Verdict(up, 60.0 * (not up), 0, 9, 1.0, "" if up else REFUSED), 60.0
        )
        for name, up in agents.items()
    ]
    quorum = decide((Vote(v.agent, v.region, v.verdict.up) for v in views if v.region != "stale"), before)
    return Standing(quorum.up, 0.0 if quorum.up else 60.0, 0.0, quorum, tuple(views))


REFUSED = "connection refused"
FAIL = "checks fail since 1970-01-01T00:01:00Z"
UP, DOWN = seen(local=True), seen(local=False)
FORCED = {state: Override(state) for state in (State.UP, State.DRAINED, State.DOWN)}


def checked(standing: Standing | None) -> dict[str, Standing]:
    return {} if standing is None else {"192.0.2.1": standing}


@pytest.mark.parametrize(
    ("standing", "override", "state", "forced"),
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
    standing: Standing | None, override: Override | None, state: State, forced: bool
) -> None:
    """One row per combination of measured and forced."""
    health = fold(checked(standing), override, now=100.0)
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
    assert fold(checked(seen()), None, 0.0).reason == "not checked yet"


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
    ("standings", "override", "state", "down"),
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
    standings: dict[str, Standing], override: Override | None, state: State, down: str
) -> None:
    """One host's death takes its address out, all of them take the POP out; forced up holds for addresses."""
    health = fold(standings, override, now=100.0)
    assert (health.state, health.down) == (state, frozenset(down))


def test_addresses_that_fail_are_named() -> None:
    """The reason names three at most and counts the rest."""
    told = fold({"x": UP, "y": DOWN}, None, 0.0).reason
    assert told == "1 of 2 addresses fail: y since 1970-01-01T00:01:00Z: connection refused"
    many = fold({"x": UP} | dict.fromkeys("abcde", DOWN), FORCED[State.DRAINED], 0.0).reason
    assert many.startswith("forced drained; and 5 of 6 addresses fail: a since")
    assert many.endswith("; and 2 more")


@pytest.mark.parametrize(
    ("standing", "reason"),
    [
        (seen(eu_1=True, na_1=True), "checks pass"),
        (
            seen(eu_1=False, eu_2=False, na_1=False, ap_1=True),
            f"{FAIL}: down in eu (2 of 2 agents), na (1 of 1); up in ap (1 of 1): connection refused",
        ),
        (seen(eu_1=False, na_1=True, ap_1=True),
         "checks pass; down in eu (1 of 1 agents); up in ap (1 of 1), na (1 of 1)"),
        (seen(eu_1=False, na_1=True),
         "checks pass; down in eu (1 of 1 agents); up in na (1 of 1): the last state stands"),
        (seen(False, stale_1=False), f"{FAIL}: no agent reports: the last state stands: connection refused"),
        (seen(stale_1=True), "checks pass; no agent reports: the last state stands"),
    ],
)  # fmt: skip
def test_a_reason_says_which_agents_find_what(standing: Standing, reason: str) -> None:
    """Where all agree or one decides alone there is nothing to add."""
    assert fold(checked(standing), None, 100.0).reason == reason
