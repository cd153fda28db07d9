"""`itm-gateway pop`: what its options come to."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from gateway.cli import pop
from gateway.errors import ConfigError
from gateway.pop.config import ItmConfig


def parsed(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    pop.configure(parser)
    return parser.parse_args(words)


def test_the_options_of_itm() -> None:
    """All of them, the least of them, none of them."""
    every = ("--itm", "https://i", "--itm-token-file", "t", "--itm-pop", "fra", "--itm-ca", "c.pem")
    assert pop._config(parsed(*every)).itm == ItmConfig("https://i", Path("t"), "fra", Path("c.pem"))
    assert pop._config(parsed(*every[:4])).itm == ItmConfig("https://i", Path("t"))
    assert pop._config(parsed()).itm is None


@pytest.mark.parametrize(
    ("words", "text"),
    [(("--itm", "https://i"), "^--itm-token-file: expected"), (("--itm-pop", "fra"), "^--itm: expected")],
)
def test_half_of_itms_options_is_an_error(words: tuple[str, ...], text: str) -> None:
    """It names the option that is missing."""
    with pytest.raises(ConfigError, match=text):
        pop._config(parsed(*words))
