"""`itm-gateway pop`: what its options come to."""

from __future__ import annotations

import argparse
import asyncio
import time
from pathlib import Path

import pytest

from gateway.cli import pop
from gateway.errors import ConfigError
from gateway.pop import credential
from gateway.pop.config import ItmConfig
from gateway.pop.credential import Credential
from tests.gateway.broker.serving import broker


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


def test_an_expired_certificate_has_a_way_back(tmp_path: Path) -> None:
    """What to do is said when no token is given; a new one enrols the same directory anew."""
    state = tmp_path / "pop"

    async def story() -> None:
        async with broker(tmp_path) as served:
            ca = str(tmp_path / "broker" / "ca.pem")
            known = ("--state", str(state), "--broker", f"https://{served.running.api}", "--ca", ca)

            def started(*words: str, at: float) -> Credential:
                return pop._identity(parsed(*known, *words), lambda: at)

            def token() -> str:
                return served.desk.enrolment.pop_token("fra", ["127.0.0.1:443"], served.desk.clock())

            now = time.time()
            first = await asyncio.to_thread(started, "--token", token(), at=now)
            assert started("--token", "unspent", at=now) == started(at=now) == first
            with pytest.raises(ConfigError, match=r"expired at .* UTC; start with .*`pop token`"):
                started(at=first.expires_at)
            assert credential.load(state) == first
            again = await asyncio.to_thread(started, "--token", token(), at=first.expires_at)
            assert again.renew_at > first.renew_at
            assert credential.load(state) == again

    asyncio.run(story())
