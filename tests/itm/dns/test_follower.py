"""Which map a worker serves: the pointer, what is sound, and what is signed."""

from __future__ import annotations

from pathlib import Path

import pytest

from itm.dns import signatures
from itm.dns.book import Book, empty
from itm.dns.follower import Follower
from itm.routemap.current import path_of
from itm.routemap.current import publish as point
from itm.routemap.health import HealthReader
from tests.itm.dns.asking import demo_map
from tests.itm.dns.maps import publish
from tests.itm.dns.signing import flagged, sign


def following(tmp_path: Path) -> Follower:
    return Follower(tmp_path / "maps", HealthReader(tmp_path / "health"), tmp_path / signatures.FILE)


def test_a_damaged_live_map_at_start(tmp_path: Path) -> None:
    """A node that starts takes the newest sound map when the live one is broken."""
    maps = tmp_path / "maps"
    for version in (1, 2, 3):
        publish(maps, version)
    path_of(maps, 3).write_bytes(b"rubbish")
    follower = following(tmp_path)
    found = follower.load(empty())
    assert found is not None
    assert found[0].routemap is not None
    assert (found[0].routemap.version, follower.refused) == (2, 1)
    assert follower.load(found[0]) is None


def _version(found: tuple[Book, int] | None) -> int | None:
    return found[0].routemap.version if found is not None and found[0].routemap is not None else None


@pytest.mark.parametrize("pointer", [None, "", "x", "\0\0"])
def test_a_lost_pointer_at_start(
    tmp_path: Path, pointer: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    """The newest sound map is served and it is told once; the pointer wins when it is back."""
    maps = tmp_path / "maps"
    for version in (1, 2, 3):
        publish(maps, version)
    path_of(maps, 3).write_bytes(b"rubbish")
    (maps / "current").unlink() if pointer is None else (maps / "current").write_text(pointer)
    follower = following(tmp_path)
    found = follower.load(empty())
    assert found is not None
    assert _version(found) == 2
    assert [follower.load(found[0]), follower.load(found[0])] == [None, None]
    assert caplog.messages.count("map.pointer_lost") == 1
    point(maps, 1)
    assert _version(follower.load(found[0])) == 1


def test_a_pointer_lost_while_serving(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The map in use stays, also a pinned older one; each loss is told."""
    maps = tmp_path / "maps"
    for version in (2, 1):
        publish(maps, version)
    follower = following(tmp_path)
    found = follower.load(empty())
    assert found is not None
    assert _version(found) == 1
    for times in (1, 2):
        (maps / "current").unlink()
        assert [follower.load(found[0]) for _ in range(3)] == [None] * 3
        assert caplog.messages.count("map.pointer_lost") == times
        point(maps, 1)
        assert follower.load(found[0]) is None


def test_a_first_map_without_its_pointer_yet(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Between a map's file and the first pointer nothing is lost; a file that stays alone is taken."""
    maps = tmp_path / "maps"
    follower = following(tmp_path)
    assert follower.load(empty()) is None
    publish(maps, 1)
    (maps / "current").unlink()
    assert follower.load(empty()) is None
    assert "map.pointer_lost" not in caplog.messages
    assert _version(follower.load(empty())) == 1


def test_unsound_maps_without_a_pointer_are_read_once(tmp_path: Path) -> None:
    """They are told of at the first look, not twice a second."""
    maps = tmp_path / "maps"
    publish(maps, 1)
    (maps / "current").unlink()
    path_of(maps, 1).write_bytes(b"rubbish")
    follower = following(tmp_path)
    assert [follower.load(empty()) for _ in range(3)] == [None] * 3
    assert follower.refused == 1


def test_a_signed_map_waits_for_its_signatures(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Until the signer is done the old map is served, and that is told once; then the new one at once."""
    maps, file = tmp_path / "maps", tmp_path / signatures.FILE
    publish(maps, 1)
    follower = following(tmp_path)
    first = follower.load(empty())
    assert first is not None
    publish(maps, 2, routemap=flagged(demo_map()))
    assert [follower.load(first[0]) for _ in range(3)] == [None] * 3
    assert caplog.messages.count("map.not_signed") == 1
    signatures.write(file, sign(flagged(demo_map())))
    second = follower.load(first[0])
    assert second is not None
    assert (_version(second), second[0].zones.signatures.ends_at > 0) == (2, True)
    assert follower.load(second[0]) is None


def test_fresh_signatures_are_taken_up(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A new file makes a new book of the same map; a damaged one changes nothing."""
    maps, file = tmp_path / "maps", tmp_path / signatures.FILE
    signatures.write(file, sign(flagged(demo_map())))
    publish(maps, 1, routemap=flagged(demo_map()))
    follower = following(tmp_path)
    first = follower.load(empty())
    assert first is not None
    file.write_bytes(b"rubbish")
    assert follower.load(first[0]) is None
    assert caplog.messages.count("signatures.refused") == 1
    fresh = sign(flagged(demo_map()))
    signatures.write(file, fresh)
    second = follower.load(first[0])
    assert second is not None
    assert second[0].zones.signatures.rrsigs == fresh.rrsigs
