"""What becomes of catalog versions."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import IntegrityError

from itm.store import audit, catalogs
from itm.store.catalogs import CatalogVersion
from itm.store.engine import open_engine, writing

FILES = {"catalog.yaml": "pops: {}\n", "ä.zone": "; ünïcode\n"}


def statuses(engine: Engine) -> dict[int, str]:
    return {found.version: found.status for found in catalogs.history(engine)}


def add(engine: Engine, **more: object) -> int:
    return catalogs.add_pending(engine, FILES, author="anna", now=10.0, **more)  # type: ignore[arg-type]


def test_a_version_comes_back_whole(url: str, engine: Engine) -> None:
    """The bundle and all particulars survive, also for another process."""
    version = add(engine, message="more POPs", forced=True)
    other = open_engine(url)
    found = catalogs.get(other, version)
    other.dispose()
    assert found == CatalogVersion(version, 10.0, "anna", "more POPs", FILES, "pending", True, None, "", "")


def test_the_newest_pending_one_is_next(engine: Engine) -> None:
    """The builder takes the last word; what it passed over is superseded when it settles that."""
    first, second, third = add(engine), add(engine), add(engine)
    found = catalogs.latest_pending(engine)
    assert found is not None
    assert found.version == third
    assert catalogs.settle(engine, second, "refused", "{}", now=11.0, reason="moves 80 %")
    assert statuses(engine) == {first: "superseded", second: "refused", third: "pending"}


def test_one_is_live(engine: Engine) -> None:
    """Going live supersedes the live one; being refused does not."""
    assert catalogs.live(engine) is None
    first, second, third = (add(engine) for _ in range(3))
    for version, status in ((first, "live"), (second, "live"), (third, "refused")):
        assert catalogs.settle(engine, version, status, '{"moved": 1}', now=12.0)
    assert statuses(engine) == {first: "superseded", second: "live", third: "refused"}
    live = catalogs.live(engine)
    assert live is not None
    assert (live.version, live.plan_json, live.settled_at) == (second, '{"moved": 1}', 12.0)
    assert catalogs.latest_pending(engine) is None


def test_settled_is_settled(engine: Engine) -> None:
    """What is not pending, or not there, is left alone."""
    version = add(engine)
    assert catalogs.settle(engine, version, "live", now=11.0)
    assert not catalogs.settle(engine, version, "refused", now=12.0)
    assert not catalogs.settle(engine, 999, "live", now=12.0)
    assert statuses(engine) == {version: "live"}
    with pytest.raises(ValueError, match="settled as one of"):
        catalogs.settle(engine, version, "pending", now=12.0)


def test_the_database_holds_the_rule(engine: Engine) -> None:
    """Not even by hand can there be two live versions."""
    for version in (add(engine), add(engine)):
        catalogs.settle(engine, version, "live", now=11.0)
    with pytest.raises(IntegrityError), writing(engine) as connection:
        connection.execute(text("UPDATE catalog_versions SET status = 'live'"))


def test_history_is_newest_first_and_bounded(engine: Engine) -> None:
    """The list starts with the last word."""
    versions = [add(engine) for _ in range(5)]
    assert [found.version for found in catalogs.history(engine, limit=3)] == versions[:1:-1]
    assert catalogs.get(engine, 999) is None


def test_every_step_is_audited(engine: Engine) -> None:
    """Asking and settling leave an entry each, with who did it."""
    version = add(engine, forced=True)
    catalogs.settle(engine, version, "live", now=11.0)
    assert [(e.time, e.who, e.action, e.detail["version"]) for e in audit.history(engine)] == [
        (11.0, "builder", "catalog.live", version),
        (10.0, "anna", "catalog.apply", version),
    ]
