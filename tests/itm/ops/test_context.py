import asyncio
from pathlib import Path

from itm.ops.context import Overrides
from itm.ops.health import HealthBoard
from itm.routemap.health import State
from itm.store import migrate, overrides
from itm.store.engine import open_engine
from itm.store.overrides import Override
from tests.itm.ops.test_health import FakeTable


def test_every_stored_word_becomes_its_state(tmp_path: Path) -> None:
    """up, drained and down reach the table; an expired one and a cleared one do not."""
    url = f"sqlite:///{tmp_path / 'itm.db'}"
    migrate.upgrade(url)
    engine, table = open_engine(url), FakeTable()
    board = HealthBoard(table, clock=lambda: 100.0)
    board.set_pops(dict.fromkeys("abcde"))
    for pop, state, until in (
        ("a", "up", None),
        ("b", "drained", 101.0),
        ("c", "down", None),
        ("d", "down", 100.0),
    ):
        overrides.put(engine, Override(pop, state, "t", 1.0, until))
    asyncio.run(Overrides(engine, board, lambda: 100.0).reload())
    assert table.states == {
        "a": State.UP, "b": State.DRAINED, "c": State.DOWN, "d": State.UP, "e": State.UP,
    }  # fmt: skip
    assert table.forced == {"a", "b", "c"}
    engine.dispose()
