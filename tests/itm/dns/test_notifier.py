"""The notifier on the loopback: what a secondary's socket gets, and what an operator can read of it."""

from __future__ import annotations

import asyncio
import base64
import dataclasses
import json
import socket
from collections.abc import Callable
from pathlib import Path

import dns.message
import dns.name

from itm.catalog.types import Secondary
from itm.dns import counters
from itm.dns.notifier import FILE, Notifier
from itm.dns.tsig import Key
from itm.dns.tsigkeys import KeyFile
from itm.routemap.routemap import RouteMap
from tests.itm.dns.asking import demo_map

KEY = Key(dns.name.from_text("k."), bytes(32), "hmac-sha256.")
NOW = 1.7e9


def served(state: Path, serial: int, at: float = NOW) -> None:
    counters.write(state / "dns-0.json", {"time": at, "serials": {"example.net.": serial}})


def shown(state: Path) -> dict[str, object]:
    (one,) = json.loads((state / FILE).read_text())["example.net."]
    assert isinstance(one, dict)
    return one


def with_secondary(one: Secondary) -> RouteMap:
    whole = demo_map()
    return dataclasses.replace(whole, zones=(dataclasses.replace(whole.zones[0], secondaries=(one,)),))


class Bench:
    """A secondary's socket and a notifier on a clock of the test's."""

    def __init__(self, state: Path, key: str = "") -> None:
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.bind(("127.0.0.1", 0))
        self.sock.setblocking(False)
        self.state, self.now = state, NOW
        self.map: RouteMap | None = with_secondary(Secondary("127.0.0.1", self.sock.getsockname()[1], key))
        path = state / "tsig"
        path.write_text(f"k hmac-sha256 {base64.b64encode(bytes(32)).decode()}\n")
        path.chmod(0o600)
        listen = ("0.0.0.0:53", "127.0.0.2:53", "127.0.0.3:53")
        self.notifier = Notifier(state, lambda: self.map, KeyFile(path), listen, lambda: self.now)

    async def told(self, *, answer: bool = True) -> dns.message.Message:
        """Take a NOTIFY, answer it as a secondary does; return it."""
        loop = asyncio.get_running_loop()
        wire, peer = await asyncio.wait_for(loop.sock_recvfrom(self.sock, 4096), 5)
        assert peer[0] == "127.0.0.2"  # the first address that queries come to
        message = dns.message.from_wire(wire, keyring=KEY)
        if answer:
            await loop.sock_sendto(self.sock, dns.message.make_response(message).to_wire(), peer)
        return message

    async def until(self, holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(5):
            while not holds():
                await asyncio.sleep(0.01)
                self.notifier.look()


def play(state: Path, key: str, scene: Callable[[Bench], object]) -> None:
    async def run() -> None:
        bench = Bench(state, key)
        with bench.sock:
            await scene(bench)  # type: ignore[misc]

    asyncio.run(run())


def test_a_new_serial_is_told_and_what_was_answered_is_shown(tmp_path: Path) -> None:
    """Signed with the secondary's key, from the address that it knows; once, until the serial moves."""

    async def scene(bench: Bench) -> None:
        bench.notifier.look()  # no worker serves anything yet
        served(tmp_path, 5)
        bench.notifier.look()
        message = await bench.told()
        assert message.had_tsig
        assert str(message.question[0]) == "example.net. IN SOA"
        await bench.until(lambda: shown(tmp_path)["answered_at"] == NOW)
        assert shown(tmp_path)["said"] == "NOERROR"
        bench.now += 100
        served(tmp_path, 5, bench.now)
        bench.notifier.look()
        served(tmp_path, 6, bench.now)
        bench.notifier.look()
        await bench.told()
        await bench.until(lambda: shown(tmp_path)["answered_at"] == NOW + 100)
        assert shown(tmp_path)["serial"] == 6

    play(tmp_path, "k.", scene)


def test_without_an_answer_it_is_told_again(tmp_path: Path) -> None:
    """Later and later; workers that are gone count for nothing."""

    async def scene(bench: Bench) -> None:
        served(tmp_path, 5)
        counters.write(tmp_path / "dns-1.json", {"time": NOW - 60, "serials": {"example.net.": 4}})
        bench.notifier.look()
        assert not (await bench.told(answer=False)).had_tsig
        bench.now += 1
        bench.notifier.look()
        await bench.told()
        await bench.until(lambda: shown(tmp_path)["answered_at"] is not None)
        assert shown(tmp_path)["tries"] == 2

    play(tmp_path, "", scene)


def test_a_key_that_is_not_there_is_said(tmp_path: Path) -> None:
    """Nothing is sent unsigned in its place."""

    async def scene(bench: Bench) -> None:
        served(tmp_path, 5)
        bench.notifier.look()
        await bench.until(lambda: shown(tmp_path)["said"] == "no key missing.")

    play(tmp_path, "missing.", scene)


def test_without_a_map_there_is_nobody_to_tell(tmp_path: Path) -> None:
    """A first start: the notifier waits."""

    async def scene(bench: Bench) -> None:
        bench.map = None
        served(tmp_path, 5)
        bench.notifier.look()
        assert json.loads((tmp_path / FILE).read_text()) == {}

    play(tmp_path, "", scene)
