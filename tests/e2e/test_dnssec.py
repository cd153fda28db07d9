"""A signed, steered zone as validators see it: delv anchored at the zone's own key, and a real unbound."""

from __future__ import annotations

import shutil
import subprocess
import time
from pathlib import Path

from itm.dns.name import encode
from itm.dns.signatures import FILE, read
from tests.e2e.conftest import StartServer
from tests.e2e.internet import running
from tests.e2e.serving import ROOT, Server
from tests.programs import dig, need, wait_until

SIGNED = "zones: [{file: example.net.zone, dnssec: true}]"
RESOLVER, RESOLVER_PORT = "127.53.1.3", 5354

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
  harden-dnssec-stripped: yes
  val-log-level: 2
  trust-anchor: "{anchor}"
  module-config: "subnetcache validator iterator"
  send-client-subnet: {host}
  client-subnet-always-forward: yes
  max-client-subnet-ipv4: 24
remote-control:
  control-enable: no
stub-zone:
  name: "example.net"
  stub-addr: {host}@{server_port}
"""


def signed_catalog(folder: Path) -> Path:
    """The demo catalog with its zone signed."""
    shutil.copytree(ROOT / "data" / "demo", folder)
    text = (folder / "catalog.yaml").read_text()
    assert "zones: [example.net.zone]" in text
    (folder / "catalog.yaml").write_text(text.replace("zones: [example.net.zone]", SIGNED))
    return folder


def anchor(state: Path) -> str:
    """The DS of the zone's key, as the signer published it in CDS."""
    (cds,) = read(state / FILE).zones[encode("example.net.")].rdatas[59]
    wire = cds.wire
    return f"example.net. DS {int.from_bytes(wire[:2], 'big')} {wire[2]} {wire[3]} {wire[4:].hex()}"


def delv(server: Server, state: Path, name: str, rtype: str) -> str:
    """What delv says of a name; it validates from the DNSKEY that the server's DS points at."""
    _, _, tag, algorithm, kind, digest = anchor(state).split()
    anchors = state / "anchors"
    anchors.write_text(f'trust-anchors {{ example.net. static-ds {tag} {algorithm} {kind} "{digest}"; }};\n')
    host, port = server.dns
    words = [need("delv", "dnsutils"), f"@{host}", "-p", str(port), "-a", str(anchors), "+root=example.net"]
    done = subprocess.run([*words, name, rtype], capture_output=True, text=True, check=False, timeout=20)
    return done.stdout + done.stderr


def test_delv_validates_every_kind_of_answer(start: StartServer, tmp_path: Path) -> None:
    """Steered, static, NODATA and NXDOMAIN: fully validated; also with a TTL below the signed one."""
    catalog = signed_catalog(tmp_path / "catalog")
    text = (catalog / "catalog.yaml").read_text()
    assert "ttl: 20" in text
    (catalog / "catalog.yaml").write_text(text.replace("ttl: 20", "ttl: {least: 20, most: 300}"))
    server = start(demo__catalog=str(catalog))
    for name, rtype, wanted in [
        ("gw.example.net", "A", "; fully validated"),
        ("example.net", "SOA", "; fully validated"),
        ("example.net", "NS", "; fully validated"),
        ("gw.example.net", "MX", "; negative response, fully validated"),
        ("nowhere.example.net", "A", "; negative response, fully validated"),
    ]:
        said = delv(server, tmp_path / "state", name, rtype)
        assert wanted in said, f"{name} {rtype}: {said}"


def test_a_validating_resolver_through_failover_and_map_changes(start: StartServer, tmp_path: Path) -> None:
    """unbound validates with Client Subnet on: per subnet, after a drain, after new maps; nothing bogus."""
    server = start(demo__catalog=str(signed_catalog(tmp_path / "catalog")))
    unbound = need("unbound", "unbound")
    folder = tmp_path / "unbound"
    folder.mkdir()
    host, port = server.dns
    text = UNBOUND.format(
        address=RESOLVER,
        port=RESOLVER_PORT,
        folder=folder,
        anchor=anchor(tmp_path / "state"),
        host=host,
        server_port=port,
    )
    (folder / "unbound.conf").write_text(text)

    def asked(subnet: str, *words: str) -> list[str]:
        return dig("gw.example.net", f"+subnet={subnet}", *words, server=RESOLVER, port=RESOLVER_PORT)

    with running([unbound, "-d", "-c", str(folder / "unbound.conf")], folder / "out"):
        wait_until(lambda: bool(asked("133.11.0.0/24")), 15, f"unbound validates: {folder / 'unbound.log'}")
        subnets = ("133.11.0.0/24", "193.0.6.0/24", "8.8.8.0/24")
        direct = {subnet: server.address_for(subnet) for subnet in subnets}
        assert len(set(direct.values())) == 3
        assert {subnet: asked(subnet) for subnet in subnets} == {s: [a] for s, a in direct.items()}
        assert _flags(folder, subnets[0]) >= {"ad"}
        assert server.itm("pop", "drain", "az-jp-e").returncode == 0
        began = time.monotonic()
        moved = wait_until(
            lambda: asked(subnets[0]) not in ([direct[subnets[0]]], []), 25, "the failover is seen"
        )
        assert time.monotonic() - began >= moved
        assert asked(subnets[0]) == [server.address_for(subnets[0])]
        assert dig("none.example.net", server=RESOLVER, port=RESOLVER_PORT) == []
        assert "bogus" not in (folder / "unbound.log").read_text()


def _flags(folder: Path, subnet: str) -> set[str]:
    words = [
        need("dig", "dnsutils"),
        f"@{RESOLVER}",
        "-p",
        str(RESOLVER_PORT),
        "+dnssec",
        f"+subnet={subnet}",
    ]
    done = subprocess.run([*words, "gw.example.net"], capture_output=True, text=True, check=False)
    (folder / "dig").write_text(done.stdout)
    line = next(line for line in done.stdout.splitlines() if line.startswith(";; flags:"))
    return set(line.removeprefix(";; flags:").partition(";")[0].split())
