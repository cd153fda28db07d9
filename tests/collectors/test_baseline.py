import numpy as np
import pytest

from collectors.baseline import DAYS, KEEP_DAYS, MIN_DAYS, Baselines

MANY = 1000


def after(baselines: Baselines, day: int, **values: float) -> Baselines:
    names = np.array([int(name[1:]) for name in values], np.uint64)
    return baselines.after(names, np.array(list(values.values()), np.float32), day, MANY)


def of(baselines: Baselines, *names: int) -> list[float]:
    return baselines.of(np.array(names, np.uint64)).tolist()


def test_a_baseline_says_what_is_usual_after_some_days() -> None:
    """Before it is not known; the same day again teaches nothing."""
    baselines = Baselines.empty()
    assert np.isnan(of(baselines, 7)).all()
    for day in range(MIN_DAYS):
        assert np.isnan(of(baselines, 7)).all()
        for _ in range(3):
            baselines = after(baselines, day, n7=40.0, n9=10.0)
    assert of(baselines, 7, 9, 8) == pytest.approx([40, 10, np.nan], nan_ok=True)


def test_a_fortnight_is_remembered() -> None:
    """A jump is followed by a fourteenth of what is left, in logarithms."""
    baselines = Baselines.empty()
    for day in range(20):
        baselines = after(baselines, day, n7=40.0)
    baselines = after(baselines, 20, n7=80.0)
    assert of(baselines, 7) == pytest.approx([40 * 2 ** (1 / DAYS)])


def test_memory_is_bounded_and_survives() -> None:
    """Of too many names the newest go, those not heard of for a month too; stored columns come back."""
    baselines = Baselines.empty()
    for day in range(6):
        baselines = after(baselines, day, n1=40.0)
    names = np.arange(10, 5010, dtype=np.uint64)
    baselines = baselines.after(names, np.full(5000, 9, np.float32), 6, MANY)
    assert len(baselines.name) == MANY
    again = Baselines.of_arrays(baselines.arrays())
    assert of(again, 1) == pytest.approx([40])
    assert after(again, 6 + KEEP_DAYS, n2=5.0).name.tolist() == [2]
