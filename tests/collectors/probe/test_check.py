"""What holds of every kind of check: time limits, reasons, and what says nothing of the target."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Awaitable, Callable

import pytest

from collectors.probe import check as checks
from collectors.probe.check import check
from collectors.probe.finding import Finding
from collectors.probe.target import Target

Kind = Callable[[Target], Awaitable[Finding]]
TARGET = Target("tcp", "127.0.0.1", 1, 0.05)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.mark.parametrize("protocol", ["tcp", "tls", "http", "https", "gateway"])
def test_a_closed_port_is_refused(protocol: str) -> None:
    """The reason is the operating system's, whatever the protocol."""
    outcome = asyncio.run(check(Target(protocol, "127.0.0.1", free_port())))
    assert (outcome.up, outcome.detail, outcome.unable) == (False, "connection refused", False)


@pytest.mark.parametrize("protocol", ["tls", "http", "https", "gateway"])
def test_a_silent_server_fails_after_the_timeout(protocol: str) -> None:
    """One that accepts and never answers is a failure with its time limit in the reason."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        outcome = asyncio.run(check(Target(protocol, "127.0.0.1", server.getsockname()[1], 0.05)))
    assert (outcome.up, outcome.detail) == (False, "no answer within 0.05 s")
    assert outcome.elapsed_ms >= 45


def raising(error: Exception) -> Kind:
    async def kind(_: Target) -> Finding:
        raise error

    return kind


def test_a_machine_out_of_files_says_nothing_of_the_pop(monkeypatch: pytest.MonkeyPatch) -> None:
    """EMFILE is our trouble; a reset is the target's."""
    own, theirs = OSError(errno.EMFILE, "too many"), OSError(errno.ECONNRESET, "reset")
    found = []
    for error in (own, theirs):
        monkeypatch.setitem(checks.KINDS, "tcp", raising(error))  # type: ignore[arg-type]
        found.append(asyncio.run(check(TARGET)))
    assert [(outcome.detail, outcome.unable) for outcome in found] == [
        ("too many open files", True),
        ("connection reset by peer", False),
    ]


def test_a_machine_without_a_route_says_nothing_of_the_pop(monkeypatch: pytest.MonkeyPatch) -> None:
    """No IPv6 here is no fault of a POP."""
    monkeypatch.setitem(checks.KINDS, "tcp", raising(OSError(errno.ENETUNREACH, "no")))  # type: ignore[arg-type]
    monkeypatch.setattr(checks, "has_route", lambda address: ":" not in address)
    found = [asyncio.run(check(Target("tcp", address, 1))) for address in ("192.0.2.1", "2001:db8::1")]
    assert [outcome.unable for outcome in found] == [False, True]


def test_a_process_too_busy_to_look_at_its_clock_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A time limit that is noticed far too late may have been kept."""
    times = iter((0.0, 0.6, 0.6))

    async def hang(_: Target) -> Finding:
        raise TimeoutError

    monkeypatch.setitem(checks.KINDS, "tcp", hang)  # type: ignore[arg-type]
    outcome = asyncio.run(check(TARGET, lambda: next(times)))
    assert (outcome.detail, outcome.unable) == ("this machine was too busy to check", True)
