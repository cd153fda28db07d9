"""A set-up makes everything once, over the broker's real HTTPS, and leaves what is good alone."""

from __future__ import annotations

import stat
import time
from pathlib import Path

import pytest

from gateway.broker import config, desk, resources, users
from gateway.demo.enrolled import is_set_up
from gateway.demo.plan import Plan
from gateway.demo.setup import set_up
from tests.e2e.serving import free_ports

DAY = 86_400.0


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    return Plan(tmp_path / "g", free_ports(1)[0])


def credentials(plan: Plan) -> list[bytes]:
    return [(plan.state / name).read_bytes() for name in ("pop-a/pop.pem", "connector/connector.json")]


def test_it_makes_what_a_launch_needs_and_the_second_time_nothing(plan: Plan) -> None:
    """User, resource and credentials are there; a second set-up changes none of them."""
    assert not is_set_up(plan, time.time())
    set_up(plan)
    assert is_set_up(plan, time.time())
    made, password = credentials(plan), plan.password_file
    assert stat.S_IMODE(password.stat().st_mode) == 0o600
    word = password.read_text()
    set_up(plan)
    assert (credentials(plan), password.read_text()) == (made, word)
    with desk.opened(config.load(str(plan.broker_state), env={})) as opened:
        assert users.listing(opened.engine, tenant="default") == ("demo",)
        assert opened.passwords.is_right(opened.engine, "demo", word.strip(), tenant="default")
        [echo] = resources.listing(opened.engine, tenant="default")
        assert (echo.name, echo.target) == ("echo", plan.vda)
        made_file = opened.launcher.launch("echo", "demo", tenant="default", now=opened.clock())
        assert f"SSLProxyHost={plan.gateway}\n" in made_file.text


def test_another_port_is_another_set_up(plan: Plan) -> None:
    """The resource's target and the credentials' broker move with it; the user stays."""
    set_up(plan)
    made, word = credentials(plan), (plan.password_file).read_text()
    moved = Plan(plan.state, free_ports(1)[0])
    assert not is_set_up(moved, time.time())
    set_up(moved)
    assert is_set_up(moved, time.time())
    assert all(new != old for new, old in zip(credentials(moved), made, strict=True))
    assert (plan.password_file).read_text() == word
    with desk.opened(config.load(str(plan.broker_state), env={})) as opened:
        assert [each.target for each in resources.listing(opened.engine, tenant="default")] == [moved.vda]


def test_a_credential_that_has_run_out_is_replaced(plan: Plan) -> None:
    """After a week without the demo nothing could renew itself any more: all enrol anew."""
    set_up(plan)
    assert not is_set_up(plan, time.time() + 7 * DAY)
    file = plan.state / "pop-a" / "pop.pem"
    with desk.opened(config.load(str(plan.broker_state), env={})) as opened:
        issued, key = opened.authority.issue_server(["pop-a"], -1)
    file.write_text(issued.cert_pem + key)
    assert not is_set_up(plan, time.time())
    set_up(plan)
    assert file.read_text() != issued.cert_pem + key
    assert is_set_up(plan, time.time())
