from __future__ import annotations

from tests.gateway.cli.conftest import Gateway


def test_users_and_their_passwords(gateway: Gateway) -> None:
    """Read from stdin when it is no terminal; short ones are refused."""
    assert gateway("user", "add", "alice", stdin="correct horse\n").out == "alice\n"
    assert gateway("user", "password", "alice", stdin="battery staple\n").status == 0
    assert gateway("user", "list").out == "alice\n"
    short = gateway("user", "add", "bob", stdin="short\n")
    assert (short.status, short.err) == (2, "itm-gateway: password: expected 8 to 1024 characters\n")
