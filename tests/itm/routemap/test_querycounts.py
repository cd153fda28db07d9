"""Counts add up whatever order they come in; what is damaged is refused."""

from __future__ import annotations

import numpy as np
import pytest

from itm.errors import CountsError
from itm.routemap.querycounts import QueryCounts, joined, pack, unpack

A, B = 4 << 60 | 0x850B00, 6 << 60 | 0x20010DB80000


def counts(*rows: tuple[str, int, bool, int], lost: int = 0, part: str = "") -> QueryCounts:
    services = tuple(sorted({row[0] for row in rows}))
    return QueryCounts(
        7,
        services,
        np.array([services.index(row[0]) for row in rows], "<u2"),
        np.array([row[1] for row in rows], "<u8"),
        np.array([row[2] for row in rows], np.bool_),
        np.array([row[3] for row in rows], "<u4"),
        lost,
        (part,) if part else (),
    )


def rows(c: QueryCounts) -> dict[tuple[str, int, bool], int]:
    who = zip(c.service.tolist(), c.key.tolist(), c.named.tolist(), c.count.tolist(), strict=True)
    return {(c.services[service], key, named): count for service, key, named, count in who}


def test_rows_of_the_same_service_network_and_kind_add_up() -> None:
    """Services are told apart by name, whatever number each file gave them."""
    one = counts(("b.", B, True, 3), ("b.", A, False, 2), lost=1, part="x")
    two = counts(("a.", B, True, 5), ("b.", B, True, 4), ("b.", B, False, 9), lost=2, part="y")
    sums = joined(9, [one, two])
    assert rows(sums) == {("a.", B, True): 5, ("b.", A, False): 2, ("b.", B, False): 9, ("b.", B, True): 7}
    assert (sums.hour, sums.lost, sums.parts, sums.queries) == (9, 3, ("x", "y"), 26)
    assert joined(9, []).queries == len(joined(9, [])) == 0


def test_the_heaviest_rows_stay() -> None:
    """What has no room is told as lost; nothing is counted away."""
    some = [counts(("a.", key, True, key % 7 + 1)) for key in range(1, 30)]
    sums = joined(7, some, most=5)
    assert sorted(sums.count.tolist()) == [6, 7, 7, 7, 7]
    assert sums.queries == sum(key % 7 + 1 for key in range(1, 30))


def test_a_file_gives_back_what_was_packed() -> None:
    """Also that of an hour in which nobody asked."""
    was = joined(7, [counts(("a.", A, True, 4_000_000_000), ("ü.", B, False, 1), lost=3, part="p")])
    for one in (was, QueryCounts.nothing(7)):
        got = unpack(pack(one))
        assert rows(got) == rows(one)
        assert (got.hour, got.services, got.lost, got.parts) == (one.hour, one.services, one.lost, one.parts)


@pytest.mark.parametrize("damage", ["empty", "cut", "changed", "noise", "misfit"])
def test_a_damaged_file_is_refused(damage: str) -> None:
    """Whatever happened to it, there is one error."""
    was = counts(*(("a.", A + n, True, n) for n in range(50)))
    data = bytearray(pack(was))
    data[data.index(np.uint32(40).tobytes()) + 1] ^= 0xFF
    misfit = QueryCounts(7, (), was.service, was.key, was.named, was.count)
    bad = {"empty": b"", "cut": bytes(data[:900]), "noise": bytes(range(256)) * 9, "misfit": pack(misfit)}
    with pytest.raises(CountsError, match="not a file of query counts"):
        unpack(bad.get(damage, bytes(data)))
