from __future__ import annotations

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import IntegrityError

from gateway.broker.engine import open_engine, reading, writing
from gateway.errors import ConfigError


@pytest.mark.parametrize(
    ("url", "fault"),
    [
        ("nonsense", "broker.database: Could not parse"),
        ("mysql://x/y", "broker.database: expected sqlite:///… or postgresql://…, got mysql"),
        ("sqlite://", "broker.database: an SQLite database must be a file"),
        ("sqlite:////proc/none/x.db", "broker.database: /proc/none: "),
    ],
)
def test_a_wrong_url_names_the_setting(url: str, fault: str) -> None:
    """The operator reads which setting is wrong."""
    with pytest.raises(ConfigError) as caught:
        open_engine(url)
    assert str(caught.value).startswith(fault)


def test_a_failed_transaction_leaves_nothing(engine: Engine) -> None:
    """An exception inside undoes the whole change."""
    insert = text("INSERT INTO gw_tenants VALUES ('acme', 0)")
    with pytest.raises(IntegrityError), writing(engine) as connection:  # noqa: PT012  the second one fails
        connection.execute(insert)
        connection.execute(insert)
    with reading(engine) as connection:
        assert connection.execute(text("SELECT count(*) FROM gw_tenants")).scalar() == 1
