"""One port on addresses of the demo's own; every command line is one the real parsers take."""

from __future__ import annotations

import ipaddress
import sys
from dataclasses import fields
from pathlib import Path

import pytest

from gateway.__main__ import _parser
from gateway.broker import config
from gateway.cli.pop import _config
from gateway.demo.plan import Plan
from gateway.errors import ConfigError


def test_every_command_is_one(tmp_path: Path) -> None:
    """Five processes, parsed by the programs' own parsers; POPs know both POPs as alternates."""
    plan = Plan(tmp_path, 1234)
    commands = plan.commands()
    assert list(commands) == ["broker", "echo-vda", "pop-a", "pop-b", "connector"]
    parsed = {}
    for name, words in commands.items():
        assert words[:3] == (sys.executable, "-m", "gateway")
        parsed[name] = _parser(words[3:4]).parse_args(words[3:])
    pops = [_config(parsed[name]) for name in ("pop-a", "pop-b")]
    assert [pop.listen for pop in pops] == [(("127.20.1.1", 1234),), (("127.20.1.2", 1234),)]
    assert [(a.address, a.port) for a in pops[0].alternates] == [("127.20.1.1", 1234), ("127.20.1.2", 1234)]
    assert parsed["connector"].allow == ["127.20.1.4:1234"]


def test_all_of_it_is_loopback(tmp_path: Path) -> None:
    """What is listened on is loopback, IPv4, and listed once."""
    listening = Plan(tmp_path, 1234).listening()
    assert all(ipaddress.IPv4Address(host).is_loopback for host, _ in listening)
    assert len(set(listening)) == len(listening) == 5


def test_the_broker_knows_the_settings(tmp_path: Path) -> None:
    """Every setting exists and the broker tells POPs and connectors the addresses of the plan."""
    plan = Plan(tmp_path, 1234)
    given = plan.broker_settings()
    assert set(given) <= {field.name for field in fields(config.Settings)}
    settings = config.load(sets=[f"{name}={value}" for name, value in given.items()], env={})
    assert settings.url == plan.broker_url == "https://127.20.1.3:1234"
    assert settings.signal_address == "127.20.1.3:1235"


@pytest.mark.parametrize("port", [0, -1, 65535, 70000])
def test_a_port_without_room_above_is_refused(tmp_path: Path, port: int) -> None:
    """It names the option."""
    with pytest.raises(ConfigError, match=r"^--port: expected 1 to 65534, not "):
        Plan(tmp_path, port)
