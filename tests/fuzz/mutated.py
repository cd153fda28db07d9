"""Bytes near what a parser takes, for hypothesis."""

from __future__ import annotations

from hypothesis import strategies as st


def mutated(seeds: tuple[bytes, ...]) -> st.SearchStrategy[bytes]:
    """Seeds with pieces changed, cut out, doubled, swapped, or none of it."""

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
