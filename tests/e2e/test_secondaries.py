"""Real nsd and knot as secondaries of a signed and an unsigned zone, and real checkers of what they got."""

from __future__ import annotations

import base64
import contextlib
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.e2e.conftest import StartServer
from tests.e2e.internet import running
from tests.e2e.serving import ROOT, Server, free_ports
from tests.e2e.test_dnssec import UNBOUND, anchor
from tests.programs import dig, need, tail, wait_until

SECRET = base64.b64encode(bytes(range(32))).decode()
KEY = "xfr.example."
FOLLOWS_SECONDS = 15
ZONES = ("example.net", "example.org")

NSD = """\
server:
  ip-address: 127.0.0.1@{port}
  do-ip6: no
  username: ""
  chroot: ""
  zonesdir: "{folder}"
  database: ""
  zonelistfile: "{folder}/zone.list"
  pidfile: "{folder}/nsd.pid"
  xfrdfile: "{folder}/xfrd.state"
  xfrdir: "{folder}"
  logfile: "{folder}/nsd.log"
  xfrd-reload-timeout: 1
remote-control:
  control-enable: no
key:
  name: "{key}"
  algorithm: hmac-sha256
  secret: "{secret}"
"""
NSD_ZONE = """\
zone:
  name: {zone}
  zonefile: {zone}.zone
  request-xfr: 127.0.0.1@{primary} {key}
  allow-notify: 127.0.0.1 {key}
"""

KNOT = """\
server:
  rundir: "{folder}"
  listen: 127.0.0.1@{port}
database:
  storage: "{folder}"
log:
  - target: "{folder}/knot.log"
    any: info
key:
  - id: {key}
    algorithm: hmac-sha256
    secret: {secret}
remote:
  - id: itm
    address: 127.0.0.1@{primary}
    key: {key}
acl:
  - id: itm
    address: 127.0.0.1
    key: {key}
    action: notify
template:
  - id: default
    storage: "{folder}"
    master: itm
    acl: itm
zone:
  - domain: example.net
    dnssec-validation: on
  - domain: example.org
"""

ORG = """\
$ORIGIN example.org.
$TTL 300
@    IN SOA ns1 hostmaster 1 7200 900 1209600 60
@    IN NS  ns1.example.net.
www  IN A   192.0.2.80
"""

SERVICES = """
  hk.example.net.: {pools: {asia: {values: [az-asia-hk, az-asia-se]}}, rules: [{pool: asia}]}
  web.example.net.: {https: {alpn: [h2]}, pools: {eu: {values: [az-eu-n]}, all: {values: [az-asia-hk]}},
    rules: [{pool: eu, geos: [EU]}, {pool: all}]}
  alias.example.net.: {answer: cname, pools: {eu: {values: [az-eu-w, az-eu-n]}}, rules: [{pool: eu}]}
  gw.example.org.: {direct: true, pools: {eu: {values: [az-eu-w, az-eu-n]}}, rules: [{pool: eu}]}

pops:"""

STATIC = [
    ("gw.example.net", "A", ["127.20.0.28"]),  # the values
    ("gw.example.net", "AAAA", ["2001:db8:20::28"]),
    ("hk.example.net", "A", ["127.20.0.1"]),  # the first POP of the catch-all
    ("hk.example.net", "AAAA", []),  # it has no IPv6, although another one has
    ("web.example.net", "A", ["127.20.0.1"]),
    ("web.example.net", "AAAA", []),
    ("web.example.net", "HTTPS", ['1 . alpn="h2" ipv4hint=127.20.0.1']),
    ("alias.example.net", "A", ["az-eu-w.alias.example.net.", "127.20.0.7"]),
    ("az-eu-n.alias.example.net", "A", ["127.20.0.6"]),
    ("static.example.net", "A", ["192.0.2.80", "192.0.2.81"]),
    ("any.apps.example.net", "A", ["192.0.2.90"]),
    ("nowhere.example.net", "A", []),
    ("example.net", "AAAA", ["2001:db8::10"]),
    ("static.example.net", "MX", []),
]


@dataclass(frozen=True)
class World:
    """Our server, its two secondaries' ports and the folder of it all."""

    server: Server
    folder: Path
    catalog: Path
    secondaries: dict[str, int]

    def asked(self, port: int, name: str, rtype: str) -> list[str]:
        return dig(name, rtype, server="127.0.0.1", port=port)

    def serial(self, port: int, zone: str) -> str:
        (soa, *_) = [*self.asked(port, zone, "SOA"), "- - -"]
        return soa.split()[2]

    def kdig(self, *words: str, key: str = SECRET) -> str:
        """What kdig says to a transfer; without `key`, unsigned."""
        command = [need("kdig", "knot-dnsutils"), "@127.0.0.1", "-p", str(self.server.dns[1])]
        command += ["-y", f"hmac-sha256:{KEY}:{key}"] if key else []
        done = subprocess.run([*command, *words], capture_output=True, text=True, check=False, timeout=30)
        return done.stdout + done.stderr

    def exported(self, zone: str) -> Path:
        """A zone file of what a transfer sends."""
        path = self.folder / f"{zone}.axfr"
        path.write_text(self.kdig(zone, "AXFR", "+noquestion", "+nocomments", "+nostats"))
        text = path.read_text()
        kept = [line for line in text.splitlines() if "TSIG" not in line and not line.startswith(";")]
        path.write_text("\n".join(line for line in kept[:-1] if line.strip()) + "\n")
        return path


def write_catalog(folder: Path, ports: list[int]) -> None:
    """The demo's, with a signed and an unsigned zone; one POP has no IPv6."""
    shutil.copytree(ROOT / "data" / "demo", folder)
    secondaries = ", ".join(f"{{address: 127.0.0.1, port: {port}, key: {KEY}}}" for port in ports)
    zones = (
        f"zones:\n  - {{file: example.net.zone, dnssec: true, secondaries: [{secondaries}]}}\n"
        f"  - {{file: example.org.zone, secondaries: [{secondaries}]}}"
    )
    text = (folder / "catalog.yaml").read_text()
    for old, new in (
        ("zones: [example.net.zone]", zones),
        ("\npops:", SERVICES),
        (', ipv6: "2001:db8:20::1"', ""),
    ):
        assert text.count(old) == 1
        text = text.replace(old, new)
    (folder / "catalog.yaml").write_text(text)
    (folder / "example.org.zone").write_text(ORG)


@pytest.fixture
def world(start: StartServer, tmp_path: Path) -> Iterator[World]:
    """Everything running, and both secondaries with both zones."""
    nsd, knot = need("nsd", "nsd"), need("knotd", "knot")
    primary, nsd_port, knot_port = free_ports(3)
    names = {"port": 0, "primary": primary, "key": KEY, "secret": SECRET}
    catalog = tmp_path / "catalog"
    write_catalog(catalog, [nsd_port, knot_port])
    keys = tmp_path / "tsig.keys"
    keys.write_text(f"{KEY} hmac-sha256 {SECRET}\n")
    keys.chmod(0o600)
    folders = {"nsd": tmp_path / "nsd", "knot": tmp_path / "knot"}
    for folder in folders.values():
        folder.mkdir()
    zones = "".join(NSD_ZONE.format(**names, zone=zone) for zone in ZONES)
    text = NSD.format(**names | {"port": nsd_port, "folder": folders["nsd"]}) + zones
    (folders["nsd"] / "nsd.conf").write_text(text)
    text = KNOT.format(**names | {"port": knot_port, "folder": folders["knot"]})
    (folders["knot"] / "knot.conf").write_text(text)
    with contextlib.ExitStack() as stack:
        server = start(
            dns__listen=f"127.0.0.1:{primary}",
            dns__workers="2",
            dns__tsig_keys=str(keys),
            demo__catalog=str(catalog),
        )
        nsd_words = [nsd, "-d", "-c", str(folders["nsd"] / "nsd.conf")]
        knot_words = [knot, "-c", str(folders["knot"] / "knot.conf")]
        stack.enter_context(running(nsd_words, folders["nsd"] / "out"))
        stack.enter_context(running(knot_words, folders["knot"] / "out"))
        made = World(server, tmp_path, catalog, {"nsd": nsd_port, "knot": knot_port})
        for name, port in made.secondaries.items():
            for zone in ZONES:
                log = folders[name] / f"{name}.log"
                wait_until(
                    lambda port=port, zone=zone: made.serial(port, zone) != "-",  # type: ignore[misc]
                    30,
                    f"{name} has {zone}: {tail(log)}",
                )
        yield made


def test_secondaries_have_the_zones_and_follow(world: World) -> None:
    """By TSIG; steered names as their fallback; a change of the catalog arrives by NOTIFY within seconds."""
    for port in world.secondaries.values():
        for name, rtype, wanted in STATIC:
            assert sorted(world.asked(port, name, rtype)) == sorted(wanted), (name, rtype)
        assert world.asked(port, "gw.example.org", "A") == ["127.20.0.7"]
        assert world.asked(port, "az-eu-n.gw.example.org", "A") == ["127.20.0.6"]
    before = {zone: world.serial(world.server.dns[1], zone) for zone in ZONES}
    for zone, serial in (("example.net", None), ("example.org", "2")):
        path = world.catalog / f"{zone}.zone"
        text = path.read_text() + "fresh IN A 192.0.2.111\n"
        path.write_text(text.replace("hostmaster 1 ", f"hostmaster {serial} ") if serial else text)
    done = world.server.itm("catalog", "apply", str(world.catalog))
    assert done.returncode == 0, done.stderr
    for name, port in world.secondaries.items():
        for zone in ZONES:
            wait_until(
                lambda port=port, zone=zone: world.asked(port, f"fresh.{zone}", "A") == ["192.0.2.111"],  # type: ignore[misc]
                FOLLOWS_SECONDS,
                f"{name} follows {zone}: {tail(world.folder / name / f'{name}.log')}",
            )
            assert world.serial(port, zone) == world.serial(world.server.dns[1], zone) != before[zone]
    wait_until(lambda: listed(world).count("NOERROR") == 4, 10, "the list shows four answers")
    with copied(world) as other:
        for zone in ZONES:
            assert world.asked(other, zone, "SOA") == world.asked(world.server.dns[1], zone, "SOA")


@contextlib.contextmanager
def copied(world: World) -> Iterator[int]:
    """A second server of ours that has nothing but the first one's files; its port."""
    state = world.folder / "copy"
    state.mkdir()
    shutil.copy(world.folder / "state" / "signatures", state)
    shutil.copytree(world.folder / "state" / "maps", state / "maps")
    (port,) = free_ports(1)
    sets = (f"state={state}", f"dns.listen=127.0.0.1:{port}", "dns.cookies=false")
    words = [word for one in sets for word in ("--set", one)]
    with running([sys.executable, "-m", "itm", "worker", "dns", *words], state / "out"):
        wait_until(lambda: world.serial(port, "example.net") != "-", 15, "the copy answers")
        yield port


def listed(world: World) -> str:
    done = world.server.itm("zone", "list")
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_who_may_transfer_and_what(world: World) -> None:
    """A wrong secret is told, without a key nothing is sent; ldns-verify-zone, named-checkzone find no error
    in the zone files of both zones.
    """
    assert "fresh" not in world.kdig("example.net", "AXFR")
    assert "gw.example.net." in world.kdig("example.net", "AXFR")
    wrong = world.kdig("example.net", "AXFR", key=base64.b64encode(b"x" * 32).decode())
    assert "BADSIG" in wrong or "NOTAUTH" in wrong
    assert "IN" not in wrong.split()
    assert "REFUSED" in world.kdig("example.net", "AXFR", key="")
    soa = world.kdig("example.net", "SOA", "+notcp")
    assert "NOERROR" in soa
    assert "TSIG" in soa
    verify = need("ldns-verify-zone", "ldnsutils")
    check = need("named-checkzone", "bind9-utils")
    for zone in ZONES:
        path = world.exported(zone)
        done = subprocess.run(
            [check, "-i", "local", zone, str(path)], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert done.stdout.endswith("OK\n")
    path = world.exported("example.net")
    done = subprocess.run([verify, "-V", "2", str(path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_validating_resolver_trusts_the_secondaries(world: World) -> None:
    """unbound, anchored at our DS, over nsd and over knot: every answer and denial is secure."""
    unbound = need("unbound", "unbound")
    for name, secondary in world.secondaries.items():
        folder = world.folder / f"unbound-{name}"
        folder.mkdir()
        (port,) = free_ports(1)
        words = {
            "address": "127.0.0.1",
            "port": port,
            "folder": folder,
            "anchor": anchor(world.folder / "state"),
        }
        text = UNBOUND.format(**words, host="127.0.0.1", server_port=secondary)
        (folder / "unbound.conf").write_text(text)
        with running([unbound, "-d", "-c", str(folder / "unbound.conf")], folder / "out"):
            wait_until(lambda port=port: bool(world.asked(port, "gw.example.net", "A")), 15, "unbound is up")  # type: ignore[misc]
            for asked, rtype, wanted in STATIC:
                assert sorted(world.asked(port, asked, rtype)) == sorted(wanted), (name, asked, rtype)
                assert "ad" in flags(port, asked, rtype), (name, asked, rtype)
            assert "bogus" not in (folder / "unbound.log").read_text()


def flags(port: int, name: str, rtype: str) -> list[str]:
    command = [need("dig", "dnsutils"), "@127.0.0.1", "-p", str(port), "+dnssec", name, rtype]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    line = next(line for line in done.stdout.splitlines() if line.startswith(";; flags:"))
    return line.removeprefix(";; flags:").partition(";")[0].split()
