import stat
from dataclasses import replace
from pathlib import Path

from itm.config import Config, Demo
from itm.ops.first_start import TOKEN_FILE, prepare
from itm.store import catalogs, tokens
from itm.store.engine import open_engine


def config(state: Path, *, demo: bool = True) -> Config:
    return Config(state=str(state), demo=Demo(enabled=demo))


def test_first_start_leaves_a_database_the_demo_and_a_token(tmp_path: Path) -> None:
    """The token works, has all scopes, and nobody else on the machine can read it."""
    prepare(config(tmp_path), lambda: 1.0)
    engine = open_engine(config(tmp_path).store_url)
    pending = catalogs.latest_pending(engine)
    assert pending is not None
    assert "catalog.yaml" in pending.files
    path = tmp_path / TOKEN_FILE
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    token = tokens.verify(engine, path.read_text().strip(), 2.0)
    assert token is not None
    assert token.scopes == tokens.SCOPES


def test_a_second_start_changes_nothing(tmp_path: Path) -> None:
    """No second demo version, the same token; counters of workers that are gone are swept away."""
    prepare(config(tmp_path), lambda: 1.0)
    before = (tmp_path / TOKEN_FILE).read_text()
    (tmp_path / "dns-7.json").write_text("{}")
    prepare(config(tmp_path), lambda: 2.0)
    assert (tmp_path / TOKEN_FILE).read_text() == before
    assert len(catalogs.history(open_engine(config(tmp_path).store_url))) == 1
    assert not (tmp_path / "dns-7.json").exists()


def test_the_demo_does_not_replace_an_operators_catalog(tmp_path: Path) -> None:
    """--demo on a state directory with any version keeps its hands off."""
    prepare(config(tmp_path, demo=False), lambda: 1.0)
    engine = open_engine(config(tmp_path).store_url)
    assert catalogs.history(engine) == ()
    catalogs.add_pending(engine, {"catalog.yaml": "pops: {}"}, author="ops", now=1.0)
    prepare(config(tmp_path), lambda: 2.0)
    assert [version.author for version in catalogs.history(engine)] == ["ops"]


def test_a_token_that_no_longer_works_is_replaced(tmp_path: Path) -> None:
    """After a restored or new database the CLI works again."""
    prepare(config(tmp_path), lambda: 1.0)
    other = replace(config(tmp_path), store=replace(Config().store, url=f"sqlite:///{tmp_path / 'new.db'}"))
    prepare(other, lambda: 2.0)
    secret = (tmp_path / TOKEN_FILE).read_text().strip()
    assert tokens.verify(open_engine(other.store_url), secret, 3.0) is not None
