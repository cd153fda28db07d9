"""Browsers behind a real resolver teach who sits behind it, and move the answer that it gets."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from collectors import places as place_files
from collectors.network import Network
from tests.e2e.conftest import StartServer
from tests.e2e.internet import running
from tests.e2e.serving import ROOT, Server
from tests.itm.steer.worlds import DUTCH, JAPAN, places
from tests.programs import dig, need, need_port_53, tail, wait_until

AUTHORITY, RESOLVER = "127.53.5.1", "127.53.4.2"
PORT = 5354
NAME = "gw.example.net"
AMSTERDAM, TOKYO = "127.20.0.7", "127.20.0.9"
LATE_SECONDS = 30

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
  module-config: "iterator"
remote-control:
  control-enable: no
stub-zone:
  name: "example.net"
  stub-addr: {authority}
"""


def place_table(folder: Path) -> Path:
    """A world in which the resolver stands in the Netherlands, and Japan is where it is."""
    resolver, japan = Network.of(RESOLVER).unit, Network.of(JAPAN).unit & ~255
    dutch = int(places().place_of(Network.of(DUTCH)))
    edges = [(0, 0), (resolver, dutch), (resolver + 1, 0), (japan, 1), (japan + 256, 0)]
    path = folder / "places.itm"
    start, place = (np.array(column, dtype=np.uint32) for column in zip(*edges, strict=True))
    place_files.save(replace(places(), v4_start=start, v4_place=place), path)
    return path


def catalog(folder: Path) -> Path:
    """The demo, with a TTL that a test can wait for."""
    folder.mkdir()
    for file in (ROOT / "data" / "demo").iterdir():
        (folder / file.name).write_text(file.read_text().replace("ttl: 20", "ttl: 1"))
    return folder


@pytest.fixture
def server(start: StartServer, tmp_path: Path) -> Server:
    need_port_53(AUTHORITY)
    sets = {"demo__catalog": str(catalog(tmp_path / "catalog")), "dns__listen": f"{AUTHORITY}:53"}
    return start(geoip__places=str(place_table(tmp_path)), **sets)


@pytest.fixture
def resolver(server: Server, tmp_path: Path) -> Iterator[None]:
    """A real unbound that says nothing of its clients, and scrambles the case of names."""
    folder = tmp_path / "unbound"
    folder.mkdir()
    text = UNBOUND.format(address=RESOLVER, port=PORT, folder=folder, authority=AUTHORITY)
    (folder / "unbound.conf").write_text(text)
    command = [need("unbound", "unbound"), "-d", "-c", str(folder / "unbound.conf")]
    with running(command, folder / "out") as process:

        def is_ready() -> bool:
            assert process.poll() is None, tail(folder / "out")
            return bool(resolve("static.example.net"))

        wait_until(is_ready, 10, "unbound resolves")
        yield


def resolve(name: str) -> list[str]:
    return dig(name, server=RESOLVER, port=PORT)


def page_view(server: Server, client: str) -> None:
    """Ask for a session as a browser does, and look its name up where the browser would."""
    url = f"http://{server.public}/rum/v1/session"
    request = urllib.request.Request(url, data=b"", headers={"X-Forwarded-For": client})
    with urllib.request.urlopen(request, timeout=10) as answer:
        session = json.loads(answer.read())
    host = session["resolver"].split("/")[2]
    assert host.startswith(session["session"] + ".")
    assert resolve(host) == ["127.0.0.1"]


def metric(server: Server, line: str) -> float:
    with urllib.request.urlopen(f"http://{server.ops}/metrics", timeout=10) as answer:
        found = [text for text in answer.read().decode().splitlines() if text.startswith(line)]
    return float(found[0].split()[-1]) if found else 0.0


@pytest.mark.long
def test_clients_behind_a_resolver_move_its_answer(server: Server, resolver: None) -> None:
    """Four Japanese networks behind a Dutch resolver send it to Tokyo; client subnets go as ever."""
    assert resolve(NAME) == [AMSTERDAM]
    for number in range(4):
        page_view(server, f"133.11.{number}.7")
    wait_until(lambda: metric(server, 'itm_pairs_total{outcome="learned"}') == 4, 10, "all are learned")
    wait_until(lambda: resolve(NAME) == [TOKYO], LATE_SECONDS, "the resolver's answer moves")
    assert metric(server, 'itm_dns_sessions_total{outcome="told"}') >= 4
    assert metric(server, 'itm_dns_sessions_total{outcome="unproved"}') >= 4  # each first came over UDP

    for subnet, address in ((f"{RESOLVER}/24", AMSTERDAM), ("133.11.0.0/24", TOKYO)):
        assert server.address_for(subnet.replace(".2/", ".0/")) == address

    story = json.loads(server.itm("why", NAME, "--resolver", RESOLVER, "--json").stdout)
    assert (story["row"], story["answer"]["values"]) == ("resolver", [TOKYO])
    assert {one["network"] for one in story["clients"]} == {f"133.11.{n}.0/24" for n in range(4)}
    assert all(one["weight"] == pytest.approx(1.0, abs=0.01) for one in story["clients"])
