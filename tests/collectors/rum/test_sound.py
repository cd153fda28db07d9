from __future__ import annotations

import json
import random
from typing import Any

import pytest

from collectors.limits import LIMITS
from collectors.network import Network
from collectors.rum import beacon
from collectors.rum.sound import sound_items
from tests.collectors.observed import NOON

POPS = frozenset({"tyo", "fra"})
GOOD = {"pop": "tyo", "metric": "rtt_ms", "value": 12.5}


def sound(content: Any) -> bool:
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    return sound_items(body, POPS, 100) is not None


@pytest.mark.parametrize(
    "content",
    [
        GOOD,
        [GOOD] * 100,
        [],
        {"measurements": [GOOD, {**GOOD, "coarse": True, "token": "x"}]},
        {"measurements": []},
        {**GOOD, "coarse": None, "token": None, "time": [1, {"x": 2}]},
        {**GOOD, "value": 12},
        {**GOOD, "metric": "availability", "value": 0},
    ],
)
def test_what_is_sound(content: Any) -> None:
    """The three shapes of a body, with whatever else a client says."""
    assert sound(content)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"\xff",
        b"[" * 100_000,
        b'{"pop": "tyo", "metric": "rtt_ms", "value": NaN}',
        b'{"pop": "tyo", "metric": "rtt_ms", "value": 1e999}',
        7,
        [7],
        {},
        [[GOOD]],
        [GOOD] * 101,
        {"measurements": 7},
        {**GOOD, "pop": "osa"},
        {**GOOD, "pop": 5},
        {**GOOD, "metric": "loss"},
        {**GOOD, "metric": ["rtt_ms"]},
        {**GOOD, "value": "12"},
        {**GOOD, "value": True},
        {**GOOD, "value": None},
        {**GOOD, "value": 0.05},
        {**GOOD, "value": 10**400},
        {**GOOD, "metric": "availability", "value": 0.5},
        {**GOOD, "coarse": 1},
        {**GOOD, "token": 5},
    ],
)
def test_what_is_left_to_who_tells_faults(content: Any) -> None:
    """Anything else, without a word."""
    assert not sound(content)


def test_both_ways_say_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """A beacon read at once and one searched for faults become the same measurements."""
    rng = random.Random(5)
    for _ in range(200):
        items = [some(rng) for _ in range(rng.randint(0, 4))]
        body = json.dumps(rng.choice([items, {"measurements": items}])).encode()
        options: dict[str, Any] = {"network": Network(4, 7), "client": 3, "now": NOON, "pops": POPS}
        quickly = beacon.parse(body, **options)
        with monkeypatch.context() as patched:
            patched.setattr(beacon, "sound_items", lambda *_: None)
            assert beacon.parse(body, **options) == quickly


def some(rng: random.Random) -> dict[str, Any]:
    """Return an item that is sound two times in three."""
    metric = rng.choice([*LIMITS, *LIMITS, *LIMITS, "loss"])
    item = {
        "pop": rng.choice(["tyo", "tyo", "fra", "fra", "osa"]),
        "metric": metric,
        "value": rng.choice([1, 1.0, 0, 55.5]),
    }
    return item | rng.choice([{}, {"coarse": True}, {"coarse": "x"}, {"other": None}])
