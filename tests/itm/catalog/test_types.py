"""Catalog values."""

from __future__ import annotations

import pytest

from tests.itm.catalog.bundles import load


def test_a_pop_by_its_id() -> None:
    """A POP is found by its id; there is no default."""
    assert load().pop("b").city == "Oslo"
    with pytest.raises(KeyError):
        load().pop("z")
