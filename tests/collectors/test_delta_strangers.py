"""Whatever comes as a delta: cells that can be counted, or a reason."""

from __future__ import annotations

import struct
import time

import pytest
from hypothesis import HealthCheck, example, given, settings

from tests.fuzz.delta_targets import TARGETS
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
    @example(b"ITMARR1\n" + struct.pack("<I", 70_000) + b"[" * 70_000 + bytes(32))
    def run(raw: bytes) -> None:
        started = time.process_time()
        target(raw)
        assert time.process_time() - started < SLOWEST_SECONDS

    for seed in target.seeds:
        target(seed)
    run()
