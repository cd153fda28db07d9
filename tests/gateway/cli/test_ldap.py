from __future__ import annotations

from pathlib import Path

from tests.gateway.cli.conftest import Gateway

ADD = ("ldap", "add", "corp", "--location", "hq", "--server", "dc1.corp:636", "--base", "dc=x")


def test_directories_come_and_go(gateway: Gateway) -> None:
    """Each step names the next; the password is read from stdin and shown nowhere."""
    gateway("location", "create", "hq")
    made = gateway(*ADD, "--bind-dn", "cn=r,dc=x", stdin="reads all\n")
    assert (made.status, made.out) == (0, "corp\n")
    assert made.err == (
        "next: a connector of hq needs --allow dc1.corp:636, then itm-gateway ldap test USER\n"
    )
    row = gateway("ldap", "list").out.splitlines()[1].split()
    assert row == ["corp", "hq", "dc1.corp:636", "ldaps", "dc=x", "cn=r,dc=x"]
    assert gateway("ldap", "remove", "corp").out == "corp is removed\n"
    assert gateway("ldap", "remove", "corp").err == "itm-gateway: default has no directory corp\n"


def test_what_is_wrong_is_named(gateway: Gateway, tmp_path: Path) -> None:
    """An account without password, a file that is not there, a filter without its place, no broker."""
    gateway("location", "create", "hq")
    assert "5.1.2" in gateway(*ADD, "--bind-dn", "cn=r,dc=x", stdin="\n").err
    assert "ca: " in gateway(*ADD, "--ca", str(tmp_path / "none.pem")).err
    assert "user_filter: expected {login}" in gateway(*ADD, "--user-filter", "(uid=x)").err
    assert gateway("ldap", "list").out.splitlines()[1:] == []
    gateway("location", "create", "far")
    silent = gateway("ldap", "test", "ann", "--set", "listen=127.0.0.1:1")
    assert silent.status == 2
    assert "no broker answers at 127.0.0.1:1" in silent.err


def test_a_resource_for_a_directorys_people(gateway: Gateway) -> None:
    """A user before the first login, a group by its DN."""
    gateway("location", "create", "hq")
    gateway(*ADD)
    add = ("resource", "add", "--location", "hq", "--target", "a:22")
    assert gateway(*add, "one", "--for", "ann@corp", "--for-group", "corp:cn=staff,dc=x").status == 0
    assert gateway(*add, "two", "--for-group", "staff").err == (
        "itm-gateway: for-group: expected DIRECTORY:DN, got 'staff'\n"
    )
    assert (
        gateway(*add, "three", "--for-group", "lab:cn=x").err == "itm-gateway: default has no directory lab\n"
    )
    assert gateway(*add, "four", "--for", "ann@lab").err == "itm-gateway: default has no user ann@lab\n"
    assert "some" in gateway("resource", "list").out
