import dataclasses

import pytest

from collectors.probe.outcome import Outcome


def test_an_outcome_cannot_be_changed_after_the_fact() -> None:
    """An outcome is a raw observation: nobody edits it on the way to the threshold."""
    outcome = Outcome(up=True, elapsed_ms=1.5)
    with pytest.raises(dataclasses.FrozenInstanceError):
        outcome.up = False  # type: ignore[misc]
