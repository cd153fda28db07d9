"""Whatever a stranger sends to the DNS face, or stands in its files: an answer, or what is promised."""

from __future__ import annotations

import time

import pytest
from hypothesis import HealthCheck, example, given, settings

from tests.fuzz.dns_targets import TARGETS
from tests.fuzz.mutated import mutated
from tests.itm.dns.packets import GOOD, check

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
    @example(b"$INCLUDE a\n" * 60)
    @example(b"$GENERATE 0-60 a A 192.0.2.$\n" * 200)
    @example(b"(" * 5_000)
    @example(b"\xc0\x0c" * 2_000)
    def run(raw: bytes) -> None:
        started = time.process_time()
        target(raw)
        assert time.process_time() - started < SLOWEST_SECONDS

    for seed in target.seeds:
        target(seed)
    run()


def test_the_judge_judges() -> None:
    """A query is no reply, no reply must be allowed, and a reply to a reply never is."""
    for packet, reply in ((GOOD[0], GOOD[0]), (GOOD[0], None), (b"12\x80" + bytes(9), b"12\x80" + bytes(9))):
        with pytest.raises(AssertionError):
            check(packet, reply, tcp=False)
