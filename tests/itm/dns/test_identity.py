from __future__ import annotations

from pathlib import Path

import pytest

from itm.dns.identity import Identified, Identity

FIXED = Identity("ams-1", "mine")


def test_without_a_file_nothing_changes() -> None:
    """The settings alone, told once."""
    identified = Identified(FIXED, None, lambda: 0.0)
    assert identified.look() == FIXED
    assert identified.look() is None


def test_secrets_follow_their_file(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Another file, another identity; a wrong one keeps the last and is told once."""
    path = tmp_path / "secrets"
    path.write_text("00" * 16)
    identified = Identified(FIXED, path, lambda: 0.0)
    first = identified.look()
    assert first is not None
    assert (first.nsid, first.cookies is not None) == ("ams-1", True)
    assert identified.look() is None
    path.write_text("rubbish")
    assert [identified.look(), identified.look()] == [None, None]
    assert caplog.messages == ["cookies.refused"]
    path.write_text("11" * 16)
    second = identified.look()
    assert second is not None
    assert second.cookies is not first.cookies


def test_a_missing_file_leaves_cookies_off(tmp_path: Path) -> None:
    """A server that starts without its secrets answers, without cookies."""
    identity = Identified(FIXED, tmp_path / "none", lambda: 0.0).look()
    assert identity == FIXED
