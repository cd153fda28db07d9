"""Agents in other networks: real processes in namespaces of their own outvote a third; alone they cannot.

The server and its POPs stand in our own namespace; two agents reach them over links of their own. An agent is
cut off from a POP by giving the POP's address to its own loopback: it finds the port closed.
"""

from __future__ import annotations

import contextlib
import json
import secrets
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import StartServer
from tests.e2e.gateway.namespaces import Namespace, namespaces
from tests.e2e.serving import ROOT, Server, free_ports
from tests.gateway.certificates import Certificates
from tests.programs import dig, need, tail, wait_until

CATALOG = """
healthcheck: {{protocol: tcp, port: {port}, interval_seconds: 0.2, timeout_seconds: 0.5, rise: 2, fall: 2}}
zones: [example.net.zone]
services:
  gw.example.net.:
    ttl: 20
    pools: {{world: {{values: [tokyo, paris]}}}}
    rules: [{{pool: world}}]
pops:
  tokyo: {{provider: own, city: Tokyo, country: JP, lat: 35.7, lon: 139.7, ipv4: {near}}}
  paris: {{provider: own, city: Paris, country: FR, lat: 48.9, lon: 2.4, ipv4: {far}}}
"""
ZONE = "$TTL 300\n@ SOA ns1 hostmaster 1 3600 600 86400 60\n@ NS ns1\nns1 A 192.0.2.53\n"


@dataclass(frozen=True)
class World:
    """Two networks; `near` and `far` are the POPs' addresses, `doors` the server's, one in each network."""

    networks: tuple[Namespace, ...]
    doors: tuple[str, ...]
    near: str
    far: str


@contextlib.contextmanager
def world() -> Iterator[World]:
    """Lay the links; they vanish with the namespaces."""
    octet = secrets.randbelow(200) + 20
    with namespaces(2) as networks:
        for number, network in enumerate(networks, 1):
            ours, theirs = (f"c{side}{secrets.token_hex(4)}" for side in "ab")
            ip("link", "add", ours, "type", "veth", "peer", "name", theirs, "netns", network.name)
            ip("address", "add", f"10.{octet}.{number}.1/24", "dev", ours)
            ip("link", "set", ours, "up")
            network.ip("address", "add", f"10.{octet}.{number}.2/24", "dev", theirs)
            network.ip("link", "set", theirs, "up")
            network.ip("route", "add", "default", "via", f"10.{octet}.{number}.1")
        for last in (8, 9):
            ip("address", "add", f"10.{octet}.0.{last}/32", "dev", ours)
        doors = tuple(f"10.{octet}.{number}.1" for number in (1, 2))
        yield World(networks, doors, f"10.{octet}.0.8", f"10.{octet}.0.9")


def ip(*words: str) -> None:
    subprocess.run([need("ip", "iproute2"), *words], check=True, capture_output=True)


@dataclass
class Agent:
    """An agent's process in its network; `words` are its command."""

    network: Namespace
    words: tuple[str, ...]
    log: Path
    process: subprocess.Popen[bytes] | None = None

    def start(self, *words: str) -> None:
        command = [*self.network.within, sys.executable, "-m", "itm", "probe", "agent", *self.words, *words]
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(command, stdout=output, stderr=output, cwd=ROOT)

    def stop(self, number: int = signal.SIGKILL) -> int:
        assert self.process is not None
        self.process.send_signal(number)
        return self.process.wait(timeout=15)


def checks_of(server: Server) -> dict[str, Any]:
    """Return what each agent finds of `tokyo`, by name, and the reason of its state."""
    with urllib.request.urlopen(f"http://{server.ops}/api/v1/pops", timeout=5) as answer:
        (shown,) = (pop for pop in json.load(answer)["pops"] if pop["id"] == "tokyo")
    views = {view["agent"]: view["passes"] for view in shown["checks"][0]["agents"] if view["votes"]}
    return {"reason": shown["reason"], **views}


@pytest.mark.long
def test_two_agents_outvote_a_third(start: StartServer, tmp_path: Path) -> None:
    """One that is cut off changes nothing; two take the POP out although the server still reaches it."""
    certificates, [port, tls, *ports] = Certificates(tmp_path), free_ports(5)
    with world() as w, contextlib.ExitStack() as held:
        for address in (w.near, w.far):
            held.enter_context(socket.create_server((address, port), backlog=512))
        settings = {
            "dns__listen": f"127.0.0.1:{ports[0]}",
            "public__listen": f"127.0.0.1:{ports[1]}",
            "ops__listen": f"127.0.0.1:{ports[2]}",
            "public__tls_listen": ",".join(f"{door}:{tls}" for door in w.doors),
            "public__tls_certificate": str(certificates.server(names=("itm.test", *w.doors))),
            "probe__region": "home",
        }
        server = start(**settings)
        folder = tmp_path / "catalog"
        folder.mkdir()
        (folder / "catalog.yaml").write_text(CATALOG.format(port=port, near=w.near, far=w.far))
        (folder / "example.net.zone").write_text(ZONE)
        assert server.itm("catalog", "apply", str(folder), "--force").returncode == 0

        agents = []
        for name, network, door in zip(("nyc", "sin"), w.networks, w.doors, strict=True):
            made = server.itm("probe", "token", "create", "--name", name, "--region", f"of-{name}")
            (tmp_path / f"{name}.token").write_text(made.stdout)
            words = ("--server", f"https://{door}:{tls}", "--ca", str(certificates.ca))
            agent = Agent(network, (*words, "--state", str(tmp_path / name)), tmp_path / f"{name}.log")
            agent.start("--token-file", str(tmp_path / f"{name}.token"))
            held.callback(agent.stop)
            agents.append(agent)
        nyc, sin = agents

        def answer() -> set[str]:
            words = ("gw.example.net", "+subnet=133.11.0.0/24")
            return set(dig(*words, server=server.dns[0], port=server.dns[1]))

        def finds(**expected: bool) -> bool:
            found = checks_of(server)
            return {name: found.get(name) for name in expected} == expected

        wait_until(lambda: finds(local=True, nyc=True, sin=True), 30, f"three agents: {tail(nyc.log)}")
        wait_until(lambda: answer() == {w.near}, 10, "the near POP is served")

        nyc.network.ip("address", "add", f"{w.near}/32", "dev", "lo")
        wait_until(lambda: finds(local=True, nyc=False, sin=True), 15, "one agent is cut off")
        assert answer() == {w.near}
        assert (
            "checks pass; down in of-nyc (1 of 1 agents); up in home (1 of 1), of-sin (1 of 1)"
            in (checks_of(server)["reason"])
        )

        sin.network.ip("address", "add", f"{w.near}/32", "dev", "lo")
        wait_until(lambda: answer() == {w.far}, 15, "two regions take the POP out")
        assert finds(local=True, nyc=False, sin=False)

        assert server.stop() == 0
        server = start(**settings)
        assert answer() == {w.far}
        wait_until(lambda: finds(local=True, nyc=False, sin=False), 30, "agents report to the new server")
        assert answer() == {w.far}

        nyc.stop()
        nyc.network.ip("address", "delete", f"{w.near}/32", "dev", "lo")
        nyc.start()
        wait_until(lambda: answer() == {w.near}, 20, f"it came back without a token: {tail(nyc.log)}")
        assert finds(local=True, nyc=True, sin=False)

        shown = server.itm("pop", "show", "tokyo").stdout.splitlines()
        assert [line.split()[1:4] for line in shown[2:]] == [
            ["local", "home", "up"], ["nyc", "of-nyc", "up"], ["sin", "of-sin", "down"],
        ]  # fmt: skip
        assert server.itm("probe", "revoke", "sin").returncode == 0
        assert sin.process is not None
        assert sin.process.wait(timeout=15) == 2
        assert "the agent 'sin' was revoked" in sin.log.read_text()
        assert "sin" not in checks_of(server)
        listed = server.itm("probe", "list").stdout.splitlines()
        assert [line.split()[2] for line in listed[1:]] == ["enrolled", "enrolled", "revoked"]
