"""Which VDAs a connector may reach."""

from __future__ import annotations

import pytest

from gateway.connector.allow import parse_allow_list
from gateway.errors import ConfigError


@pytest.mark.parametrize(
    ("rule", "host", "port", "address", "admitted"),
    [
        ("10.1.0.0/16:1494,2598", "10.1.2.3", 2598, "10.1.2.3", True),
        ("10.1.0.0/16:1494,2598", "10.1.2.3", 22, "10.1.2.3", False),
        ("10.1.0.0/16:1494,2598", "10.2.2.3", 2598, "10.2.2.3", False),
        ("10.1.0.0/16:*", "vda.example", 1, "10.1.9.9", True),
        ("10.1.0.0/16:*", "vda.example", 1, "::ffff:10.1.9.9", True),
        ("127.0.0.1:5900-5999", "localhost", 5999, "127.0.0.1", True),
        ("127.0.0.1:5900-5999", "localhost", 6000, "127.0.0.1", False),
        ("[fd00::/8]:22", "fd00::1", 22, "fd00::1", True),
        ("[fd00::/8]:22", "10.0.0.1", 22, "10.0.0.1", False),
        ("vda.example:22", "VDA.example.", 22, "192.0.2.1", True),
        ("vda.example:22", "other.example", 22, "192.0.2.1", False),
        ("*.vda.example:22", "a.vda.example", 22, "192.0.2.1", True),
        ("*.vda.example:22", "vda.example", 22, "192.0.2.1", False),
        ("*.vda.example:22", "evilvda.example", 22, "192.0.2.1", False),
        ("vda.example:80", "vda.example", 80, "169.254.169.254", False),
        ("169.254.169.254:80", "vda.example", 80, "169.254.169.254", True),
    ],
)
def test_rules(rule: str, host: str, port: int, address: str, admitted: bool) -> None:
    """A network rule looks at the resolved address, a name rule at the name asked for."""
    assert parse_allow_list([rule]).admits(host, port, address) is admitted


def test_nothing_is_admitted_without_a_rule() -> None:
    """An empty list is not an open door."""
    assert not parse_allow_list([]).admits("10.0.0.1", 22, "10.0.0.1")


def test_every_wrong_rule_is_named() -> None:
    """All mistakes are told at once."""
    with pytest.raises(ConfigError) as caught:
        parse_allow_list(["10.0.0.0/8", "10.0.0.0/8:70000", "fd00::1:22", "10.0.0.1/8:22", "a.*.b:1", "ok:1"])
    assert len(str(caught.value).splitlines()) == 5
