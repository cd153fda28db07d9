"""The servers under test, and one that is wrong on purpose: one zone text, a name below `example` for each.

They run in a network namespace of our own, where public addresses are free. All but gdnsd, which knows no
DNSSEC, serve it signed: we by our signer, the others a file that ldns signed.
"""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.e2e.internet import Delegation, nsd, running, sign
from tests.e2e.serving import ROOT, serving
from tests.programs import dig, need, tail, wait_until

ROOT_SERVER: Final = "193.0.14.129"
PARENTS: Final = ("192.5.6.30", "199.43.135.53")
TLD: Final = "example"
LOCAL: Final = "127.0.0.1"
ZONE: Final = """\
$TTL 3600
@ IN SOA ns1 hostmaster 2026010101 14400 3600 1209600 3600
@ IN NS ns1
@ IN NS ns2
@ IN MX 10 mail
@ IN TXT "v=spf1 mx -all"
@ IN CAA 0 issue "ca.example"
ns1 IN A {first}
ns2 IN A {second}
mail IN A {first}
www IN CNAME static
static IN A 192.36.148.80
static IN AAAA 2001:67c:1::80
static IN HTTPS 1 . alpn="h2,h3"
a.ent IN TXT "below an empty non-terminal"
*.apps IN A 192.36.148.90
_sip._tcp IN SRV 10 60 5061 mail
"""
STEERED: Final = "gw IN A 127.20.0.28\ngw IN AAAA 2001:db8:20::28\n"
NAMES: Final = ("mail", "", "gw", "www", "static", "x.apps", "no", "ent")
"""The MX target first: dnsviz 0.11.2 breaks when it meets one while it judges the zone that has it."""


@dataclass(frozen=True)
class Served:
    """A server that runs: its delegation, and the command that prints its zone as a transfer gives it."""

    name: str
    delegation: Delegation
    export: tuple[str, ...]

    @property
    def zone(self) -> str:
        return self.delegation.zone


Start = Callable[[Path, str, tuple[str, str]], contextlib.AbstractContextManager[Served]]


def text_of(addresses: tuple[str, str]) -> str:
    """Return the zone's static records."""
    return ZONE.format(first=addresses[0], second=addresses[1])


def _served(name: str, zone: str, addresses: tuple[str, str], ds: str, *export: str) -> Served:
    servers = dict(zip((f"ns1.{zone}", f"ns2.{zone}"), addresses, strict=True))
    axfr = ("dig", f"@{addresses[0]}", "+onesoa", "+noall", "+answer", "-b", LOCAL, zone, "AXFR")
    return Served(name, Delegation(zone, servers, (ds,) if ds else ()), export or axfr)


def _signed(folder: Path, zone: str, addresses: tuple[str, str]) -> str:
    """Write the zone and its signed form; return its DS."""
    folder.mkdir()
    lines = [f"$ORIGIN {zone}.", *(text_of(addresses) + STEERED).splitlines()]
    return sign(folder, f"{zone}.", lines)


def _answers(zone: str, addresses: tuple[str, str], log: Path) -> None:
    for address in addresses:
        wait_until(
            lambda: bool(dig(zone, "SOA", server=address, port=53)),  # noqa: B023 - called at once
            20,
            f"{zone} is served: {tail(log)}",
        )


@contextlib.contextmanager
def itm_served(folder: Path, zone: str, addresses: tuple[str, str]) -> Iterator[Served]:
    """Ours: the demo's POPs steer `gw`."""
    folder.mkdir()
    catalog, state = folder / "catalog", folder / "state"
    shutil.copytree(ROOT / "data" / "demo", catalog)
    state.mkdir()
    (catalog / f"{zone}.zone").write_text(text_of(addresses))
    text = (catalog / "catalog.yaml").read_text()
    text = text.replace("zones: [example.net.zone]", f"zones: [{{file: {zone}.zone, dnssec: true}}]")
    text = text.replace("rum: {probe_zone: p.example.net}", "")
    (catalog / "catalog.yaml").write_text(text.replace("gw.example.net.", f"gw.{zone}."))
    sets = {"demo.catalog": str(catalog), "dns.listen": ",".join(f"{a}:53" for a in addresses)}
    with serving(state, sets) as server:
        _answers(zone, addresses, server.log)
        ds = server.itm("zone", "ds", zone).stdout.split("DS")[1].strip()
        yield _served("itm", zone, addresses, ds, "itm", "zone", "export", zone, *server.words)


@contextlib.contextmanager
def nsd_served(folder: Path, zone: str, addresses: tuple[str, str]) -> Iterator[Served]:
    """NSD, authoritative only, by NLnet Labs."""
    ds = _signed(folder, zone, addresses)
    with nsd(folder, addresses, {zone: f"{zone}.signed"}, f"  provide-xfr: {LOCAL} NOKEY\n"):
        _answers(zone, addresses, folder / "out")
        yield _served("nsd", zone, addresses, ds)


KNOT: Final = """\
server:
  listen: [{first}@53, {second}@53]
  rundir: "{folder}"
database:
  storage: "{folder}"
log:
  - target: stderr
    any: info
acl:
  - id: all
    address: {local}
    action: transfer
template:
  - id: default
    storage: "{folder}"
zone:
  - domain: {zone}
    file: "{zone}.signed"
    zonefile-load: whole
    acl: all
"""


@contextlib.contextmanager
def knot_served(folder: Path, zone: str, addresses: tuple[str, str]) -> Iterator[Served]:
    """Knot DNS, authoritative only, by CZ.NIC."""
    ds = _signed(folder, zone, addresses)
    _fill(folder / "knot.conf", KNOT, folder, zone, addresses)
    with running([need("knotd", "knot"), "-c", str(folder / "knot.conf")], folder / "out"):
        _answers(zone, addresses, folder / "out")
        yield _served("knot", zone, addresses, ds)


GDNSD: Final = """\
options => {{
  listen => [ {first}, {second} ],
  run_dir => {folder}/run,
  state_dir => {folder}/state,
}}
"""


@contextlib.contextmanager
def gdnsd_served(folder: Path, zone: str, addresses: tuple[str, str]) -> Iterator[Served]:
    """gdnsd, what Wikipedia steers with: no DNSSEC and no transfers, so the zone is what it was given."""
    for name in ("zones", "run", "state"):
        (folder / name).mkdir(parents=True)
    lines = [one for one in (text_of(addresses) + STEERED).splitlines() if " HTTPS " not in one]
    (folder / "zones" / zone).write_text("\n".join([*lines, ""]))
    _fill(folder / "config", GDNSD, folder, zone, addresses)
    with running([need("gdnsd", "gdnsd"), "-c", str(folder), "start"], folder / "out"):
        _answers(zone, addresses, folder / "out")
        yield _served("gdnsd", zone, addresses, "", "cat", str(folder / "zones" / zone))


PDNS: Final = """\
launch=bind
bind-config={folder}/named.conf
bind-dnssec-db={folder}/dnssec.db
local-address={first},{second}
local-port=53
allow-axfr-ips={local}
socket-dir={folder}
daemon=no
guardian=no
security-poll-suffix=
"""


@contextlib.contextmanager
def pdns_served(folder: Path, zone: str, addresses: tuple[str, str]) -> Iterator[Served]:
    """PowerDNS with the backend for zone files."""
    ds = _signed(folder, zone, addresses)
    _fill(folder / "pdns.conf", PDNS, folder, zone, addresses)
    named = f'zone "{zone}" {{ type master; file "{folder}/{zone}.signed"; }};\n'
    (folder / "named.conf").write_text(named)
    util = (need("pdnsutil", "pdns-server"), f"--config-dir={folder}")
    for words in (("create-bind-db", str(folder / "dnssec.db")), ("set-presigned", zone)):
        with running([*util, *words], folder / "util") as process:
            assert process.wait(timeout=20) == 0, tail(folder / "util")
    with running([need("pdns_server", "pdns-server"), f"--config-dir={folder}"], folder / "out"):
        _answers(zone, addresses, folder / "out")
        yield _served("pdns", zone, addresses, ds)


@contextlib.contextmanager
def control_served(folder: Path, zone: str, addresses: tuple[str, str]) -> Iterator[Served]:
    """NSD again, with a wrong DS above it and a zone that contradicts itself: a tester must say so."""
    with nsd_served(folder, zone, addresses) as right:
        tag, algorithm, kind, digest = right.delegation.ds[0].split()
        wrong = f"{tag} {algorithm} {kind} {digest[::-1]}"
        spoilt = f"{' '.join(right.export)}; echo ns1.{zone}. 60 IN CNAME ns2.{zone}."
        yield _served("control", zone, addresses, wrong, "sh", "-c", spoilt)


def _fill(path: Path, text: str, folder: Path, zone: str, addresses: tuple[str, str]) -> None:
    first, second = addresses
    path.write_text(text.format(folder=folder, zone=zone, first=first, second=second, local=LOCAL))


SERVERS: Final[dict[str, tuple[Start, tuple[str, str]]]] = {
    "itm": (itm_served, ("194.0.1.10", "185.49.140.10")),
    "nsd": (nsd_served, ("194.0.2.10", "185.49.141.10")),
    "knot": (knot_served, ("194.0.3.10", "185.49.142.10")),
    "gdnsd": (gdnsd_served, ("194.0.4.10", "185.49.143.10")),
    "pdns": (pdns_served, ("194.0.5.10", "185.49.144.10")),
    "control": (control_served, ("194.0.6.10", "185.49.145.10")),
}


@contextlib.contextmanager
def servers(folder: Path) -> Iterator[list[Served]]:
    """Run all of them until the end."""
    with contextlib.ExitStack() as stack:
        yield [
            stack.enter_context(start(folder / name, f"{name}.{TLD}", addresses))
            for name, (start, addresses) in SERVERS.items()
        ]
