"""Real resolvers that start from a fake root, validate, and say whose network they ask for where they can."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.e2e.internet import Internet, running
from tests.programs import dig, need, tail, wait_until

PORT = 5357
ZONE = "example.net"


@dataclass(frozen=True)
class Resolver:
    """One program at one address; `has_ecs`: it sends Client Subnet to the zone's servers."""

    name: str
    address: str
    has_ecs: bool
    command: Callable[[Resolver, Path, Internet], list[str]]

    def ask(self, *words: str) -> list[str]:
        """Return the lines of `dig +short`."""
        return dig(*words, server=self.address, port=PORT)

    @contextlib.contextmanager
    def serving(self, folder: Path, world: Internet) -> Iterator[Resolver]:
        """Run it until the end; it is ready when it resolves a name of the zone."""
        folder.mkdir()
        with running(self.command(self, folder, world), folder / "log", cwd=folder) as process:

            def is_ready() -> bool:
                assert process.poll() is None, tail(folder / "log")
                return bool(self.ask(ZONE, "SOA"))

            wait_until(is_ready, 30, f"{self.name} resolves: {folder / 'log'}")
            yield self


UNBOUND = """\
server:
  interface: {address}@{port}
  outgoing-interface: {address}
  access-control: 127.0.0.0/8 allow
  do-ip6: no
  username: ""
  chroot: ""
  directory: "{folder}"
  pidfile: ""
  use-syslog: no
  do-daemonize: no
  do-not-query-localhost: no
  use-caps-for-id: yes
  val-log-level: 2
  trust-anchor: ". DS {anchor}"
  root-hints: "{hints}"
  module-config: "{modules}validator iterator"
  {subnet}
remote-control:
  control-enable: no
"""
UNBOUND_ECS = f"""\
client-subnet-zone: "{ZONE}"
  client-subnet-always-forward: yes
  max-client-subnet-ipv4: 24
"""
RECURSOR = """\
local-address={address}
local-port={port}
query-local-address={address}
allow-from=127.0.0.0/8
dont-query=
hint-file={hints}
dnssec=validate
lua-config-file={folder}/anchor.lua
socket-dir={folder}
config-dir={folder}
edns-subnet-allow-list=example.net
ecs-add-for=0.0.0.0/0
use-incoming-edns-subnet=yes
max-cache-ttl=86400
daemon=no
threads=1
"""
KRESD = """\
net.listen('{address}', {port}, {{ kind = 'dns' }})
net.outgoing_v4('{address}')
net.ipv6 = false
option('ALLOW_LOCAL', true)
cache.open(10 * MB, 'lmdb://{folder}/cache')
modules = {{ 'hints > iterate' }}
hints.root({{ {roots} }})
trust_anchors.remove('.')
trust_anchors.add('. 300 IN DS {anchor}')
"""
NAMED = """\
options {{
  directory "{folder}";
  listen-on port {port} {{ {address}; }};
  listen-on-v6 {{ none; }};
  query-source address {address};
  pid-file none;
  session-keyfile none;
  recursion yes;
  allow-recursion {{ 127.0.0.0/8; }};
  dnssec-validation yes;
  empty-zones-enable no;
}};
zone "." {{ type hint; file "{hints}"; }};
trust-anchors {{ . static-ds {anchor}; }};
controls {{ }};
"""


def unbound(one: Resolver, folder: Path, world: Internet) -> list[str]:
    """Write unbound's configuration; return its command."""
    modules, subnet = ("subnetcache ", UNBOUND_ECS) if one.has_ecs else ("", "")
    path = _written(UNBOUND, "conf", one, folder, world, modules=modules, subnet=subnet)
    return [need("unbound", "unbound"), "-d", "-c", str(path)]


def recursor(one: Resolver, folder: Path, world: Internet) -> list[str]:
    """Likewise for pdns-recursor."""
    (folder / "anchor.lua").write_text(f"clearTA('.')\naddTA('.', \"{world.anchor}\")\n")
    _written(RECURSOR, "recursor.conf", one, folder, world)
    return [need("pdns_recursor", "pdns-recursor"), f"--config-dir={folder}"]


def kresd(one: Resolver, folder: Path, world: Internet) -> list[str]:
    """Likewise for knot-resolver."""
    glue = [line.split() for line in world.hints.read_text().splitlines() if " A " in line]
    roots = ", ".join(f"['{words[0]}'] = {{ '{words[-1]}' }}" for words in glue)
    path = _written(KRESD, "conf", one, folder, world, roots=roots)
    return [need("kresd", "knot-resolver"), "-n", "-c", str(path), str(folder)]


def named(one: Resolver, folder: Path, world: Internet) -> list[str]:
    """Likewise for BIND 9, which listens only at addresses that an interface names."""
    tag, algorithm, kind, digest = world.anchor.split()
    path = _written(NAMED, "conf", one, folder, world, anchor=f'{tag} {algorithm} {kind} "{digest}"')
    return [need("named", "bind9"), "-g", "-c", str(path)]


def _written(text: str, name: str, one: Resolver, folder: Path, world: Internet, **more: str) -> Path:
    fields = {"address": one.address, "folder": folder, "hints": world.hints, "anchor": world.anchor} | more
    (folder / name).write_text(text.format(port=PORT, **fields))
    return folder / name


RESOLVERS = (
    Resolver("unbound-ecs", "127.53.2.11", True, unbound),
    Resolver("unbound", "127.53.2.12", False, unbound),
    Resolver("pdns-recursor-ecs", "127.53.2.13", True, recursor),
    Resolver("knot-resolver", "127.53.2.14", False, kresd),
    Resolver("bind9", "127.0.0.1", False, named),
)
