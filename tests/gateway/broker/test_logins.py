from __future__ import annotations

import pytest
from sqlalchemy import Engine, text

from gateway.broker import logins
from gateway.broker.logins import IDLE_SECONDS, LONGEST_SECONDS, Login
from tests.gateway.broker.world import FAST, NOW


@pytest.fixture(autouse=True)
def users(engine: Engine) -> None:
    """A login is somebody's."""
    for name in ("alice", "bob"):
        FAST.add(engine, name, "password1", tenant="default", now=NOW)


def test_a_login_is_found_until_it_ends(engine: Engine) -> None:
    """By its secret only, and not after the log-out; the database does not hold the secret."""
    secret = logins.begin(engine, "default", "alice", now=NOW)
    assert logins.find(engine, secret, now=NOW) == Login("default", "alice", NOW)
    assert logins.find(engine, secret[:-1], now=NOW) is None
    with engine.begin() as connection:
        assert secret not in str(connection.execute(text("SELECT * FROM gw_logins")).all())
    logins.end(engine, secret)
    assert logins.find(engine, secret, now=NOW) is None


def test_silence_ends_it(engine: Engine) -> None:
    """Every request within the idle time carries it on."""
    secret = logins.begin(engine, "default", "alice", now=NOW)
    now = NOW
    for _ in range(3):
        now += IDLE_SECONDS - 1
        assert logins.find(engine, secret, now=now)
    assert logins.find(engine, secret, now=now + IDLE_SECONDS) is None


def test_nothing_lasts_longer_than_a_day_of_work(engine: Engine) -> None:
    """However busy it is; and the next login sweeps it away."""
    secret = logins.begin(engine, "default", "alice", now=NOW)
    now = NOW
    while now < NOW + LONGEST_SECONDS:
        assert logins.find(engine, secret, now=now)
        now += IDLE_SECONDS / 2
    assert logins.find(engine, secret, now=now) is None
    logins.begin(engine, "default", "bob", now=now)
    with engine.begin() as connection:
        assert connection.execute(text("SELECT count(*) FROM gw_logins")).scalar_one() == 1


def test_a_new_password_ends_all_logins_of_the_user(engine: Engine) -> None:
    """And nobody else's."""
    hers, his = (logins.begin(engine, "default", name, now=NOW) for name in ("alice", "bob"))
    FAST.change(engine, "alice", "password2", tenant="default")
    assert logins.find(engine, hers, now=NOW) is None
    assert logins.find(engine, his, now=NOW)


def test_it_ends_with_its_user(engine: Engine) -> None:
    """As when a directory is removed with its users."""
    secret = logins.begin(engine, "default", "alice", now=NOW)
    with engine.begin() as connection:
        connection.execute(text("DELETE FROM gw_users WHERE name = 'alice'"))
    assert logins.find(engine, secret, now=NOW) is None
