from __future__ import annotations

import dataclasses
import stat
from pathlib import Path

import pytest

from itm.dns.dnssec import ALGORITHMS
from itm.dns.keystore import Keystore
from itm.dns.name import encode
from itm.errors import ConfigError

ORIGIN = encode("example.net.")


@pytest.mark.parametrize("algorithm", ALGORITHMS.values(), ids=list(ALGORITHMS))
def test_keys_are_kept(tmp_path: Path, algorithm: int) -> None:
    """Role, stage and key come back; nobody else can read the file."""
    store = Keystore(tmp_path, ORIGIN)
    with store.locked():
        made = store.make("zsk", "published", algorithm, 1.7e9)
    (found,) = store.load()
    assert (found.life, found.tag, found.signing.public) == (made.life, made.tag, made.signing.public)
    assert found.life.id == f"20231114221320-{made.tag:05d}"
    (path,) = store.directory.glob("*.key")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(store.directory.stat().st_mode) == 0o700
    assert b"PRIVATE KEY" in path.read_bytes()


def test_a_key_changes_and_goes(tmp_path: Path) -> None:
    """Saving again replaces the file, removing forgets it; each changes the stamp."""
    store = Keystore(tmp_path, ORIGIN)
    with store.locked():
        made = store.make("csk", "active", 13, 1.7e9)
        before = store.stamp()
        store.save(dataclasses.replace(made, life=dataclasses.replace(made.life, ds_seen_at=5.0)))
        assert store.load()[0].life.ds_seen_at == 5.0
        assert store.stamp() != before
        store.remove(made.life.id)
    assert store.load() == store.stamp() == ()


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    """Neither JSON nor a key: the error says which file."""
    store = Keystore(tmp_path, ORIGIN)
    with store.locked():
        made = store.make("csk", "active", 13, 1.7e9)
    path = store.directory / f"{made.life.id}.key"
    for text in ("", "{}", path.read_text().replace("BEGIN", "END")):
        path.write_text(text)
        with pytest.raises(ConfigError, match="not a zone key"):
            store.load()


def test_the_root_has_a_directory_too(tmp_path: Path) -> None:
    """A name becomes one folder, whatever is in it."""
    assert Keystore(tmp_path, b"\0").directory == tmp_path / "root"
    assert Keystore(tmp_path, encode("a/b.example.")).directory.parent == tmp_path
