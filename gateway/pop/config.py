"""What an operator sets for one POP. Defaults here and nowhere else; units stand in the names."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from gateway.errors import ConfigError
from gateway.pop import nel
from gateway.protocol import data
from gateway.protocol.hello import Alternate

Address = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Times:
    """Time limits of everything that a peer could draw out."""

    handshake_seconds: float = 10.0
    preamble_seconds: float = 5.0
    park_seconds: float = data.PARK_SECONDS
    """A data channel opened in advance may wait this long for its preamble."""
    launch_seconds: float = 10.0
    """From the first byte of a ticket to the joined session, or the refusal."""
    hedge_seconds: float = 1.0
    """A connector that has not come by then gets a rival."""
    redeem_seconds: float = 4.0
    """One broker's time to answer; then the next one is asked."""
    bypass_seconds: float = 30.0
    """A broker that did not answer is asked last for this long."""
    alternates_seconds: float = 60.0
    """Between two questions to the broker where else sessions can go on."""
    ping_seconds: int = 5
    idle_seconds: int = 1800
    """For sessions whose resource sets none."""
    drain_seconds: float = 600.0
    """What sessions have left from SIGTERM to being cut."""


@dataclass(frozen=True, slots=True)
class Caps:
    """Most of each kind; what is above is refused with a counted reason."""

    sessions: int = 9_000
    user_sessions: int = 50
    tenant_sessions: int = 5_000
    half_open: int = 2_000
    half_open_per_network: int = 64
    """TLS handshakes and preambles under way from one client network (IPv4 address, IPv6 /64); one that a
    connector's control channel comes from may have a quarter of `half_open`."""
    http: int = 2_000
    http_per_network: int = 64
    """Connections that ask for health or probe objects; idle ones are closed after 15 s."""
    session_wires: int = 4
    """Wires of one session here at a time: the one in use, one that races it, some that are ending."""
    parked: int = 8_000
    parked_per_connector: int = 256
    """Data channels that have not said which client they are for: opened in advance, or on their way."""
    failed_tickets_per_minute: int = 10
    """Per client network; above it tickets are refused unread for the rest of the minute."""


@dataclass(frozen=True, slots=True)
class ItmConfig:
    """Where ITM's ops API is (`https://HOST:PORT`) and who this POP is there.

    `pop` is the id in ITM's catalog, one for all hosts of a POP; empty: the name it enrolled with.
    `ca` None: the system's authorities.
    """

    url: str
    token_file: Path
    pop: str = ""
    ca: Path | None = None


@dataclass(frozen=True, slots=True)
class PopConfig:
    """One host of a POP.

    `state` holds the credential that enrolment brought. `certificate` (PEM, chain and key) is what clients
    see, when it is not the authority's own. `addresses` are what connectors and resuming clients dial;
    empty: where we listen. `brokers` are `https://HOST:PORT` in the order of preference.
    """

    state: Path
    listen: tuple[Address, ...]
    addresses: tuple[str, ...] = ()
    certificate: Path | None = None
    brokers: tuple[str, ...] = ()
    signal: tuple[Address, ...] = ()
    """Signal ports of the brokers; empty: what the broker said at enrolment."""
    admin: Address | None = None
    alternates: tuple[Alternate, ...] = ()
    """Named to clients before those that the broker names."""
    itm: ItmConfig | None = None
    """None: nothing is reported, and nobody but the operator here drains this POP."""
    report_to: str = ""
    """URL to which browsers send Network Error Logging reports about this POP; empty: none."""
    success_fraction: float = nel.SUCCESS_FRACTION
    """Share of successful requests that they report, beside every failed one."""
    origins: tuple[str, ...] = ()
    """Whose pages may open sessions over WebSocket; empty: those of the gateway's name and of `addresses`."""
    times: Times = field(default_factory=Times)
    caps: Caps = field(default_factory=Caps)


def parse_address(setting: str, text: str) -> Address:
    """Return host and port of `host:port` or `[v6]:port`; `ConfigError` names the setting."""
    host, colon, port = text.rpartition(":")
    if not colon or not host or not (port.isascii() and port.isdigit() and int(port) < 65536):
        raise ConfigError(f"{setting}: expected HOST:PORT, not {text!r}")
    return host.removeprefix("[").removesuffix("]"), int(port)
