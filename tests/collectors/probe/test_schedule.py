import random

from collectors.probe.schedule import HASTE, JITTER, ProbeSchedule


def checks(schedule: ProbeSchedule, until: float) -> list[tuple[float, str]]:
    """Run the schedule on a fake clock that jumps from due time to due time."""
    seen: list[tuple[float, str]] = []
    while (due := schedule.next_due()) is not None and due <= until:
        seen.extend((due, key) for key in schedule.take_due(due))
    return seen


def test_every_target_is_checked_about_every_interval() -> None:
    """Over 100 intervals each target is checked about 100 times, with gaps within the jitter."""
    schedule = ProbeSchedule(random.Random(1))
    schedule.replace({"a": 5.0, "b": 10.0}, now=0.0)
    seen = checks(schedule, 500.0)
    times = {key: [at for at, k in seen if k == key] for key in "ab"}
    for key, interval in (("a", 5.0), ("b", 10.0)):
        gaps = [later - earlier for earlier, later in zip(times[key], times[key][1:], strict=False)]
        assert min(gaps) >= interval * (1 - JITTER) - 1e-9
        assert max(gaps) <= interval * (1 + JITTER) + 1e-9
        assert abs(len(times[key]) - 500 / interval) <= 5


def test_first_checks_are_spread_over_the_interval() -> None:
    """Thirty new targets are not checked in one burst, and all within their first interval."""
    schedule = ProbeSchedule(random.Random(2))
    schedule.replace({f"pop{n}": 5.0 for n in range(30)}, now=100.0)
    first = {}
    for at, key in checks(schedule, 105.0):
        first.setdefault(key, at)
    assert len(first) == 30
    assert max(first.values()) - min(first.values()) > 2.5


def test_a_new_list_keeps_the_due_time_of_a_target_that_stays() -> None:
    """A catalog change neither delays nor repeats the checks of the POPs it does not touch."""
    schedule = ProbeSchedule(random.Random(3))
    schedule.replace({"a": 5.0}, now=0.0)
    due = schedule.next_due()
    schedule.replace({"a": 5.0, "b": 500.0}, now=0.0)
    assert schedule.next_due() == due


def test_a_target_that_left_is_not_checked_again() -> None:
    """Removed keys vanish from the schedule at once."""
    schedule = ProbeSchedule(random.Random(4))
    schedule.replace({"a": 5.0, "b": 5.0}, now=0.0)
    schedule.replace({"b": 5.0}, now=1.0)
    assert {key for _, key in checks(schedule, 60.0)} == {"b"}


def test_a_changed_interval_takes_effect_at_once() -> None:
    """An hour-long wait does not outlive a change to five seconds."""
    schedule = ProbeSchedule(random.Random(5))
    schedule.replace({"a": 3600.0}, now=0.0)
    schedule.replace({"a": 5.0}, now=1.0)
    due = schedule.next_due()
    assert due is not None
    assert due <= 6.0


def test_a_hastened_check_comes_after_a_fifth_of_the_interval() -> None:
    """And from there on the interval holds again."""
    schedule = ProbeSchedule[str](random.Random(6))
    schedule.replace({"a": 5.0}, now=0.0)
    (at, _), *_ = checks(schedule, 5.0)
    schedule.hasten("a", at)
    (soon, _), (later, _), *_ = checks(schedule, at + 7)
    assert abs(soon - at - 5.0 / HASTE) <= 5.0 / HASTE * JITTER + 1e-9
    assert abs(later - soon - 5.0) <= 5.0 * JITTER + 1e-9


def test_haste_puts_nothing_off_and_brings_nothing_back() -> None:
    """What is due sooner stays; what left the schedule is not checked again."""
    schedule = ProbeSchedule[str](random.Random(7))
    schedule.replace({"a": 5.0, "b": 5.0}, now=0.0)
    due = schedule.next_due()
    for key in "ab":
        schedule.hasten(key, 4.9)
    assert schedule.next_due() == due
    schedule.replace({"a": 5.0}, now=0.0)
    schedule.hasten("b", 0.0)
    assert {key for _, key in checks(schedule, 20.0)} == {"a"}


def test_nothing_to_check() -> None:
    """An empty schedule has no next time and nothing due."""
    schedule = ProbeSchedule()
    assert schedule.next_due() is None
    assert schedule.take_due(1e12) == ()
