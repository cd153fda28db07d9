"""Which VDAs a connector may reach: the customer's last word, whatever a POP or broker asks for.

A rule is `HOST:PORTS`. HOST is an address, a network (`10.0.0.0/8`, `[fd00::/8]`), a name or `*.suffix`;
PORTS is `22`, `1494,2598`, `5900-5999` or `*`. A network rule is checked against the address that will be
dialled, a name rule against the name that was asked for. Link-local, multicast and unspecified addresses
(cloud metadata services among them) need a network rule of their own.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass

from gateway.errors import ConfigError

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
MAX_PORT = 65535


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: exactly one of `network` and `name` (lower case, perhaps `*.suffix`) is set."""

    network: Network | None
    name: str
    ports: tuple[tuple[int, int], ...]

    def admits(self, host: str, port: int, address: Address) -> bool:
        """Say whether `host` (as asked for), which resolves to `address`, may be dialled at `port`."""
        if not any(first <= port <= last for first, last in self.ports):
            return False
        if self.network is not None:
            return address.version == self.network.version and address in self.network
        return _is_ordinary(address) and _matches(self.name, host.rstrip(".").lower())


@dataclass(frozen=True, slots=True)
class AllowList:
    """The rules together; an empty list admits nothing."""

    rules: tuple[Rule, ...]

    def admits(self, host: str, port: int, address: str) -> bool:
        """Say whether any rule admits this host, port and resolved address."""
        parsed = ipaddress.ip_address(address.partition("%")[0])
        if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped is not None:
            parsed = parsed.ipv4_mapped
        return any(rule.admits(host, port, parsed) for rule in self.rules)


def parse_allow_list(texts: Iterable[str]) -> AllowList:
    """Read rules; `ConfigError` names every one that cannot be read."""
    rules: list[Rule] = []
    wrong: list[str] = []
    for text in texts:
        try:
            rules.append(_parse_rule(text))
        except ValueError as error:
            wrong.append(f"allow: {text!r}: {error}")
    if wrong:
        raise ConfigError("\n".join(wrong))
    return AllowList(tuple(rules))


def _parse_rule(text: str) -> Rule:
    host, colon, ports = text.strip().rpartition(":")
    if not colon or not host:
        raise ValueError("expected HOST:PORTS, as `10.0.0.0/8:1494,2598`")
    bracketed = host.startswith("[") and host.endswith("]")
    spans = _parse_ports(ports)
    host = host[1:-1] if bracketed else host
    if bracketed or "/" in host or host.replace(".", "").isdigit():
        return Rule(ipaddress.ip_network(host), "", spans)
    name = host.rstrip(".").lower()
    if ":" in name or "*" in name.removeprefix("*."):
        raise ValueError("an IPv6 host needs brackets; `*` may stand only as the first label")
    return Rule(None, name, spans)


def _parse_ports(text: str) -> tuple[tuple[int, int], ...]:
    if text == "*":
        return ((1, MAX_PORT),)
    spans = []
    for part in text.split(","):
        first, _, last = part.partition("-")
        span = (int(first), int(last or first))
        if not 1 <= span[0] <= span[1] <= MAX_PORT:
            raise ValueError(f"ports {part!r} are not in 1-{MAX_PORT}")
        spans.append(span)
    return tuple(spans)


def _matches(pattern: str, host: str) -> bool:
    if pattern.startswith("*."):
        return host.endswith(pattern[1:]) and len(host) > len(pattern) - 1
    return host == pattern


def _is_ordinary(address: Address) -> bool:
    return not (address.is_link_local or address.is_multicast or address.is_unspecified)
