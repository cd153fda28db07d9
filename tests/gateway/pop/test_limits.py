"""Caps count in and out exactly, per network, user and tenant."""

from __future__ import annotations

import pytest

from gateway.pop.config import Caps
from gateway.pop.limits import Gate, SessionCounts, TicketGuard, network_of
from gateway.protocol.codes import CloseCode


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("fe80::1%eth0", "fe80::/64"),
    ],
)
def test_networks_are_addresses_and_64s(address: str, network: str) -> None:
    """An IPv6 client has a /64 of addresses to come from."""
    assert network_of(address) == network


def test_gate_counts_per_network_and_in_all() -> None:
    """A network with a connector may have a quarter; the total binds everybody."""
    gate = Gate(8, 1)
    assert gate.enter("a")
    assert not gate.enter("a")
    assert gate.enter("a", is_known=True)
    assert not gate.enter("a", is_known=True)
    assert all(gate.enter(name) for name in "bcdefg")
    assert not gate.enter("h", is_known=True)
    gate.leave("a")
    gate.leave("a")
    assert gate.enter("a")
    assert gate.total == 7


def test_guard_shuts_a_network_for_the_rest_of_its_minute() -> None:
    """The failure that reaches the cap alarms once; the next minute starts at zero."""
    now = [0.0]
    guard = TicketGuard(Caps(failed_tickets_per_minute=2), lambda: now[0])
    assert not guard.failed("a")
    assert not guard.is_shut("a")
    assert guard.failed("a")
    assert guard.is_shut("a")
    assert not guard.is_shut("b")
    now[0] = 60.0
    assert not guard.is_shut("a")


def test_session_counts_name_the_limit_that_is_reached() -> None:
    """User, tenant and POP each have their own refusal; leaving makes room."""
    counts = SessionCounts(Caps(sessions=3, user_sessions=1, tenant_sessions=2))
    counts.enter("acme", "ada", "1")
    assert counts.refusal("acme", "ada") is CloseCode.CLIENT_USER_LIMIT
    assert counts.refusal("other", "ada") is None
    counts.enter("acme", "bob", "2")
    assert counts.refusal("acme", "eve") is CloseCode.CLIENT_TENANT_LIMIT
    counts.enter("other", "ada", "3")
    assert counts.refusal("third", "zoe") is CloseCode.POP_FULL
    counts.leave("acme", "ada", "1")
    assert counts.refusal("acme", "ada") is None


def test_a_session_has_few_wires_at_a_time() -> None:
    """A later wire is bound by the POP's room and its session's own wires, not by its user's sessions."""
    counts = SessionCounts(Caps(sessions=4, user_sessions=1, session_wires=2))
    counts.enter("acme", "ada", "1")
    assert counts.resume_refusal("1") is None
    counts.enter("acme", "ada", "1")
    assert counts.resume_refusal("1") is CloseCode.CLIENT_RATE_LIMITED
    assert counts.resume_refusal("2") is None
    counts.leave("acme", "ada", "1")
    assert counts.resume_refusal("1") is None
