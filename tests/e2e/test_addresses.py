"""A POP of two hosts: one host's death takes one address out of the answers, both take the POP out."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from tests.e2e.conftest import StartServer
from tests.e2e.serving import free_ports
from tests.programs import dig, need, wait_until

FIRST, SECOND, OTHER = "127.30.0.1", "127.30.0.2", "127.30.1.1"
CATALOG = """
healthcheck: {{protocol: tcp, port: {port}, interval_seconds: 0.2, timeout_seconds: 0.5, rise: 2, fall: 2}}
zones: [example.net.zone]
services:
  gw.example.net.:
    ttl: 20
    pools: {{world: {{values: [tokyo, paris]}}}}
    rules: [{{pool: world}}]
pops:
  tokyo: {{provider: own, city: Tokyo, country: JP, lat: 35.7, lon: 139.7, ipv4: [{first}, {second}]}}
  paris: {{provider: own, city: Paris, country: FR, lat: 48.9, lon: 2.4, ipv4: {other}}}
"""
ZONE = "$TTL 300\n@ SOA ns1 hostmaster 1 3600 600 86400 60\n@ NS ns1\nns1 A 192.0.2.53\n"


@pytest.mark.long
def test_one_host_dies_then_the_other(start: StartServer, tmp_path: Path) -> None:
    """Each change is in the answers within a second of the check that counts, without another map."""
    need("dig", "dnsutils")
    [port] = free_ports(1)
    hosts = {address: socket.create_server((address, port)) for address in (FIRST, SECOND, OTHER)}
    folder = tmp_path / "catalog"
    folder.mkdir()
    text = CATALOG.format(port=port, first=FIRST, second=SECOND, other=OTHER)
    (folder / "catalog.yaml").write_text(text)
    (folder / "example.net.zone").write_text(ZONE)
    server = start(builder__interval_seconds="3600")

    def answer() -> set[str]:
        words = ("gw.example.net", "+subnet=133.11.0.0/24")
        return set(dig(*words, server=server.dns[0], port=server.dns[1]))

    applied = server.itm("catalog", "apply", str(folder), "--force")
    assert applied.returncode == 0, applied.stderr
    wait_until(lambda: answer() == {FIRST, SECOND}, 20, "the new catalog is served")
    before = server.itm("map", "show").stdout
    hosts[FIRST].close()
    assert wait_until(lambda: answer() == {SECOND}, 5, "the dead host's address is gone") < 2
    listed = server.itm("pop", "list").stdout
    assert f"1 of 2 addresses fail: {FIRST} since" in listed
    hosts[SECOND].close()
    assert wait_until(lambda: answer() == {OTHER}, 5, "the POP without a host is gone") < 2
    hosts[FIRST] = socket.create_server((FIRST, port))
    wait_until(lambda: answer() == {FIRST}, 5, "the host that came back is served alone")
    hosts[SECOND] = socket.create_server((SECOND, port))
    wait_until(lambda: answer() == {FIRST, SECOND}, 5, "both are served again")
    assert server.itm("map", "show").stdout.splitlines()[:1] == before.splitlines()[:1]
    for host in hosts.values():
        host.close()
