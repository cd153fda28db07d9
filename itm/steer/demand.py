"""How much of the demand every row stands for: addresses, corrected by the clients that were counted.

The unit of counting is a client: somebody of one network who measured a POP (a page view, a POP's session)
within the windows. DNS queries are turned into clients by what a client asks, which is learned where both
are known. Both see a part of the same people, so the larger of the two counts.

Few counts must not drown what addresses say: of all demand a share of `PRIOR_CLIENTS / (PRIOR_CLIENTS +
clients)` follows addresses, as if so many clients had been counted evenly over them (the mean of a
Dirichlet-multinomial posterior; Gelman et al., Bayesian Data Analysis, 2013, section 3.4), and never less
than `LEAST_PRIOR`: a network of which nothing was counted is not without people.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from collectors.aggregate import Aggregates
from collectors.ladder import RUNGS
from itm.steer.behind import Behind
from itm.steer.evidence import Keys
from itm.steer.rows import Rows

PRIOR_CLIENTS: Final = 10_000.0
"""What all addresses together weigh, in clients: of a thousand counted, a tenth of demand follows them."""

LEAST_PRIOR: Final = 0.1
"""The share of demand that follows addresses however many clients are counted."""

QUERIES_PER_CLIENT: Final = 10.0
"""What a client asks in the time its queries count, before it is learned."""

LEARNED_FROM: Final = 100.0
"""Clients that this is worth: from so many on, what was counted of both matters more."""

MOST_BY_QUERIES: Final = 1_000.0
"""Clients that queries can make of one network: anybody can ask in anybody's name."""

EVEN_QUERIES: Final = 1_000.0
"""Queries of each service before any is counted: all are alike until many more than these say otherwise."""

GRAIN: Final = 1024.0
"""Floats are multiples of its inverse: sums in double precision are exact, no share is above 1."""

Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]

_NETWORK: Final = RUNGS.index("network")


@dataclass(frozen=True, slots=True, eq=False)
class Counts:
    """Sorted keys of networks, and how much was counted of each."""

    key: Keys
    number: Floats

    @classmethod
    def nothing(cls) -> Counts:
        """Return that of a source that says nothing."""
        return cls(np.zeros(0, np.uint64), np.zeros(0, np.float32))

    @classmethod
    def of(cls, key: Keys, number: npt.NDArray[np.floating] | npt.NDArray[np.integer]) -> Counts:
        """Add up what was counted of each key."""
        unique, row = np.unique(key, return_inverse=True)
        return cls(unique.astype(np.uint64), np.bincount(row, number, len(unique)).astype(np.float32))

    def __len__(self) -> int:
        return len(self.key)

    def at(self, key: Keys) -> Floats:
        """Return what was counted of these keys, 0 where nothing was."""
        if not len(self.key):
            return np.zeros(len(key), np.float32)
        at = np.minimum(np.searchsorted(self.key, key), len(self.key) - 1)
        return np.where(self.key[at] == key, self.number[at], np.float32(0))


@dataclass(frozen=True, slots=True, eq=False)
class Demand:
    """What was counted of client networks, one row each: `clients` that measured, `queries` in their name.

    `asked` has the queries without Client Subnet by the network of the resolver; those of a resolver whose
    clients are known are also in `queries`, spread over them. `by_service` has all queries by name.
    """

    key: Keys
    clients: Floats
    queries: Floats
    asked: Counts
    by_service: Mapping[str, float] = field(default_factory=dict)

    @classmethod
    def nothing(cls) -> Demand:
        """Return that of a server that has counted nobody: addresses alone."""
        none = Counts.nothing()
        return cls(none.key, none.number, none.number, none)

    @classmethod
    def of(
        cls,
        clients: Counts,
        named: Counts,
        asked: Counts,
        behind: Behind,
        by_service: Mapping[str, float] | None = None,
    ) -> Demand:
        """Put the sources together: clients by network, queries by the network they name, and by resolver."""
        queries = _spread(named, asked, behind)
        key = np.union1d(clients.key, queries.key)
        return cls(key, clients.at(key), queries.at(key), asked, by_service or {})

    def of_services(self, names: Collection[str]) -> dict[str, float]:
        """Return what each of these services weighs beside the others: 1 on average, by its queries."""
        counted = {name: EVEN_QUERIES + self.by_service.get(name, 0.0) for name in names}
        whole = sum(counted.values())
        return {name: number * len(counted) / whole for name, number in counted.items()}

    @property
    def queries_per_client(self) -> float:
        """What a client asks, by the networks of which both are counted."""
        both = (self.clients > 0) & (self.queries > 0)
        asked = QUERIES_PER_CLIENT * LEARNED_FROM + float(self.queries[both].sum())
        return asked / (LEARNED_FROM + float(self.clients[both].sum()))

    @property
    def counted(self) -> Floats:
        """Each network's demand by what was counted, in clients."""
        by_queries = np.minimum(self.queries / self.queries_per_client, MOST_BY_QUERIES)
        return np.asarray(np.maximum(self.clients, by_queries), dtype=np.float32)

    def weights(self, rows: Rows) -> Floats:
        """Return each row's demand; all together weigh as many as there are /24s.

        Of addresses: an IPv4 /24 weighs 1, a row with IPv6 only 1 whatever its size, the unplaced and the
        empty 0. What was counted of unplaced networks weighs nevertheless.
        """
        counted = np.bincount(rows.find(self.key), self.counted, len(rows)).astype(np.float64)
        return blended(_addresses(rows), counted)

    def of_resolvers(self, behind: Behind) -> Floats:
        """Return each resolver's demand: sightings of clients behind it, corrected by what it asked."""
        seen = np.add.reduceat(np.append(behind.weight, 0), behind.start[:-1])
        return blended(seen, self.asked.at(behind.resolver) / self.queries_per_client)

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """Return what `of_arrays` makes this very demand of."""
        own = {name: getattr(self, name) for name in ("key", "clients", "queries")}
        services = np.array(list(self.by_service), dtype=np.str_)
        own |= {"services": services, "by_service": np.array(list(self.by_service.values()), np.float64)}
        return own | {"asked.key": self.asked.key, "asked.number": self.asked.number}

    @classmethod
    def of_arrays(cls, stored: Mapping[str, npt.NDArray[Any]]) -> Demand:
        """Return the demand that gave these arrays. Raises `KeyError` for one that is missing."""
        asked = Counts(stored["asked.key"], stored["asked.number"])
        named = zip(stored["services"].tolist(), stored["by_service"].tolist(), strict=True)
        return cls(stored["key"], stored["clients"], stored["queries"], asked, dict(named))


def clients_of(aggregates: Aggregates) -> Counts:
    """Return how many clients of each network measured: those of the POP that most of them measured."""
    own = aggregates.select(_NETWORK)
    key, row = np.unique(own.key, return_inverse=True)
    most = np.zeros(len(key), np.float32)
    np.maximum.at(most, row, np.maximum(own.distinct, own.availability_distinct))
    return Counts(key, most)


def blended(prior: npt.NDArray[np.floating], counted: npt.NDArray[np.floating]) -> Floats:
    """Return the demand of each row in the unit of `prior`, of which as much is given out as there was.

    `counted` in clients; rows of neither weigh nothing.
    """
    clients, whole = float(counted.sum(dtype=np.float64)), max(float(prior.sum(dtype=np.float64)), 1.0)
    of_prior = prior_share(clients)
    weight = of_prior * prior.astype(np.float64)
    weight += (1 - of_prior) * whole / max(clients, 1e-9) * counted.astype(np.float64)
    return np.asarray(np.round(weight * GRAIN) / GRAIN, dtype=np.float32)


def prior_share(clients: float) -> float:
    """Return the share of demand that is given out by addresses where so many clients were counted in all."""
    return max(PRIOR_CLIENTS / (PRIOR_CLIENTS + clients), LEAST_PRIOR)


def _addresses(rows: Rows) -> Doubles:
    four, six = rows.segments[4], rows.segments[6]
    weight = np.bincount(four.row, four.units(4), len(rows)).astype(np.float64)
    has_six = np.bincount(six.row, minlength=len(rows)) > 0
    weight[(weight == 0) & has_six] = 1
    weight[rows.place == 0] = 0
    return weight


def _spread(named: Counts, asked: Counts, behind: Behind) -> Counts:
    """Return queries by client network: those that name one, and of resolvers by who is behind them.

    A resolver of which nobody knows the clients asks for its own network: there it is answered from.
    """
    number = asked.at(behind.resolver)
    clients = np.diff(behind.start)
    total = np.add.reduceat(np.append(behind.weight, 0), behind.start[:-1])
    each = np.repeat(number / np.maximum(total, 1e-9), clients) * behind.weight
    own = ~np.isin(asked.key, behind.resolver)
    return Counts.of(
        np.concatenate([named.key, asked.key[own], behind.client]),
        np.concatenate([named.number, asked.number[own], each]),
    )
