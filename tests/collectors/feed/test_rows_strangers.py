"""Whatever stands in a feed: rows, or a reason for each line."""

from __future__ import annotations

import time

import pytest
from hypothesis import HealthCheck, example, given, settings

from tests.fuzz.feed_targets import TARGETS
from tests.fuzz.mutated import mutated

SLOWEST_SECONDS = 1.0


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
    @example(b"{" * 50_000)
    @example(b'"' * 50_001)
    @example(b",\n" * 1_000)
    @example(b'{"device":1e999,"inode":Infinity}')
    @example(b'{"pop":"tyo","metric":"load","sessions":1,"capacity":1e-320,"time":1699999999}')
    @example(b"1.2.3.4,tyo,rtt_ms,1_0,9" + b"9" * 4_000)
    def run(raw: bytes) -> None:
        started = time.process_time()
        target(raw)
        assert time.process_time() - started < SLOWEST_SECONDS

    for seed in target.seeds:
        target(seed)
    run()
