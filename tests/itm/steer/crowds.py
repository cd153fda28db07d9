"""Clienteles for the tests of this package: who sits behind a resolver, written down as addresses."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from collectors.clienteletable import ClienteleTable
from collectors.network import Network

NOW = 1_700_000_000.0


def table(*rows: tuple[str, str, float], age_days: float = 0.0) -> ClienteleTable:
    """Return the table of (resolver, client, weight), all last seen so many days before `NOW`."""
    return ClienteleTable(
        resolver=np.array([Network.of(resolver).key for resolver, _, _ in rows], np.uint64),
        client=np.array([Network.of(client).key for _, client, _ in rows], np.uint64),
        weight=np.array([weight for _, _, weight in rows], np.float32),
        seen_at=np.full(len(rows), NOW - age_days * 86_400),
    )


def crowd(resolver: str, counts: Mapping[str, int], weight: float = 1.0) -> list[tuple[str, str, float]]:
    """Return rows of so many networks of each /16 (`133.11`) behind one resolver."""
    return [
        (resolver, f"{prefix}.{number}.1", weight)
        for prefix, count in counts.items()
        for number in range(count)
    ]
