from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest

from collectors.arrays import ArrayFile, pack, unpack
from collectors.cells import COLUMNS
from collectors.delta import QUESTION, Delta, parse
from collectors.delta import pack as pack_delta
from collectors.errors import DeltaError
from collectors.gather import gather
from collectors.segments import Position
from tests.collectors.observed import NOON, observed, rungs


def some() -> Delta:
    records = np.concatenate([observed([10, 20, 900]), observed([1, 0], metric="availability", pop="pop-b")])
    gathered = gather(records, rungs(records), NOON, 43_200)
    return Delta("local", 7, Position(3, 999), gathered, own_only=1, refused={"unknown_pop": 4})


def test_bytes_and_back() -> None:
    """All that a delta says survives, and the same delta gives the same bytes."""
    delta = some()
    data = pack_delta(delta)
    back = parse(data)
    assert pack_delta(back) == data
    for name in ("collector", "sequence", "position", "own_only", "refused"):
        assert getattr(back, name) == getattr(delta, name)
    for field in fields(delta.gathered):
        if field.name not in ("values", "outcomes", "pops"):
            assert getattr(back.gathered, field.name) == getattr(delta.gathered, field.name)
    assert back.gathered.pops.tolist() == [b"pop-a", b"pop-b"]
    assert all(
        np.array_equal(getattr(back.gathered.values, c), getattr(delta.gathered.values, c)) for c in COLUMNS
    )


def test_a_question_adds_nothing() -> None:
    """It has a number that no delta has."""
    back = parse(pack_delta(Delta.question("local")))
    assert (back.collector, back.sequence) == ("local", QUESTION)
    assert (len(back.gathered.values), len(back.gathered.outcomes), back.gathered.counted) == (0, 0, 0)


def test_damage_is_noticed() -> None:
    """One bit, anywhere."""
    data = bytearray(pack_delta(some()))
    for at in (0, 20, len(data) // 2, len(data) - 1):
        data[at] ^= 1
        with pytest.raises(DeltaError):
            parse(bytes(data))
        data[at] ^= 1
    with pytest.raises(DeltaError):
        parse(b"")


@pytest.mark.parametrize(
    ("facts", "text"),
    [
        ({"version": 2}, "not a delta of version 1"),
        ({"metrics": ["rtt_ms"]}, "metrics: expected"),
        ({"collector": ""}, "collector: expected a name"),
        ({"sequence": -1}, "sequence: expected a number from 0, got -1"),
        ({"offset": True}, "offset: expected a number from 0, got True"),
        ({"at": None}, "at: expected seconds since the epoch, got None"),
        ({"refused": []}, "refused: expected counts by reason"),
        ({"refused": {"late": "x"}}, "late: expected a number from 0"),
    ],
)
def test_facts_that_cannot_be_are_told(facts: dict[str, Any], text: str) -> None:
    """What is wrong, and what was expected."""
    file = unpack(pack_delta(some()))
    with pytest.raises(DeltaError, match=text):
        parse(pack(ArrayFile({**file.facts, **facts}, file.arrays)))


def test_columns_that_cannot_be_are_told() -> None:
    """A cell of a POP that is not listed, or no list at all."""
    delta = some()
    with pytest.raises(DeltaError, match=r"values\.pop: out of its bounds|outcomes\.pop: out of its bounds"):
        parse(pack_delta(replace(delta, gathered=replace(delta.gathered, pops=delta.gathered.pops[:1]))))
    file = unpack(pack_delta(delta))
    with pytest.raises(DeltaError, match="pops: expected"):
        parse(pack(ArrayFile(file.facts, {**file.arrays, "pops": np.zeros(2)})))
