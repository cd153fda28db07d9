"""A real parent (nsd) delegates the steered name; a real resolver (unbound, ECS on) resolves it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.conftest import StartServer
from tests.e2e.internet import nsd, running
from tests.programs import dig, need, need_port_53, wait_until

PARENT, CHILD, RESOLVER = "127.53.0.1", "127.53.0.2", "127.53.0.3"
RESOLVER_PORT = 5353

PARENT_ZONE = f"""\
$ORIGIN example.net.
$TTL 300
@      SOA ns1 hostmaster 1 3600 600 86400 60
       NS  ns1
ns1    A   {PARENT}
www    A   192.0.2.80
gw     NS  ns1.gw
ns1.gw A   {CHILD}
"""

UNBOUND = """\
server:
  interface: {address}@{port}
  access-control: 127.0.0.0/8 allow
  do-ip6: no
  username: ""
  chroot: ""
  directory: "{folder}"
  pidfile: "{folder}/unbound.pid"
  logfile: "{folder}/unbound.log"
  use-syslog: no
  do-daemonize: no
  do-not-query-localhost: no
  use-caps-for-id: yes
  module-config: "subnetcache iterator"
  send-client-subnet: {child}
  client-subnet-zone: "gw.example.net"
  client-subnet-always-forward: yes
  max-client-subnet-ipv4: 24
remote-control:
  control-enable: no
stub-zone:
  name: "example.net"
  stub-addr: {parent}
"""

CHILD_ZONE = f"""\
$ORIGIN gw.example.net.
$TTL 300
@   SOA ns1 hostmaster 1 3600 600 86400 60
    NS  ns1
ns1 A   {CHILD}
"""


@pytest.fixture
def parent(tmp_path: Path) -> Iterator[None]:
    """A real nsd that serves the parent zone on port 53."""
    folder = tmp_path / "nsd"
    folder.mkdir()
    (folder / "parent.zone").write_text(PARENT_ZONE)
    with nsd(folder, [PARENT], {"example.net": "parent.zone"}):
        wait_until(
            lambda: dig("www.example.net", server=PARENT, port=53) == ["192.0.2.80"], 10, "nsd answers"
        )
        yield


@pytest.fixture
def resolver(tmp_path: Path, parent: None) -> Iterator[None]:
    """A real unbound that sends client subnets to our server."""
    unbound = need("unbound", "unbound")
    folder = tmp_path / "unbound"
    folder.mkdir()
    text = UNBOUND.format(address=RESOLVER, port=RESOLVER_PORT, folder=folder, child=CHILD, parent=PARENT)
    (folder / "unbound.conf").write_text(text)
    with running([unbound, "-d", "-c", str(folder / "unbound.conf")], folder / "out"):
        wait_until(lambda: resolve("www.example.net") == ["192.0.2.80"], 10, "unbound resolves")
        yield


def resolve(name: str, *words: str) -> list[str]:
    return dig(name, *words, server=RESOLVER, port=RESOLVER_PORT)


def delegated_catalog(folder: Path) -> Path:
    """The demo catalog with the steered name at the apex of a zone of its own."""
    demo = Path(__file__).resolve().parents[2] / "data" / "demo" / "catalog.yaml"
    folder.mkdir()
    text = demo.read_text().replace("rum: {probe_zone: p.example.net}", "")
    (folder / "catalog.yaml").write_text(text.replace("example.net.zone", "gw.example.net.zone"))
    (folder / "gw.example.net.zone").write_text(CHILD_ZONE)
    return folder


def test_two_subnets_get_two_pops_through_a_real_resolver(
    start: StartServer, resolver: None, tmp_path: Path
) -> None:
    """Parent, delegation, resolver and cache are real: each subnet gets the POP we serve it directly."""
    need_port_53(CHILD)
    catalog = delegated_catalog(tmp_path / "catalog")
    server = start(dns__listen=f"{CHILD}:53", demo__catalog=str(catalog))
    subnets = ("133.11.0.0/24", "193.0.6.0/24")
    direct = [server.address_for(subnet) for subnet in subnets]
    assert len(set(direct)) == 2
    for _ in range(2):  # the second time from unbound's cache, which must not mix the scopes
        assert [resolve("gw.example.net", f"+subnet={subnet}") for subnet in subnets] == [[a] for a in direct]
