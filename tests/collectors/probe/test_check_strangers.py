"""Whatever an agent, its server, or who is checked may send: read, or refused with a reason."""

from __future__ import annotations

import time

import pytest
from hypothesis import HealthCheck, example, given, settings

from tests.fuzz.check_targets import TARGETS
from tests.fuzz.mutated import mutated

SLOWEST_SECONDS = 0.5


@pytest.mark.parametrize("name", TARGETS)
def test_nothing_is_raised(name: str) -> None:
    """Each parser over its seeds, near misses and chance."""
    target = TARGETS[name]

    @settings(
        max_examples=150, deadline=None, derandomize=True, database=None,
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(mutated(target.seeds))
    @example(b"")
    @example(b"[" * 70_000)
    @example(b'{"run":' * 20_000)
    @example(b'{"run":"a","sequence":' + b"9" * 4_000 + b',"plan":"","outcomes":[]}')
    def run(raw: bytes) -> None:
        started = time.process_time()
        target(raw)
        assert time.process_time() - started < SLOWEST_SECONDS

    for seed in target.seeds:
        target(seed)
    run()
