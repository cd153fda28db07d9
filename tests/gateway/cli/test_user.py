from __future__ import annotations

from tests.gateway.cli.conftest import Gateway


def test_users_and_their_passwords(gateway: Gateway) -> None:
    """Read from stdin when it is no terminal; short ones are refused."""
    assert gateway("user", "add", "alice", stdin="correct horse\n").out == "alice\n"
    assert gateway("user", "password", "alice", stdin="battery staple\n").status == 0
    assert gateway("user", "list").out == "alice\n"
    short = gateway("user", "add", "bob", stdin="short\n")
    assert (short.status, short.err) == (2, "itm-gateway: password: expected 8 to 1024 characters\n")


def test_a_removed_user(gateway: Gateway) -> None:
    """Gone with what hung on the name; sessions are told; an unknown name is said to be one."""
    gateway("user", "add", "alice", stdin="correct horse\n")
    done = gateway("user", "remove", "alice")
    assert (done.status, done.out, done.err) == (0, "alice removed, 0 sessions ended\n", "")
    assert gateway("user", "list").out == "\n"
    again = gateway("user", "remove", "alice")
    assert (again.status, again.err) == (2, "itm-gateway: default has no user alice\n")
