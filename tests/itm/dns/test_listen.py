from __future__ import annotations

import socket

import pytest

from itm.dns.listen import Listen, parse
from itm.errors import ConfigError


def test_addresses() -> None:
    """IPv4, and IPv6 in brackets."""
    assert parse("127.0.0.1:5300") == Listen("127.0.0.1", 5300)
    assert parse("[::1]:53") == Listen("::1", 53)
    assert parse("[::1]:53").family == socket.AF_INET6


@pytest.mark.parametrize(
    "text", ["", "127.0.0.1", "localhost:53", "::1:53", "127.0.0.1:65536", "[127.0.0.1]:53"]
)
def test_what_is_none(text: str) -> None:
    """The error names the setting."""
    with pytest.raises(ConfigError, match=r"^dns\.listen: "):
        parse(text)
