"""`host:port` and `[v6]:port`, as settings and frames spell an address."""

from __future__ import annotations

from gateway.errors import ConfigError


def split_address(text: str, *, least_port: int = 1) -> tuple[str, int]:
    """Return host and port; `ConfigError` for anything else. `least_port` 0 allows "any free port"."""
    host, colon, port = text.rpartition(":")
    if not colon or not host or not (port.isascii() and port.isdigit()) or len(port) > 5:
        raise ConfigError(f"{text!r} is not HOST:PORT")
    if not least_port <= int(port) < 65536:
        raise ConfigError(f"{text!r}: no such port")
    return host.removeprefix("[").removesuffix("]"), int(port)


def join_address(host: str, port: int) -> str:
    """Return the text of an address; an IPv6 host gets its brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
