"""What a stranger sends to the public listener, or stands in its files: an answer, or a promised error."""

from __future__ import annotations

import time

import pytest
from hypothesis import HealthCheck, example, given, settings

from tests.fuzz.mutated import mutated
from tests.fuzz.session_targets import TARGETS

SLOWEST_SECONDS = 0.5


@pytest.mark.parametrize("name", TARGETS)
def test_nothing_but_what_is_promised(name: str) -> None:
    """Each parser over its seeds, near misses and chance."""
    target = TARGETS[name]

    @settings(
        max_examples=150, deadline=None, derandomize=True, database=None,
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(mutated(target.seeds))
    @example(b"")
    @example(b"\x00" * 4096)
    @example(b"[" * 70_000)
    @example(b'{"a":' * 20_000)
    @example(b'{"measurements":' + b"[{}," * 200 + b"{}]}")
    @example(b"\xff" * 5_000)
    def run(raw: bytes) -> None:
        started = time.process_time()
        target(raw)
        assert time.process_time() - started < SLOWEST_SECONDS

    for seed in target.seeds:
        target(seed)
    run()
