"""Catalog values: POPs, services, zones. Frozen, already validated; no YAML, no tables here.

Names of POPs are ids of at most 32 ASCII bytes; DNS names are lower-case, absolute, with the final dot.
"""

from __future__ import annotations

from dataclasses import dataclass

STEPS = (
    "up",
    "allowed",
    "available",
    "fastest",
    "joint",
    "capacity",
    "cost",
    "weighted",
    "failover",
    "sticky",
    "first",
)
"""The steering steps that exist, in the order in which they make sense."""

OWN_PREFIX = "own:"
"""What the name of an operator's own step begins with in a chain."""

DEFAULT_STEER = ("up", "allowed", "available", "fastest", "capacity", "sticky")
"""The chain of a service that states none."""


@dataclass(frozen=True, slots=True)
class HealthCheck:
    """How a POP is checked. `address` empty means: each address that the POP is served with.

    What the fields from `sni` to `transport` expect stands at `collectors.probe.target.Target`.
    """

    protocol: str = "tcp"  # tcp | tls | http | https | dns | gateway
    address: str = ""
    port: int = 443
    sni: str = ""
    verify: bool = False
    certificate_days: float = 0.0
    path: str = "/healthz"
    host: str = ""
    status: tuple[tuple[int, int], ...] = ((200, 399),)
    header: str = ""
    body: str = ""
    name: str = "."
    record_type: str = "A"
    rcode: str = "NOERROR"
    answer: str = ""
    transport: str = "udp"
    start: str = "up"  # up | down | unknown
    interval_seconds: float = 0.0  # 0: the server's default
    timeout_seconds: float = 0.0
    rise: int = 0
    fall: int = 0


@dataclass(frozen=True, slots=True)
class Pop:
    """A place that runs the gateway."""

    id: str
    provider: str
    city: str
    country: str  # ISO 3166-1 alpha-2
    lat: float
    lon: float
    ipv4: tuple[str, ...]
    ipv6: tuple[str, ...] = ()
    capacity: float = 0.0  # sessions; 0 = not stated
    bias: float = 0.0  # ms added to every estimate of this POP
    cost: float | None = None  # of whatever the operator pays for, in one unit for all POPs; None: not stated
    tags: tuple[str, ...] = ()
    healthcheck: HealthCheck | None = None
    probe_url: str = ""  # base of the URLs that browsers measure it by; empty: they do not


@dataclass(frozen=True, slots=True)
class Rule:
    """Which pools a client may use, tried in order. No condition at all: the catch-all.

    `geos` are octoDNS codes: `EU`, `EU-DE`; `subnets` prefixes; `asns` numbers. A rule holds when
    any of its conditions does.
    """

    pools: tuple[str, ...]
    geos: tuple[str, ...] = ()
    subnets: tuple[str, ...] = ()
    asns: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Margin:
    """A stretch of time: `ms`, or a `share` of the time it is measured against; the other one is 0."""

    ms: float = 0.0
    share: float = 0.0


@dataclass(frozen=True, slots=True)
class Location:
    """A Resource Location: a place where a service's VDAs are.

    `weight` is its part of the sessions; `network` (a /24 or /48, empty: not stated) one of its own, by whose
    round trips it is known.
    """

    name: str
    country: str  # ISO 3166-1 alpha-2
    lat: float
    lon: float
    weight: float = 1.0
    network: str = ""


@dataclass(frozen=True, slots=True)
class Tuning:
    """What a service says to the steps of its chain, beside their order.

    `threshold` and `samples` of `available` (a share of fetches, and how many say anything); handicaps of
    `fastest` by POP id and by pool; `trade` of `cost`, None: the band; `weights` of `weighted`: per pool
    those of its POPs, in their order.
    """

    threshold: float = 0.8
    samples: float = 20.0
    pop_handicaps: tuple[tuple[str, Margin], ...] = ()
    pool_handicaps: tuple[tuple[str, Margin], ...] = ()
    trade: Margin | None = None
    locations: tuple[Location, ...] = ()
    weights: tuple[tuple[str, tuple[float, ...]], ...] = ()


UNTUNED = Tuning()


@dataclass(frozen=True, slots=True)
class Form:
    """What a service's answers look like. `has_direct`: each POP has a name of its own below the service's.

    `https` and `svcb` hold the parameters of a steered record of that type (`alpn="h2" port=8443`), empty:
    none. An alias answers a CNAME to the POP's own name in place of addresses.
    """

    is_alias: bool = False
    has_direct: bool = False
    https: str = ""
    svcb: str = ""


PLAIN = Form()


@dataclass(frozen=True, slots=True)
class Service:
    """A steered name. `pools` maps a pool's name to POP ids; `values` are the last resort.

    `ttl` is the least TTL, `ttl_most` the highest (0: there is one).
    """

    name: str
    ttl: int
    pools: tuple[tuple[str, tuple[str, ...]], ...]
    rules: tuple[Rule, ...]
    ipv4_values: tuple[str, ...] = ()
    ipv6_values: tuple[str, ...] = ()
    steer: tuple[str, ...] = DEFAULT_STEER
    require_tags: tuple[str, ...] = ()
    tuning: Tuning = UNTUNED
    form: Form = PLAIN
    ttl_most: int = 0

    @property
    def adapts(self) -> bool:
        """Whether its TTLs follow how certain answers are."""
        return self.ttl_most > self.ttl


@dataclass(frozen=True, slots=True)
class Dnssec:
    """How a zone is signed. `is_split`: a KSK and a ZSK instead of one key; a ZSK lives `zsk_days`."""

    algorithm: str = "ecdsa-p256"  # or ed25519
    is_split: bool = False
    zsk_days: float = 90.0


@dataclass(frozen=True, slots=True)
class Secondary:
    """A server that may have a zone and is told when it changes. `key` names its TSIG key; empty: the address
    is enough.
    """

    address: str
    port: int = 53
    key: str = ""


@dataclass(frozen=True, slots=True)
class ZoneText:
    """A static zone as the operator wrote it (RFC 1035 text), with the texts that its `$INCLUDE`s name."""

    name: str
    text: str
    includes: tuple[tuple[str, str], ...] = ()
    dnssec: Dnssec | None = None
    secondaries: tuple[Secondary, ...] = ()


@dataclass(frozen=True, slots=True)
class Catalog:
    """One version of everything the operator decides."""

    pops: tuple[Pop, ...]
    services: tuple[Service, ...]
    zones: tuple[ZoneText, ...]
    probe_zone: str = ""
    """The name right below which each browser session has one of its own; empty: none."""

    def pop(self, pop_id: str) -> Pop:
        """Return the POP of that id; raises `KeyError`."""
        for pop in self.pops:
            if pop.id == pop_id:
                return pop
        raise KeyError(pop_id)
