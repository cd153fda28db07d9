"""Settings: nested frozen dataclasses, one section per component, defaults in this file only.

Order of precedence: defaults < file (TOML) < environment (`ITM_DNS__LISTEN`) < `--set dns.listen=…`.
Read once at start by `load`; POPs and services are data (the catalog), not settings.
"""

from __future__ import annotations

import dataclasses
import os
import tomllib
import types
import typing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from itm.errors import ConfigError

ROOT = Path(__file__).resolve().parent.parent
"""The checkout: where `data/` and `alembic/` stand."""

LEAST_SEGMENTS = 4
"""Files that the journal must have room for: the one that is written is never pruned."""


@dataclass(frozen=True, slots=True)
class Dns:
    """The answering processes."""

    listen: tuple[str, ...] = ("127.0.0.1:5300",)
    workers: int = 1
    udp_payload_bytes: int = 1232  # DNS flag day 2020, RFC 9715
    tcp_idle_seconds: float = 10.0  # RFC 7766 6.2.3
    tcp_connections: int = 10_000  # per worker
    tcp_per_client: int = 25  # RFC 9210 4.2
    tcp_exempt: tuple[str, ...] = ("127.0.0.0/8", "::1/128")
    tls_listen: tuple[str, ...] = ()  # RFC 7858
    tls_certificate: str = ""
    tls_key: str = ""  # empty: in the certificate's file
    tls_connections: int = 2_000  # per worker
    tls_handshakes_per_second: int = 200
    proxy_from: tuple[str, ...] = ()  # peers that must send PROXY protocol v2
    nsid: str = ""  # RFC 5001; also answers id.server in class CHAOS
    version: str = ""  # what version.bind answers
    cookies: bool = True  # RFC 7873
    cookie_secrets: str = ""  # file; empty: one in the state directory, made at the first start
    rrl_answers: int = 1000  # replies per second, client network and name
    rrl_negatives: int = 100  # NXDOMAIN and NODATA, per second and client network
    rrl_referrals: int = 100
    rrl_errors: int = 100
    rrl_slip: int = 2  # every second limited reply goes out truncated
    tsig_keys: str = ""  # file; empty: no key
    rrl_exempt: tuple[str, ...] = ("127.0.0.0/8", "::1/128")
    udp_factor: int = 5  # most bytes of a UDP reply per byte of its query, headers included, without a cookie
    udp_factor_signed: int = 10

    @property
    def tls_files(self) -> tuple[Path, Path] | None:
        """The file of the certificate and that of its key, which may be one; None without TLS."""
        return _tls_files(self)


@dataclass(frozen=True, slots=True)
class Public:
    """The public HTTP listeners: beacons and probe objects."""

    listen: str = "127.0.0.1:8080"
    tls_listen: tuple[str, ...] = ()
    tls_certificate: str = ""
    tls_key: str = ""  # empty: in the certificate's file
    tls_connections: int = 2_000
    tls_per_client: int = 50
    trusted_proxies: tuple[str, ...] = ()  # prefixes whose X-Forwarded-For is believed
    max_body_bytes: int = 262_144

    @property
    def tls_files(self) -> tuple[Path, Path] | None:
        """The file of the certificate and that of its key, which may be one; None without TLS."""
        return _tls_files(self)


@dataclass(frozen=True, slots=True)
class Ops:
    """The operators' HTTP listener: API, metrics, health."""

    listen: str = "127.0.0.1:8053"


@dataclass(frozen=True, slots=True)
class Store:
    """Control data. An empty URL means SQLite in the state directory."""

    url: str = ""


@dataclass(frozen=True, slots=True)
class Geoip:
    """Where places come from: the bundled table, or the operator's own MaxMind-schema databases."""

    places: str = str(ROOT / "data" / "places.itm")
    city: tuple[str, ...] = ()  # City .mmdb files; with `asn`, they replace the bundled table
    asn: str = ""
    reload_seconds: float = 60.0


@dataclass(frozen=True, slots=True)
class Collect:
    """Windows and the journal."""

    window_hours: float = 24.0  # feed rows older than this are refused
    half_life_hours: float = 12.0
    max_cells: int = 1_400_000  # of each kind: values, outcomes
    delta_seconds: float = 1.0  # at least this long between two deltas, unless more waits
    pairing_half_life_days: float = 7.0  # of what is known about who sits behind a resolver
    hosting: str = str(ROOT / "data" / "hosting.csv")  # AS numbers whose beacons do not count; empty: none
    hosting_asns: tuple[str, ...] = ()  # and these
    client_cap: int = 20  # samples of one client that count, per POP, metric and day
    journal_segment_bytes: int = 16_777_216
    journal_keep_hours: float = 168.0
    journal_max_bytes: int = 4_294_967_296
    fsync_ms: int = 100
    require_tokens: bool = True  # beacons without a session's tokens are refused
    token_seconds: float = 300.0
    token_keys: str = ""  # file; empty: one in the state directory, made and turned over by the edge
    spent_tokens: int = 500_000  # kept in memory against a second use
    network_sessions_per_hour: float = 120.0  # per /24 or /48; 0: no limit
    sessions_per_second: float = 500.0
    network_reports_per_hour: float = 1_200.0  # of Network Error Logging, per /24 or /48; 0: no limit
    reports_per_second: float = 2_000.0


@dataclass(frozen=True, slots=True)
class Stale:
    """How old the newest datum of a source may be, of a POP, before the source counts as quiet about it."""

    rum_seconds: float = 3600.0
    nel_seconds: float = 86_400.0  # browsers report failures at once, successes as the policy samples them
    probe_seconds: float = 30.0
    session_seconds: float = 900.0  # a POP samples each session every minute
    feed_seconds: float = 3600.0
    load_seconds: float = 60.0  # of each host; a load that is older is not known


@dataclass(frozen=True, slots=True)
class Model:
    """The predictor."""

    training: str = str(ROOT / "data" / "training")
    retrain_days: float = 7.0  # between two looks whether the table has changed; 0: only at start, untried


@dataclass(frozen=True, slots=True)
class Builder:
    """The thinking process."""

    interval_seconds: float = 30.0
    candidates: int = 4  # ranked POPs per leaf before the rule's common tail
    scope_loss_ms: float = 2.0  # that a network may lose to be answered as its neighbours; 0: nothing
    max_moved_share: float = 0.25  # of demand, per automatic publication
    unsafe_moved_share: float = 0.30  # of demand, for a person's change without --force
    planned_sessions: float = 0.0  # in all, to fill capacities with where no POP reports its load; 0: none
    keep_maps: int = 20
    threads: int = 1
    own_step_seconds: float = 20.0  # of an own step, per build, by the clock and of CPU
    own_step_megabytes: int = 1024  # of its address space


@dataclass(frozen=True, slots=True)
class Canary:
    """What a change must show on a slice of the networks before it goes live for all."""

    share: float = 0.05  # of the places, where none is named
    watch_seconds: float = 3600.0  # at least this long
    least_places: float = 20.0  # measured ones, inside the slice and outside
    harm_ms: float = 5.0  # round trips worse by more are harm
    harm_availability: float = 0.02  # and so is availability worse by more, 0..1
    confidence: float = 0.99  # with which harm is there, or excluded


@dataclass(frozen=True, slots=True)
class Probe:
    """Health checks; a POP's own `healthcheck` in the catalog overrides port, path and protocol."""

    interval_seconds: float = 5.0
    timeout_seconds: float = 2.0
    rise: int = 2
    fall: int = 3
    region: str = "local"  # of the server's own checks, in the quorum of agents


@dataclass(frozen=True, slots=True)
class Demo:
    """The bundled world, for a newcomer."""

    enabled: bool = False
    catalog: str = str(ROOT / "data" / "demo")
    probe_target_port: int = 8081
    gateway_port: int = 9443  # 0: no gateway beside the demo


@dataclass(frozen=True, slots=True)
class Config:
    """Everything that is read once at start."""

    state: str = "state"
    user: str = ""  # whom the server becomes when it is started as root
    dns: Dns = field(default_factory=Dns)
    public: Public = field(default_factory=Public)
    ops: Ops = field(default_factory=Ops)
    store: Store = field(default_factory=Store)
    geoip: Geoip = field(default_factory=Geoip)
    collect: Collect = field(default_factory=Collect)
    stale: Stale = field(default_factory=Stale)
    model: Model = field(default_factory=Model)
    builder: Builder = field(default_factory=Builder)
    canary: Canary = field(default_factory=Canary)
    probe: Probe = field(default_factory=Probe)
    demo: Demo = field(default_factory=Demo)

    @property
    def state_dir(self) -> Path:
        """The state directory as an absolute path."""
        return Path(self.state).absolute()

    @property
    def store_url(self) -> str:
        """The SQLAlchemy URL of the control store."""
        return self.store.url or f"sqlite:///{self.state_dir / 'itm.db'}"


def load(
    file: Path | None = None,
    env: Mapping[str, str] | None = None,
    sets: Sequence[str] = (),
) -> Config:
    """Return the settings. Raises `ConfigError` naming the setting that is wrong."""
    values: dict[str, Any] = {}
    if file is not None:
        try:
            values = tomllib.loads(file.read_text())
        except OSError as error:
            raise ConfigError(f"{file}: {error.strerror}") from error
        except tomllib.TOMLDecodeError as error:
            raise ConfigError(f"{file}: {error}") from error
    for name, text in (os.environ if env is None else env).items():
        if name.startswith("ITM_"):
            _put(values, name[4:].lower().replace("__", "."), text)
    for item in sets:
        name, equals, text = item.partition("=")
        if not equals:
            raise ConfigError(f"--set {item}: expected name=value")
        _put(values, name, text)
    config: Config = _build(Config, values, "")
    if config.dns.workers < 1:
        raise ConfigError(f"dns.workers: expected at least 1, got {config.dns.workers}")
    least = LEAST_SEGMENTS * config.collect.journal_segment_bytes
    if config.collect.journal_max_bytes < least:
        raise ConfigError(
            f"collect.journal_max_bytes: expected at least {LEAST_SEGMENTS} times "
            f"collect.journal_segment_bytes ({least}), got {config.collect.journal_max_bytes}"
        )
    for name, section in (("dns", config.dns), ("public", config.public)):
        if section.tls_listen and not section.tls_certificate:
            raise ConfigError(f"{name}.tls_certificate: needed with {name}.tls_listen")
    _check_canary(config.canary)
    return config


def _check_canary(canary: Canary) -> None:
    for name in ("share", "confidence"):
        if not 0 < getattr(canary, name) < 1:
            raise ConfigError(f"canary.{name}: expected more than 0 and less than 1")


def _tls_files(section: Dns | Public) -> tuple[Path, Path] | None:
    if not section.tls_listen:
        return None
    key = section.tls_key or section.tls_certificate
    return Path(section.tls_certificate).absolute(), Path(key).absolute()


def _put(values: dict[str, Any], dotted: str, text: str) -> None:
    *sections, name = dotted.split(".")
    for section in sections:
        values = values.setdefault(section, {})
    values[name] = text


def _build(cls: type[Any], values: object, path: str) -> Any:
    if not isinstance(values, dict):
        raise ConfigError(f"{path.rstrip('.')}: expected a section, got {values!r}")
    hints = typing.get_type_hints(cls)
    known = {f.name for f in dataclasses.fields(cls)}
    for name in values:
        if name not in known:
            raise ConfigError(f"{path}{name}: no such setting (known: {', '.join(sorted(known))})")
    built = {name: _value(hints[name], value, f"{path}{name}") for name, value in values.items()}
    return cls(**built)


def _value(hint: Any, value: Any, path: str) -> Any:
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        return _build(hint, value, path + ".")
    if typing.get_origin(hint) is tuple:
        items = [v.strip() for v in value.split(",") if v.strip()] if isinstance(value, str) else value
        if not isinstance(items, list) or not all(isinstance(v, str) for v in items):
            raise ConfigError(f"{path}: expected a list of strings, got {value!r}")
        return tuple(items)
    if isinstance(hint, types.UnionType):
        raise ConfigError(f"{path}: unsupported setting type")
    return _scalar(hint, value, path)


def _scalar(hint: type, value: Any, path: str) -> Any:
    if hint is bool:
        if isinstance(value, bool):
            return value
        if isinstance(value, str) and value.lower() in {"true", "false"}:
            return value.lower() == "true"
    elif hint is str:
        if isinstance(value, str):
            return value
    elif not isinstance(value, bool):
        try:
            number = hint(value)
        except (TypeError, ValueError):
            number = None
        if number is not None and number >= 0:
            return number
    raise ConfigError(f"{path}: expected {hint.__name__}, got {value!r}")
