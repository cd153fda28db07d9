import asyncio
from pathlib import Path

from itm.ops.live import LiveCatalog
from itm.store import canaries, catalogs, migrate
from itm.store.canaries import Canary
from itm.store.engine import open_engine
from tests.itm.ops.harness import FILES, MAIN, make_live


def test_only_another_live_version_is_news(tmp_path: Path) -> None:
    """Nothing yet, a first one, the same one, a refused one, a second one."""
    url = f"sqlite:///{tmp_path / 'itm.db'}"
    migrate.upgrade(url)
    engine = open_engine(url)

    async def scenario() -> None:
        live = LiveCatalog(engine)
        assert not await live.refresh()
        assert (live.now.number, live.now.pop_ids) == (0, frozenset())
        make_live(engine, FILES, 1.0)
        assert await live.refresh()
        assert (live.now.number, live.now.pop_ids) == (1, {"tokyo", "paris"})
        assert not await live.refresh()
        pending = catalogs.add_pending(engine, FILES, author="t", now=2.0)
        catalogs.settle(engine, pending, "refused", now=2.0)
        assert not await live.refresh()
        make_live(engine, {**FILES, "catalog.yaml": MAIN.replace("paris", "oslo")}, 3.0)
        assert await live.refresh()
        assert (live.now.number, live.now.pop_ids) == (3, {"tokyo", "oslo"})

    asyncio.run(scenario())
    engine.dispose()


def test_a_canary_brings_its_pops(tmp_path: Path) -> None:
    """While it runs all POPs of both catalogs are known; when it has ended, those of the live one."""
    url = f"sqlite:///{tmp_path / 'itm.db'}"
    migrate.upgrade(url)
    engine = open_engine(url)

    async def scenario() -> None:
        live = LiveCatalog(engine)
        make_live(engine, FILES, 1.0)
        changed = {**FILES, "catalog.yaml": MAIN.replace("paris", "oslo")}
        number = catalogs.add_pending(engine, changed, author="t", now=2.0, canary_share=0.1)
        row = canaries.begin(engine, Canary.asked(number, 0.1, 1), {}, now=3.0)
        assert await live.refresh()
        assert (live.now.number, live.now.canary) == (1, 2)
        assert live.now.pop_ids == {"tokyo", "paris", "oslo"}
        assert not await live.refresh()
        canaries.end(engine, row, "aborted", "", None, now=4.0)
        assert await live.refresh()
        assert (live.now.number, live.now.canary, live.now.pop_ids) == (1, 0, {"tokyo", "paris"})

    asyncio.run(scenario())
    engine.dispose()
