from __future__ import annotations

import re
import stat
from pathlib import Path

import pytest

from gateway.broker.config import Settings
from gateway.broker.desk import opened
from gateway.errors import ConfigError


def test_a_broker_keeps_its_own_sta(tmp_path: Path) -> None:
    """Made at the first start, the same afterwards; a setting comes before it."""
    settings = Settings(state=str(tmp_path / "broker"))
    with opened(settings) as first, opened(settings) as second:
        assert re.fullmatch(r"STA[0-9A-F]{10}", first.sta.id)
        assert first.sta.id == second.sta.id
    with opened(Settings(state=str(tmp_path / "broker"), sta="STA1")) as third:
        assert third.sta.id == "STA1"


def test_the_database_is_the_owners_alone(tmp_path: Path) -> None:
    """It holds hashes of secrets."""
    with opened(Settings(state=str(tmp_path / "broker"))):
        assert stat.S_IMODE((tmp_path / "broker").stat().st_mode) == 0o700
        assert stat.S_IMODE((tmp_path / "broker" / "broker.db").stat().st_mode) == 0o600


def test_a_state_that_cannot_be_made(tmp_path: Path) -> None:
    """The setting is named."""
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(ConfigError, match=r"^broker\.state: "),
        opened(Settings(state=str(tmp_path / "file"))),
    ):
        pass
