"""The tables that the code knows are those of a migrated database."""

from __future__ import annotations

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine, text
from sqlalchemy.exc import IntegrityError

from itm.store.engine import writing
from itm.store.tables import metadata


def test_migrations_and_tables_agree(engine: Engine) -> None:
    """After all migrations there is nothing left to generate."""
    with engine.begin() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def test_constraints_hold(engine: Engine) -> None:
    """The checks of `tables` stand in the migrated database too."""
    row = "INSERT INTO overrides VALUES ('p', 'sideways', '', 'x', 0, NULL)"
    with pytest.raises(IntegrityError, match="ck_overrides_state"), writing(engine) as connection:
        connection.execute(text(row))
