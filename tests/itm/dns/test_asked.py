"""Queries are counted by network, whichever path answers them, and written so that nothing counts twice."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from itm.dns import book
from itm.dns.answer import Answerer
from itm.dns.asked import AskedFile
from itm.dns.node import Node
from itm.routemap import snapshot
from itm.routemap.current import path_of, publish
from itm.routemap.querycounts import QueryCounts, joined, unpack
from tests.itm.dns.asking import Ask, demo_map, ecs
from tests.itm.dns.nodes import GW, config, serve, udp

HOUR = 472_222
JAPAN, DOCUMENTED, SIX = 4 << 60 | 0x850B00, 4 << 60 | 0xC00002, 6 << 60 | 0x20010DB80000


def counted(*parts: Path) -> dict[tuple[str, int, bool], int]:
    c = joined(HOUR, [unpack(path.read_bytes()) for path in parts])
    who = zip(c.service.tolist(), c.key.tolist(), c.named.tolist(), c.count.tolist(), strict=True)
    return {(c.services[service], key, named): count for service, key, named, count in who}


def ask(answerer: Answerer, *options: tuple[int, bytes], peer: str = "192.0.2.77", times: int = 2) -> None:
    for _ in range(times):  # the first takes the long path, the others the short one
        assert answerer.answer(Ask("gw.example.net.", 1, options=options).packet(), peer) is not None


def test_a_query_counts_for_the_network_it_names_or_its_resolvers(tmp_path: Path) -> None:
    """Truncated to /24 and /48; a hidden client counts for its resolver; static names count for nobody."""
    answerer = Answerer(book.build(demo_map()))
    ask(answerer, ecs("133.11.0.0/24"))
    ask(answerer, ecs("2001:db8::/48"), times=3)
    ask(answerer, ecs("0.0.0.0/0"))
    ask(answerer)
    ask(answerer, peer="::ffff:192.0.2.9", times=1)
    ask(answerer, peer="2001:db8::5", times=1)
    answerer.answer(Ask("ns1.example.net.", 1).packet(), "192.0.2.77")
    AskedFile(tmp_path, "dns-0", lambda: HOUR * 3600.0).add(answerer.take_asked())
    gw = "gw.example.net."
    assert counted(*tmp_path.iterdir()) == {
        (gw, JAPAN, True): 2,
        (gw, SIX, True): 3,
        (gw, DOCUMENTED, False): 5,
        (gw, SIX, False): 1,
    }
    assert answerer.take_asked() == []


def test_what_was_asked_of_an_old_map_counts() -> None:
    """A new book takes over between two looks."""
    answerer = Answerer(book.build(demo_map()))
    ask(answerer)
    answerer.use(book.build(demo_map(), answerer.book))
    ask(answerer, times=1)
    assert sum(len(plain) for _, _, plain in answerer.take_asked()) == 3


def test_an_hours_file_holds_the_workers_totals(tmp_path: Path) -> None:
    """Replaced, never added to; another start or hour is another file; nothing asked, nothing written."""
    now = [HOUR * 3600.0]
    answerer = Answerer(book.build(demo_map()))
    first = AskedFile(tmp_path / "queries", "dns-0", lambda: now[0])
    first.add(answerer.take_asked())
    assert not (tmp_path / "queries").exists()
    for _ in range(3):
        ask(answerer, times=1)
        now[0] += 10
        first.add(answerer.take_asked())
    (path,) = (tmp_path / "queries").iterdir()
    assert sum(counted(path).values()) == 3
    ask(answerer)
    AskedFile(tmp_path / "queries", "dns-0", lambda: now[0]).add(answerer.take_asked())  # restarted
    ask(answerer)
    now[0] += 3600
    first.add(answerer.take_asked())
    found = sorted((tmp_path / "queries").iterdir())
    assert [sum(counted(one).values()) for one in found] == [3, 2, 2]
    assert [one.name.split("-")[0] for one in found] == [str(HOUR), str(HOUR), str(HOUR + 1)]


def test_a_workers_own_old_files_go(tmp_path: Path) -> None:
    """When nobody reads them for two days; what is not its own stays."""
    for name in (
        f"{HOUR - 49}-dns-0-1.counts",
        f"{HOUR - 48}-dns-0-1.counts",
        f"{HOUR - 99}-dns-1-1.counts",
        "x-dns-0-1.counts",
    ):
        (tmp_path / name).write_bytes(b"")
    answerer = Answerer(book.build(demo_map()))
    ask(answerer)
    AskedFile(tmp_path, "dns-0", lambda: HOUR * 3600.0).add(answerer.take_asked())
    left = {path.name for path in tmp_path.iterdir()}
    assert f"{HOUR - 49}-dns-0-1.counts" not in left
    assert len(left) == 4


def test_a_disk_that_refuses_loses_nothing(tmp_path: Path) -> None:
    """What could not be written is in the file that can."""
    answerer = Answerer(book.build(demo_map()))
    file = AskedFile(tmp_path / "queries", "dns-0", lambda: HOUR * 3600.0)
    ask(answerer)
    (tmp_path / "queries").write_text("no folder")
    with pytest.raises(OSError, match="queries"):
        file.add(answerer.take_asked())
    (tmp_path / "queries").unlink()
    ask(answerer)
    file.add(answerer.take_asked())
    assert sum(counted(*(tmp_path / "queries").iterdir()).values()) == 4


def test_a_node_writes_at_its_end_what_was_asked(tmp_path: Path) -> None:
    """The file of a worker that was told to stop is whole."""
    maps = tmp_path / "maps"
    maps.mkdir()
    snapshot.write(demo_map(), path_of(maps, 1))
    publish(maps, 1)

    async def talk(node: Node) -> None:
        await asyncio.gather(*(udp(node.addresses[0], GW.packet()) for _ in range(5)))

    serve(config(tmp_path, queries=tmp_path / "queries"), talk)
    (path,) = (tmp_path / "queries").iterdir()
    assert "-dns-0-" in path.name
    got: QueryCounts = unpack(path.read_bytes())
    assert (got.services, got.key.tolist(), got.named.tolist()) == (("gw.example.net.",), [JAPAN], [True])
    assert got.queries == 5
