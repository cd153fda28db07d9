import pytest

from collectors.probe.outcome import Outcome
from collectors.probe.threshold import Threshold, Verdict, judge, start

GOOD = Outcome(up=True, elapsed_ms=3.0)
BAD = Outcome(up=False, elapsed_ms=2000.0, detail="connection refused")


def run(marks: str, threshold: Threshold) -> str:
    """Feed `+`/`-` outcomes one second apart; return `U`/`D` after each."""
    verdict, states = start(0.0), ""
    for second, mark in enumerate(marks, 1):
        verdict = judge(verdict, GOOD if mark == "+" else BAD, threshold, float(second))
        states += "U" if verdict.up else "D"
    return states


@pytest.mark.parametrize(
    ("marks", "expected"),
    [
        ("+++", "UUU"),
        ("--", "UU"),
        ("---", "UUD"),
        ("--+--+--+", "UUUUUUUUU"),
        ("---+", "UUDD"),
        ("---++", "UUDDU"),
        ("---+-+-++", "UUDDDDDDU"),
        ("---++---", "UUDDUUUD"),
    ],
)
def test_only_consecutive_outcomes_change_the_verdict(marks: str, expected: str) -> None:
    """`fall` failures in a row turn it down, `rise` successes up, and any interruption starts over."""
    assert run(marks, Threshold(rise=2, fall=3)) == expected


def test_thresholds_of_one_follow_every_outcome() -> None:
    """rise=1 and fall=1 make the verdict the last outcome."""
    assert run("-+-+", Threshold(rise=1, fall=1)) == "DUDU"


def test_a_target_nobody_checked_is_up() -> None:
    """A fresh server answers with everything until it has seen failures."""
    assert start(5.0) == Verdict(up=True, since=5.0)


def test_since_is_the_time_of_the_change_and_not_of_the_last_check() -> None:
    """`since` moves only with `up`."""
    verdict = start(0.0)
    for second in range(1, 10):
        verdict = judge(verdict, BAD, Threshold(rise=2, fall=3), float(second))
    assert (verdict.up, verdict.since, verdict.checks) == (False, 3.0, 9)


def test_the_last_failure_stays_readable_after_a_success() -> None:
    """A success does not wipe out why the target failed before."""
    verdict = judge(start(0.0), BAD, Threshold(2, 3), 1.0)
    verdict = judge(verdict, GOOD, Threshold(2, 3), 2.0)
    assert (verdict.detail, verdict.elapsed_ms) == ("connection refused", 3.0)


@pytest.mark.parametrize(("rise", "fall"), [(0, 3), (2, 0)])
def test_a_threshold_below_one_is_refused(rise: int, fall: int) -> None:
    """Zero consecutive outcomes would change a verdict out of nothing."""
    with pytest.raises(ValueError, match="at least 1"):
        Threshold(rise, fall)


@pytest.mark.parametrize(
    ("state", "marks", "expected"),
    [
        ("up", "--", "UU"),
        ("down", "+-++", "DDDU"),
        ("unknown", "", ""),
        ("unknown", "-++", "DDU"),
        ("unknown", "+--", "UUU"),
    ],
)
def test_how_a_target_starts(state: str, marks: str, expected: str) -> None:
    """Down waits for `rise` successes; of one that is unknown the first outcome alone decides."""
    verdict, states = start(0.0, state), ""
    for mark in marks:
        verdict = judge(verdict, GOOD if mark == "+" else BAD, Threshold(rise=2, fall=3), 1.0)
        states += "U" if verdict.up else "D"
    assert states == expected


def test_an_unknown_target_is_served() -> None:
    """A fresh server answers with everything until it has seen failures."""
    assert start(0.0, "unknown").up


def test_notice_and_days_are_of_the_last_success() -> None:
    """A failed check shows no certificate: what is known of it stays known."""
    told = Outcome(up=True, elapsed_ms=1.0, notice="the certificate expires in 3.0 days", days_left=3.0)
    verdict = judge(judge(start(0.0), told, Threshold(2, 3), 1.0), BAD, Threshold(2, 3), 2.0)
    assert (verdict.notice, verdict.days_left) == (told.notice, 3.0)
    assert judge(verdict, GOOD, Threshold(2, 3), 3.0).notice == ""
