"""ITM and the gateway together: DNS picks the POP, a drain moves its session, its death costs nothing."""

from __future__ import annotations

import json
import re
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.conftest import StartServer
from tests.e2e.gateway.clients import Echoing, launched
from tests.e2e.gateway.stack import Stack, gateway
from tests.e2e.gateway.test_survival import check, count, wait_for
from tests.e2e.serving import Server, free_ports
from tests.programs import need, tail, wait_until

A, B = "127.31.0.1", "127.31.0.2"
JAPAN = "133.11.0.0/24"
CATALOG = """
healthcheck: {{protocol: https, port: {port}, interval_seconds: 0.3, timeout_seconds: 1, rise: 2, fall: 2}}
zones: [example.net.zone]
services:
  gw.example.net.:
    ttl: 20
    pools: {{world: {{values: [pop-a, pop-b]}}}}
    rules: [{{pool: world}}]
pops:
  pop-a: {{provider: own, city: Tokyo, country: JP, lat: 35.7, lon: 139.7, ipv4: {a}}}
  pop-b: {{provider: own, city: Paris, country: FR, lat: 48.9, lon: 2.4, ipv4: {b}}}
"""
ZONE = "$TTL 300\n@ SOA ns1 hostmaster 1 3600 600 86400 60\n@ NS ns1\nns1 A 192.0.2.53\n"


class Story:
    """A gateway whose two POPs are the catalog of an ITM server."""

    def __init__(self, stack: Stack, server: Server, folder: Path) -> None:
        self.stack, self.server = stack, server
        (self.port,) = free_ports(1)
        token = server.itm("token", "create", "--name", "pops", "--scope", "feed")
        assert token.returncode == 0, token.stderr
        self.token = folder / "itm.token"
        self.token.write_text(token.stdout.split()[0])
        self._apply(folder / "catalog")
        for name, address in (("pop-a", A), ("pop-b", B)):
            self._start_pop(name, address)
        known = [word for address in (A, B) for word in ("--pop", f"{address}:{self.port}")]
        connector = stack.start_connector(*known, pops=())
        wait_for(connector.log, "control.standing", 2)

    def _apply(self, folder: Path) -> None:
        folder.mkdir()
        (folder / "catalog.yaml").write_text(CATALOG.format(port=self.port, a=A, b=B))
        (folder / "example.net.zone").write_text(ZONE)
        applied = self.server.itm("catalog", "apply", str(folder), "--force")
        assert applied.returncode == 0, applied.stderr

    def _start_pop(self, name: str, address: str) -> None:
        stack, own = self.stack, f"{address}:{self.port}"
        one_time = stack.desk("pop", "token", name, "--address", own).splitlines()[0]
        others = [w for a in (A, B) for w in ("--alternate", f"localhost@{a}:{self.port}")]
        stack.start(
            name,
            *("pop", "--state", str(stack.folder / name), "--listen", own),
            *("--broker", f"https://127.0.0.1:{stack.ports['api']}", "--token", one_time),
            *("--ca", str(stack.ca), "--ping-seconds", "1", "--drain-seconds", "4", *others),
            *("--itm", f"http://{self.server.ops}", "--itm-token-file", str(self.token)),
            ready="pop.ready",
        )

    def answer(self) -> str:
        return self.server.address_for(JAPAN)

    def launch_file(self) -> Path:
        """A launch file that names the POP which DNS answers now."""
        file = self.stack.launch_file("echo")
        text = re.sub("SSLProxyHost=.*", f"SSLProxyHost={self.answer()}:{self.port}", file.read_text())
        file.write_text(text)
        return file

    def known(self, pop: str) -> tuple[str, float]:
        """What ITM knows of a POP: its state and its sessions."""
        with urllib.request.urlopen(f"http://{self.server.ops}/api/v1/pops", timeout=5) as answer:
            one = next(one for one in json.load(answer)["pops"] if one["id"] == pop)
        return one["state"], one["load"]["sessions"] if one["load"] else 0

    def metric(self, line: str) -> float:
        with urllib.request.urlopen(f"http://{self.server.ops}/metrics", timeout=5) as answer:
            found = re.search(re.escape(line) + r" (\S+)", answer.read().decode())
        return float(found[1]) if found else 0.0


@pytest.fixture
def story(start: StartServer, tmp_path: Path) -> Iterator[Story]:
    need("dig", "dnsutils")
    (tmp_path / "gateway").mkdir()
    with gateway(tmp_path / "gateway", pops=(), with_connector=False) as stack:
        made = Story(stack, start(), tmp_path)
        wait_until(lambda: made.answer() == A, 20, "the client in Japan is sent to Tokyo")
        yield made


@pytest.mark.long
def test_a_pop_is_drained_then_killed(story: Story) -> None:
    """The session moves with its bytes in flow, new launches go elsewhere, and the POP comes back."""
    stack, server = story.stack, story.server
    pop_a = stack.running["pop-a"]
    with launched(stack, file=story.launch_file()) as launcher:
        echoing = Echoing(launcher.port, mega_bytes=30, mega_bytes_per_second=4, until_enough=True)
        wait_until(lambda: echoing.got > 1_000_000, 15, "bytes come back")
        wait_until(
            lambda: story.metric('itm_measurements_total{source="session"}') >= 2, 15, "what POP A measured"
        )
        assert story.known("pop-a") == ("up", 1)

        assert server.itm("pop", "drain", "pop-a", "--reason", "kernel update").returncode == 0
        heard = wait_until(lambda: "pop.drained" in pop_a.text(), 5, "POP A hears it")
        assert heard + wait_until(lambda: story.answer() == B, 5, "new clients are sent to B") < 2
        wait_for(launcher.log, "session.resumed", 1)
        assert count(launcher.log, "wire.lost") == 0, tail(launcher.log)
        wait_until(
            lambda: story.known("pop-a") == ("drained", 0), 15, "POP A is empty, and not taken for down"
        )

        pop_a.kill()
        wait_until(lambda: story.known("pop-a")[0] == "down", 15, "the checks see it")
        assert story.answer() == B
        with launched(stack, file=story.launch_file()) as second:
            short = Echoing(second.port, mega_bytes=1, mega_bytes_per_second=4)
            check(short.result(20), 1)
        echoing.enough.set()
        result = echoing.result(30)
        check(result, 30)
        assert (count(launcher.log, "session.resumed"), count(launcher.log, "wire.lost")) == (1, 0)
        print(f"longest gap {result.longest_gap_seconds * 1000:.0f} ms")

    pop_a = stack.restart("pop-a")
    assert server.itm("pop", "clear", "pop-a").returncode == 0
    wait_until(lambda: story.answer() == A, 15, "A is answered again")
    with launched(stack, file=story.launch_file()) as third:
        check(Echoing(third.port, mega_bytes=1, mega_bytes_per_second=4).result(20), 1)
