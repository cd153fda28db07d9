"""Who stands where, from the running broker to the commands."""

from __future__ import annotations

from pathlib import Path

from gateway.broker.standing import FILE, KEEP_SECONDS, WRITE_SECONDS, Report, Standing, load
from gateway.protocol.control import Announce
from tests.gateway.broker.world import Clock

LINE = Announce("c-1", "site", 3, 10, False, ("desk-7",), "0.1.0", 50, 1)


def test_what_several_pops_say_of_one_connector(tmp_path: Path) -> None:
    """One report; a channel that is being left makes no connector that drains."""
    clock = Clock()
    standing = Standing(tmp_path, clock)
    leaving = Announce("c-1", "site", 4, 10, True, ("desk-7",), "0.1.0", 50, 1)
    standing.note([("fra", LINE), ("ams", leaving)])
    standing.save()
    expected = Report(("ams", "fra"), 4, 10, False, ("desk-7",), "0.1.0", 50, 1, clock.now)
    assert load(tmp_path) == {"c-1": expected}


def test_who_is_gone_is_remembered_for_a_while(tmp_path: Path) -> None:
    """With when it was last there, over a restart of the broker too."""
    clock = Clock()
    seen = clock.now
    first = Standing(tmp_path, clock)
    first.note([("fra", LINE)])
    first.save()
    clock.now += 60
    second = Standing(tmp_path, clock)
    second.note([])
    second.save()
    assert (load(tmp_path)["c-1"].pops, load(tmp_path)["c-1"].seen_at) == ((), seen)
    clock.now += KEEP_SECONDS
    second.note([])
    second.save()
    assert load(tmp_path) == {}


def test_written_when_there_is_news_or_now_and_then(tmp_path: Path) -> None:
    """Not at every look: the disk has better things to do."""
    clock = Clock()
    standing = Standing(tmp_path, clock)
    written = []
    for seconds in (0.0, 1.0, WRITE_SECONDS, 1.0):
        clock.now += seconds
        standing.note([("fra", LINE)])
        (tmp_path / FILE).unlink(missing_ok=True)
        standing.save()
        written.append((tmp_path / FILE).exists())
    assert written == [True, False, True, False]


def test_a_damaged_file_is_no_file(tmp_path: Path) -> None:
    """It is written anew within seconds."""
    for text in ("{", "[]", '{"c-1": {}}', '{"c-1": 5}'):
        (tmp_path / FILE).write_text(text)
        assert load(tmp_path) == {}
