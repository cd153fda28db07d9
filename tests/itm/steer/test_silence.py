from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from collectors.aggregate import Aggregates, empty
from itm.steer.silence import SILENT_SECONDS, Silence, SilenceWatch
from tests.itm.steer.test_drift import day_of

HALF_LIFE = 43_200.0


def measured(age_seconds: float, made_at: float) -> Aggregates:
    """Aggregates whose newest record is so old."""
    one = day_of(0, {"paris": [20.0, 30.0, 40.0]})
    ages = np.linspace(age_seconds, age_seconds + 500, len(one)).astype(np.float32)
    return replace(one, age_seconds=ages, made_at=made_at)


def test_nobody_is_silent_who_never_spoke() -> None:
    """A server without a single page view is as it should be: it predicts."""
    assert SilenceWatch(HALF_LIFE).look(replace(empty(), made_at=1e9)) is None


def test_silence_is_told_after_an_hour() -> None:
    watch = SilenceWatch(HALF_LIFE)
    assert watch.look(measured(SILENT_SECONDS - 1, 1e9)) is None
    found = watch.look(measured(HALF_LIFE, 1e9 + HALF_LIFE))
    assert found == Silence(HALF_LIFE, 0.5)
    assert str(found) == (
        "nothing was measured for 12.0 h: what was learned before weighs 50% of what it did, "
        "and fades towards the prediction"
    )


def test_it_goes_on_when_nothing_is_left_of_what_was_learned() -> None:
    watch = SilenceWatch(HALF_LIFE)
    watch.look(measured(10, 1e9))
    found = watch.look(replace(empty(), made_at=1e9 + 8 * HALF_LIFE))
    assert found is not None
    assert found.seconds == pytest.approx(8 * HALF_LIFE + 10)
    assert found.weight < 0.01


def test_one_measurement_ends_it() -> None:
    watch = SilenceWatch(HALF_LIFE)
    assert watch.look(measured(HALF_LIFE, 1e9)) is not None
    assert watch.look(measured(10, 1e9 + 300)) is None
