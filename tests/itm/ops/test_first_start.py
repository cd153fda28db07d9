import asyncio
import logging
import stat
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from itm.config import Config, Demo
from itm.errors import ConfigError
from itm.ops.first_start import TOKEN_FILE, prepare, sweep, until_prepared
from itm.store import catalogs, tokens
from itm.store.engine import open_engine
from itm.supervise import Backoff


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
    """No second demo version, the same token."""
    prepare(config(tmp_path), lambda: 1.0)
    before = (tmp_path / TOKEN_FILE).read_text()
    prepare(config(tmp_path), lambda: 2.0)
    assert (tmp_path / TOKEN_FILE).read_text() == before
    assert len(catalogs.history(open_engine(config(tmp_path).store_url))) == 1


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


def test_counters_of_workers_that_are_gone_are_swept_away(tmp_path: Path) -> None:
    """Those of other processes stay."""
    for name in ("dns-7.json", "builder.json"):
        (tmp_path / name).write_text("{}")
    sweep(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["builder.json"]


@pytest.mark.parametrize(("junk", "url"), [(b"junk " * 1000, ""), (b"", "postgresql://u@127.0.0.1:1/x")])
def test_a_store_that_cannot_be_opened_is_one_line(tmp_path: Path, junk: bytes, url: str) -> None:
    """A damaged file and a server that is not there: both name the setting."""
    (tmp_path / "itm.db").write_bytes(junk)
    lost = replace(config(tmp_path), store=replace(Config().store, url=url))
    with pytest.raises(ConfigError, match=r"^store\.url: cannot open the database: [^\n]+\Z"):
        prepare(lost, lambda: 1.0)


def test_a_lost_store_is_asked_again_until_it_answers(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Ever more slowly, each failure told; when the file is sound again, everything stands."""
    store = tmp_path / "itm.db"
    store.write_bytes(b"junk " * 1000)
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 3:
            store.unlink()

    with caplog.at_level(logging.INFO, logger="itm.ops.first_start"):
        asyncio.run(until_prepared(lambda: prepare(config(tmp_path), lambda: 1.0), Backoff(), sleep))
    assert waits == [0.5, 1.0, 2.0]
    assert [r.getMessage() for r in caplog.records].count("store.unreachable") == 3
    assert (tmp_path / TOKEN_FILE).exists()


def test_stopping_does_not_wait_for_a_store_that_hangs() -> None:
    """Its thread is left behind: a time-out of the database is longer than a stop may take."""
    begun, end = threading.Event(), threading.Event()

    def hang() -> None:
        begun.set()
        end.wait(30)

    async def scenario() -> None:
        waiting = asyncio.ensure_future(until_prepared(hang, Backoff()))
        while not begun.is_set():  # noqa: ASYNC110 - another thread's work is awaited
            await asyncio.sleep(0.001)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting

    asyncio.run(scenario())
    assert not end.is_set()
    end.set()
