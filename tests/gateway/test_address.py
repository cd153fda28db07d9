"""Addresses as text."""

from __future__ import annotations

import pytest

from gateway.address import join_address, split_address
from gateway.errors import ConfigError


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("gw.example:443", ("gw.example", 443)),
        ("[::1]:8443", ("::1", 8443)),
        ("127.0.0.1:1", ("127.0.0.1", 1)),
    ],
)
def test_there_and_back(text: str, parts: tuple[str, int]) -> None:
    """IPv6 hosts stand in brackets."""
    assert split_address(text) == parts
    assert join_address(*parts) == text


@pytest.mark.parametrize("text", ["", "a", ":1", "a:", "a:0", "a:65536", "a:-1", "a:٣", "a:999999"])
def test_refused(text: str) -> None:
    """Anything else is a setting to correct."""
    with pytest.raises(ConfigError):
        split_address(text)


def test_any_free_port() -> None:
    """Port 0 only where it means something."""
    assert split_address("127.0.0.1:0", least_port=0) == ("127.0.0.1", 0)
