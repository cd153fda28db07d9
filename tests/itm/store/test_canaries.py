"""Canaries in the store: begun by the builder, wished for by people, ended with the catalog's status."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine
from sqlalchemy.exc import IntegrityError

from itm.store import audit, canaries, catalogs
from itm.store.canaries import Canary


def begun(engine: Engine) -> Canary:
    """A live version 1 and version 2 as a canary of a twentieth."""
    for share in (None, 0.05):
        catalogs.add_pending(engine, {}, author="anna", now=1.0, canary_share=share, canary_seed=9)
    catalogs.settle(engine, 1, "live", now=2.0)
    return canaries.begin(engine, Canary.asked(2, 0.05, 9), {"class 0": {}}, now=3.0)


def test_it_begins(engine: Engine) -> None:
    """The version is a canary beside the live one, with what was asked and its Plan."""
    row = begun(engine)
    assert canaries.running(engine) == row
    assert (row.version, row.share, row.seed, row.started_at, row.fate) == (2, 0.05, 9, 3.0, "")
    found = catalogs.canary(engine)
    assert found is not None
    assert (found.version, found.canary_share, found.canary_seed, found.plan_json) == (
        2,
        0.05,
        9,
        '{"class 0": {}}',
    )
    live = catalogs.live(engine)
    assert live is not None
    assert live.version == 1


@pytest.mark.parametrize(
    ("fate", "status", "live", "action"),
    [
        ("promoted", "live", 2, "canary.promoted"),
        ("rolled back", "refused", 1, "canary.rolled_back"),
        ("aborted", "refused", 1, "canary.aborted"),
    ],
)
def test_it_ends(engine: Engine, fate: str, status: str, live: int, action: str) -> None:
    """With the version's status, the reason, and the numbers in the audit trail."""
    canaries.end(engine, begun(engine), fate, "30 ms worse", {"latency": 30}, now=9.0)
    assert canaries.running(engine) is None
    (row,) = canaries.history(engine)
    assert (row.fate, row.ended_at, row.reason, row.verdict) == (fate, 9.0, "30 ms worse", {"latency": 30})
    version, now = catalogs.get(engine, 2), catalogs.live(engine)
    assert version is not None
    assert now is not None
    assert (version.status, version.reason, now.version) == (status, f"{fate}: 30 ms worse", live)
    entry = audit.history(engine)[0]
    assert (entry.action, entry.detail["measured"], entry.detail["version"]) == (action, {"latency": 30}, 2)


def test_people_wish(engine: Engine) -> None:
    """Once one runs; the last wish counts, and the trail has who."""
    assert canaries.wish(engine, "abort", author="ben", now=1.0) is None
    begun(engine)
    for what, who in (("abort", "ben"), ("promote", "anna")):
        canaries.wish(engine, what, author=who, now=5.0)
    row = canaries.running(engine)
    assert row is not None
    assert (row.wish, row.wished_by) == ("promote", "anna")
    assert [e.action for e in audit.history(engine)][:2] == ["canary.promote", "canary.abort"]
    with pytest.raises(ValueError, match="a wish is one of"):
        canaries.wish(engine, "sing", author="ben", now=6.0)
    with pytest.raises(ValueError, match="a fate is one of"):
        canaries.end(engine, row, "lost", "", None, now=6.0)


def test_one_runs_at_a_time(engine: Engine) -> None:
    """The database holds it."""
    begun(engine)
    catalogs.add_pending(engine, {}, author="x", now=4.0)
    with pytest.raises(IntegrityError):
        canaries.begin(engine, Canary.asked(3, 0.1, 1), {}, now=5.0)
    found = catalogs.get(engine, 3)
    assert found is not None
    assert found.status == "pending"
