from __future__ import annotations

from pathlib import Path

from tests.gateway.cli.conftest import Gateway

ADD = ("site", "add", "farm", "--location", "hq", "--controller", "ddc1.corp:80")


def test_sites_come_and_go(gateway: Gateway) -> None:
    """Each step names the next; a directory's domain is the site's unless told otherwise."""
    gateway("location", "create", "hq")
    made = gateway(*ADD)
    assert made.out.startswith("farm-")
    assert made.err == (
        "next: a connector of hq needs --allow ddc1.corp:80 and the VDAs, then"
        " itm-gateway site check farm --user NAME\n"
    )
    assert gateway(*ADD).err == "itm-gateway: default has a site farm\n"
    ldap = ("ldap", "add", "corp", "--location", "hq", "--server", "dc1:636", "--base", "dc=x")
    gateway(*ldap, "--domain", "CORP")
    more = ("site", "add", "lab", "--location", "hq", "--controller", "ddc2:443", "--tls")
    assert gateway(*more, "--directory", "corp").status == 0
    rows = [line.split()[:-1] for line in gateway("site", "list").out.splitlines()[1:]]
    assert rows == [
        ["farm", "hq", "ddc1.corp:80", "plain", "local", "users", "-"],
        ["lab", "hq", "ddc2:443", "tls", "corp", "CORP"],
    ]
    assert gateway("site", "remove", "farm").out == "farm is removed\n"
    assert gateway("site", "remove", "farm").err == "itm-gateway: default has no site farm\n"


def test_what_is_wrong_is_named(gateway: Gateway, tmp_path: Path) -> None:
    """A directory or a file that is not there, no address, no broker."""
    gateway("location", "create", "hq")
    unknown = gateway(*ADD, "--directory", "nope")
    assert unknown.err == "itm-gateway: default has no directory nope: itm-gateway ldap add\n"
    assert "ca: " in gateway(*ADD, "--ca", str(tmp_path / "none.pem")).err
    assert "controller: expected host:port" in gateway(*ADD[:-1], "ddc1").err
    assert gateway("site", "list").out.splitlines()[1:] == []
    assert "needs --user" in gateway("site", "check", "farm", "--password", stdin="x\n").err
    silent = gateway("site", "check", "farm", "--set", "listen=127.0.0.1:1")
    assert silent.status == 2
    assert "no broker answers at 127.0.0.1:1" in silent.err


def test_the_chain_of_next_steps(gateway: Gateway) -> None:
    """From a tenant to its users' page, each command names the one after it."""
    at = ("--tenant", "acme")
    gateway("tenant", "create", "acme")
    gateway("location", "create", "hq", *at)
    token = gateway("connector", "token", "hq", *at)
    assert "itm-gateway resource add NAME --location hq --target HOST:PORT --tenant acme" in token.err
    resource = gateway("resource", "add", "desk", "--location", "hq", "--target", "a:1", *at)
    assert "itm-gateway user add NAME --tenant acme" in resource.err
    user = gateway("user", "add", "ann", *at, stdin="correct horse\n")
    assert "log in at https://localhost:8443/t/acme" in user.err
