"""Keys turn over, POPs fail and catalogs change under a validating resolver that never sees a bogus answer.

A real unbound validates from a real parent (nsd, signed by ldns) and forgets what it learned after a second:
two hours of waiting for caches are three seconds here, as the keys' files are moved back in time by the rest.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import dns.exception
import dns.flags
import dns.message
import dns.query
import pytest

from itm.dns.keystore import Keystore, StoredKey
from itm.dns.name import encode
from tests.e2e.conftest import StartServer
from tests.e2e.serving import Server, free_ports
from tests.e2e.test_dnssec import delv, signed_catalog
from tests.programs import need, tail, wait_until

pytestmark = pytest.mark.long

DAY, HOUR = 86_400, 3600
CACHE_SECONDS = 3.0
"""More than unbound keeps anything, with what its clock rounds."""
HOST = "127.53.2.1"
PARENT_ZONE = """\
$ORIGIN net.
$TTL 1
@ SOA ns.net. hostmaster.net. {serial} 3600 600 86400 1
  NS ns.net.
ns A 127.53.2.1
example NS ns1.example
ns1.example A 127.53.2.2
"""
NSD = """\
server:
  ip-address: {host}@{port}
  do-ip6: no
  username: ""
  chroot: ""
  zonesdir: "{folder}"
  database: ""
  zonelistfile: "{folder}/zone.list"
  pidfile: "{folder}/nsd.pid"
  xfrdfile: "{folder}/xfrd.state"
  logfile: "{folder}/nsd.log"
remote-control:
  control-enable: no
zone:
  name: net
  zonefile: net.signed
"""
UNBOUND = """\
server:
  interface: {host}@{port}
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
  harden-dnssec-stripped: yes
  val-log-level: 2
  cache-max-ttl: 1
  cache-max-negative-ttl: 1
  trust-anchor-file: "{anchor}"
  module-config: "subnetcache validator iterator"
  send-client-subnet: {child}
  client-subnet-always-forward: yes
remote-control:
  control-enable: no
stub-zone:
  name: "net"
  stub-addr: {host}@{parent_port}
stub-zone:
  name: "example.net"
  stub-addr: {child}@{child_port}
"""


@dataclass
class Parent:
    """`net.`, signed with one key, served by nsd; `has` makes it point at a key of its child."""

    folder: Path
    port: int
    process: subprocess.Popen[bytes] | None = None
    serial: int = 0

    def start(self) -> None:
        self.folder.mkdir()
        words = (need("ldns-keygen", "ldnsutils"), "-a", "ECDSAP256SHA256", "-k", "net")
        made = subprocess.run(words, cwd=self.folder, capture_output=True, text=True, check=True)
        self.key = made.stdout.strip()
        text = NSD.format(host=HOST, port=self.port, folder=self.folder)
        (self.folder / "nsd.conf").write_text(text)

    @property
    def anchor(self) -> Path:
        return self.folder / f"{self.key}.key"

    def has(self, ds: str) -> None:
        """Publish the zone with this DS record of the child."""
        self.serial += 1
        (self.folder / "net.zone").write_text(PARENT_ZONE.format(serial=self.serial) + ds + "\n")
        words = (need("ldns-signzone", "ldnsutils"), "-f", "net.signed", "net.zone", self.key)
        subprocess.run(words, cwd=self.folder, capture_output=True, check=True)
        if self.process is None:
            words = (need("nsd", "nsd"), "-d", "-c", str(self.folder / "nsd.conf"))
            self.process = subprocess.Popen(words)
        else:
            os.kill(self.process.pid, signal.SIGHUP)
        wait_until(lambda: self._serial() == self.serial, 20, "nsd serves the parent as it is now")

    def _serial(self) -> int:
        try:
            told = dns.query.udp(dns.message.make_query("net.", "SOA"), HOST, port=self.port, timeout=1)
        except (dns.exception.Timeout, OSError):
            return 0
        return int(told.answer[0][0].serial) if told.answer else 0


@dataclass
class Watch:
    """Asks unbound without a pause and counts what it says: anything but validated is written down."""

    port: int
    seen: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    stopping: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        while not self.stopping.is_set():
            for name, rtype in (
                ("gw", "A"),
                ("gw", "MX"),
                ("", "SOA"),
                ("", "NS"),
                ("", "DNSKEY"),
                ("no", "A"),
            ):
                self.ask(f"{name}.example.net.".lstrip("."), rtype)
            self.ask(f"n{time.monotonic_ns()}.example.net.", "A")
            time.sleep(0.02)

    def ask(self, name: str, rtype: str) -> None:
        query = dns.message.make_query(name, rtype, want_dnssec=True)
        try:
            told = dns.query.udp(query, HOST, port=self.port, timeout=5)
        except (dns.exception.Timeout, OSError):
            self.seen["no answer"] += 1
            return
        is_good = told.rcode() in (0, 3) and bool(told.flags & dns.flags.AD)
        self.seen["validated" if is_good else "bad"] += 1
        if not is_good:
            self.faults.append(f"{name} {rtype}: {told.rcode()} {dns.flags.to_text(told.flags)}")


@dataclass
class Scene:
    """Everything that runs, and how time is moved."""

    server: Server
    parent: Parent
    watch: Watch
    keys: Keystore

    def lives(self) -> dict[str, list[StoredKey]]:
        """The keys by role, oldest first."""
        found: dict[str, list[StoredKey]] = {}
        for key in self.keys.load():
            found.setdefault(key.life.role, []).append(key)
        return found

    def stages(self, role: str) -> list[str]:
        return [key.life.stage for key in self.lives().get(role, [])]

    def later(self, seconds: float, until: Callable[[], bool], what: str) -> None:
        """Let caches forget, move the keys back in time, and wait for what then has to happen."""
        time.sleep(CACHE_SECONDS)
        with self.keys.locked():
            for key in self.keys.load():
                life = key.life
                seen = None if life.ds_seen_at is None else life.ds_seen_at - seconds
                self.keys.save(replace(key, life=replace(life, since=life.since - seconds, ds_seen_at=seen)))
        wait_until(until, 30, what)
        time.sleep(CACHE_SECONDS)
        self.hold()

    def hold(self) -> None:
        """Fail at the first answer that did not validate."""
        assert self.watch.faults == []

    def itm(self, *words: str) -> str:
        done = self.server.itm(*words)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


def ds_of(key: StoredKey) -> str:
    wire = key.signing.public.ds(encode("example.net.")).wire
    return f"example 1 DS {int.from_bytes(wire[:2], 'big')} {wire[2]} {wire[3]} {wire[4:].hex()}"


@pytest.fixture(params=["csk", "ksk-zsk"])
def scene(request: pytest.FixtureRequest, start: StartServer, tmp_path: Path) -> Iterator[Scene]:
    catalog = signed_catalog(tmp_path / "catalog")
    text = (catalog / "catalog.yaml").read_text()
    how = f"dnssec: {{algorithm: ecdsa-p256, keys: {request.param}, zsk_days: 30}}"
    if request.param == "ksk-zsk":
        (catalog / "catalog.yaml").write_text(text.replace("dnssec: true", how))
    parent_port, port = free_ports(2)
    parent = Parent(tmp_path / "parent", parent_port)
    parent.start()
    server = start(demo__catalog=str(catalog))
    keys = Keystore(tmp_path / "state" / "keys", encode("example.net."))
    folder = tmp_path / "unbound"
    folder.mkdir()
    child, child_port = server.dns
    (folder / "unbound.conf").write_text(
        UNBOUND.format(
            host=HOST, port=port, folder=folder, anchor=parent.anchor, child=child, parent_port=parent_port,
            child_port=child_port,
        )
    )  # fmt: skip
    watch = Watch(port)
    found = Scene(server, parent, watch, keys)
    (entry,) = found.lives()["ksk" if request.param == "ksk-zsk" else "csk"]
    unbound = None
    try:
        parent.has(ds_of(entry))
        unbound = subprocess.Popen((need("unbound", "unbound"), "-d", "-c", str(folder / "unbound.conf")))
        wait_until(lambda: validates(port), 20, f"unbound validates: {tail(folder / 'unbound.log')}")
        thread = threading.Thread(target=watch.run)
        thread.start()
        yield found
        watch.stopping.set()
        thread.join(timeout=30)
        assert "bogus" not in (folder / "unbound.log").read_text().lower()
    finally:
        watch.stopping.set()
        for process in (unbound, parent.process):
            if process is not None:
                process.terminate()
                process.wait(timeout=10)


def validates(port: int) -> bool:
    watch = Watch(port)
    watch.ask("gw.example.net.", "A")
    return watch.seen["validated"] == 1


def test_nothing_is_ever_bogus(scene: Scene, tmp_path: Path) -> None:
    """Failovers, a new record, a ZSK that turns over by itself, an entry point guided to the parent."""
    state = tmp_path / "state"
    role = "ksk" if scene.stages("ksk") else "csk"
    for words in (("drain", "az-jp-e"), ("down", "az-eu-w"), ("clear", "az-jp-e"), ("clear", "az-eu-w")):
        scene.itm("pop", *words)
        time.sleep(1.5)
        scene.hold()
    catalog = Path(shutil.copytree(tmp_path / "catalog", tmp_path / "changed"))
    with (catalog / "example.net.zone").open("a") as zone:
        zone.write('\nfresh 60 IN TXT "a record more"\nzz 60 IN CNAME gw\n')
    scene.itm("catalog", "apply", str(catalog), "--force")
    wait_until(
        lambda: "fully validated" in delv(scene.server, state, "fresh.example.net", "TXT"), 30, "it is served"
    )
    scene.hold()
    if role == "ksk":
        turn_zone_key(scene)
    turn_entry_point(scene, role)
    assert "; fully validated" in delv(scene.server, state, "gw.example.net", "A")
    scene.hold()
    assert scene.watch.seen["validated"] > 500
    assert scene.watch.seen["no answer"] < scene.watch.seen["validated"] / 50


def turn_zone_key(scene: Scene) -> None:
    """By itself: nobody does anything but wait."""
    (old,) = scene.lives()["zsk"]
    scene.later(30 * DAY, lambda: len(scene.stages("zsk")) == 2, "the next ZSK is published")
    assert scene.stages("zsk") == ["active", "published"]
    scene.later(2 * HOUR, lambda: scene.stages("zsk") == ["retired", "active"], "the next ZSK signs")
    scene.itm("pop", "drain", "az-jp-e")
    scene.later(2 * DAY, lambda: scene.stages("zsk") == ["active"], "the old ZSK is gone")
    scene.itm("pop", "clear", "az-jp-e")
    assert scene.lives()["zsk"][0].life.id != old.life.id


def turn_entry_point(scene: Scene, role: str) -> None:
    """As an operator does it, with the parent following."""
    (old,) = scene.lives()[role]
    scene.itm("zone", "roll", "example.net")
    wait_until(lambda: len(scene.stages(role)) == 2, 30, "the next entry point is published")
    scene.later(2 * HOUR, lambda: scene.stages(role) == ["active", "active"], "both sign")
    fresh = next(key for key in scene.lives()[role] if key.life.id != old.life.id)
    assert ds_of(fresh).split(maxsplit=3)[3] in scene.itm("zone", "ds", "example.net")
    scene.parent.has(ds_of(fresh))
    time.sleep(CACHE_SECONDS)
    scene.itm("zone", "ds-seen", "example.net", fresh.life.id)
    scene.later(DAY, lambda: sorted(scene.stages(role)) == ["active", "retired"], "the old one is retired")
    scene.later(2 * DAY, lambda: scene.stages(role) == ["active"], "the old one is gone")
    assert scene.lives()[role][0].life.id == fresh.life.id
