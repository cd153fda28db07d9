from __future__ import annotations

from pathlib import Path

from itm.routemap.current import live_version, path_of, prune, publish, served_version, versions


def test_the_pointer_names_the_live_version(tmp_path: Path) -> None:
    """Nothing, then one version, then another; rubbish reads as nothing."""
    assert live_version(tmp_path) is None
    publish(tmp_path, 3)
    assert live_version(tmp_path) == 3
    publish(tmp_path, 2)
    assert live_version(tmp_path) == 2
    (tmp_path / "current").write_text("x")
    assert live_version(tmp_path) is None


def test_without_a_pointer_the_newest_map_is_served(tmp_path: Path) -> None:
    """A pointer that can be read wins, also with an older version."""
    assert served_version(tmp_path) is None
    for version in (1, 2, 3):
        path_of(tmp_path, version).touch()
    assert served_version(tmp_path) == 3
    publish(tmp_path, 2)
    assert served_version(tmp_path) == 2
    (tmp_path / "current").write_text("")
    assert served_version(tmp_path) == 3


def test_pruning_keeps_the_newest_and_the_live_one(tmp_path: Path) -> None:
    """A rolled-back map stays although it is old."""
    for version in range(1, 13):
        path_of(tmp_path, version).touch()
    publish(tmp_path, 2)
    assert prune(tmp_path, 3) == [1, *range(3, 10)]
    assert versions(tmp_path) == [2, 10, 11, 12]
    assert prune(tmp_path, 0) == [10, 11, 12]
    assert versions(tmp_path) == [2]
