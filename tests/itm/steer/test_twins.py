"""Two catalogs over the same POPs."""

from __future__ import annotations

from dataclasses import replace

from itm.catalog.types import Catalog
from itm.steer.twins import twins
from tests.itm.steer.worlds import POPS, pop, service

TOKYO, OSAKA, AMS, ASH = POPS


def test_both_have_all_pops_in_one_order() -> None:
    """The live one's first, then the new ones; each keeps its own word on what both have."""
    farther, new = replace(AMS, bias=50.0), pop("oslo", 9)
    live, changed = Catalog((TOKYO, OSAKA, AMS), (service(),), ()), Catalog((new, farther, TOKYO), (), ())
    own, theirs = twins(live, changed)
    assert own.pops == (TOKYO, OSAKA, AMS, new)
    assert theirs.pops == (TOKYO, OSAKA, farther, new)
    assert (own.services, theirs.services) == (live.services, changed.services)


def test_equal_catalogs_stay_as_they_are() -> None:
    """A change of the predictor alone."""
    one = Catalog(POPS, (service(),), ())
    assert twins(one, one) == (one, one)
    assert ASH in one.pops
