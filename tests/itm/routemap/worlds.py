"""Small made-up maps for the tests of this package and of `itm.dns`."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from itm.catalog.types import Secondary, ZoneText
from itm.routemap.routemap import (
    NO_POP,
    TTL_CLASSES,
    WHOLE,
    ClassMap,
    PopAnswer,
    RouteMap,
    ServiceAnswer,
)
from itm.routemap.table import UNIT_DTYPES, PrefixTable, UnitTable, merge

ZONE = ZoneText(
    "example.net.",
    "@ 300 SOA ns admin 1 7200 3600 1209600 60\n@ 300 NS ns\nns 300 A 192.0.2.1\n",
    secondaries=(Secondary("192.0.2.53"), Secondary("2001:db8::53", 5353, "k.")),
)


def random_table(rng: np.random.Generator, bits: int, runs: int, leaves: int) -> PrefixTable:
    """Runs whose borders cluster, as real ones do, so that scopes of every length occur."""
    low, high = (0, 1 << bits) if rng.random() < 0.5 else (1 << (bits - 4), (1 << (bits - 4)) + 4 * runs)
    start = np.unique(np.append(rng.integers(low, high, runs), 0))
    return merge(bits, start, rng.integers(0, leaves, len(start)))


def random_units(rng: np.random.Generator, bits: int, leaves: int) -> UnitTable:
    """A few resolvers' networks, anywhere."""
    unit = np.unique(rng.integers(0, 1 << bits, 30)).astype(UNIT_DTYPES[bits])
    return UnitTable(bits, unit, rng.integers(0, leaves, len(unit)).astype("<u4"))


def random_class(seed: int, *, pops: int = 6, leaves: int = 40, ranks: int = 3, runs: int = 300) -> ClassMap:
    """A class of `leaves` leaves over two tails, one of which leaves POPs out; one tail is empty."""
    rng = np.random.default_rng(seed)
    rows = np.full((leaves, ranks), NO_POP, "<u2")
    for row in rows:
        length = int(rng.integers(0, ranks + 1))
        row[:length] = rng.permutation(pops)[:length]
    tails = (
        rng.permutation(pops).astype("<u2"),
        rng.permutation(pops)[: pops // 2].astype("<u2"),
        np.array([], "<u2"),
    )
    shares = random_shares(rng, rows) if ranks else np.zeros((0, 0), np.uint8)
    return ClassMap(
        leaves=rows,
        leaf_tail=rng.integers(0, len(tails), leaves).astype("<u2"),
        tails=tails,
        v4=random_table(rng, 24, runs, leaves),
        v6=random_table(rng, 48, runs, leaves),
        resolvers4=random_units(rng, 24, leaves),
        resolvers6=random_units(rng, 48, leaves),
        shares=shares,
        ttl=rng.integers(0, TTL_CLASSES, leaves).astype("<u1"),
    )


def random_shares(rng: np.random.Generator, leaves: npt.NDArray[np.uint16]) -> npt.NDArray[np.uint8]:
    """A third of the leaves with several ranks are answered by shares, some of them 0."""
    shares = np.zeros(leaves.shape, "<u1")
    for leaf in np.flatnonzero((leaves != NO_POP).sum(axis=1) > 1):
        if rng.random() < 1 / 3:
            count = int((leaves[leaf] != NO_POP).sum())
            cuts = np.sort(rng.integers(0, WHOLE + 1, count - 1))
            shares[leaf, :count] = np.diff([0, *cuts.tolist(), WHOLE])
    return shares


def random_map(seed: int, *, is_shared: bool = False, **kwargs: int) -> RouteMap:
    """One service `gw.example.net.` on one random class, with the smallest zone around it."""
    one = random_class(seed, **kwargs)
    one = one if is_shared else replace(one, shares=one.shares[:0])
    count = kwargs.get("pops", 6)
    pops = tuple(
        PopAnswer(f"pop-{i}", (f"127.20.0.{i + 1}",), (f"2001:db8:20::{i + 1:x}",)) for i in range(count)
    )
    service = ServiceAnswer(
        "gw.example.net.", 0, 20, ("127.20.0.250",), ("2001:db8:20::fa",), fallback="pop-1", ttl_most=300
    )
    zones, probe_zone = (ZONE,), "p.example.net."
    return RouteMap(7, 1_700_000_000.0, 3, "latency", pops, (service,), (one,), zones, probe_zone)
