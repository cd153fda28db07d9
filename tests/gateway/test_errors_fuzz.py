"""Whatever a stranger sends, a parser answers or raises what it promises: nothing else, nothing slow."""

from __future__ import annotations

import time

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.fuzz.targets import TARGETS

SLOWEST_SECONDS = 0.5


def mutated(seeds: tuple[bytes, ...]) -> st.SearchStrategy[bytes]:
    """Bytes near what the parser takes: pieces changed, cut out, doubled, swapped, or none of it."""

    @st.composite
    def draw(pick: st.DrawFn) -> bytes:
        raw = bytearray(pick(st.sampled_from(seeds)))
        for _ in range(pick(st.integers(0, 6))):
            at = pick(st.integers(0, max(0, len(raw))))
            size = pick(st.integers(0, 8))
            how = pick(st.integers(0, 4))
            if how == 0:
                raw[at : at + size] = pick(st.binary(max_size=9))
            elif how == 1:
                del raw[at : at + size]
            elif how == 2:
                raw[at:at] = raw[at : at + size] * pick(st.sampled_from((1, 2, 300)))
            elif how == 3 and at < len(raw):
                raw[at] ^= 1 << pick(st.integers(0, 7))
            else:
                raw += pick(st.sampled_from(seeds))
        return bytes(raw)

    return st.one_of(draw(), st.binary(max_size=300))


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
    @example(b"\x00" * 70_000)
    @example(b"[" * 70_000)
    @example(b'{"a":' * 20_000)
    @example(b"<a>" * 20_000)
    @example(("é" * 5_000).encode())
    @example(b"\xff" * 5_000)
    def run(raw: bytes) -> None:
        started = time.process_time()
        target(raw)
        assert time.process_time() - started < SLOWEST_SECONDS

    for seed in target.seeds:
        target(seed)
    run()
