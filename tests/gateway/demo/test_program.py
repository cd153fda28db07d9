"""The demo claims its addresses before it touches anything."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from gateway.__main__ import main
from gateway.demo.plan import BROKER


def test_a_taken_address_is_one_exact_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It names the option and the address, exit status 2, and nothing was made."""
    monkeypatch.setattr("gateway.log.configure", lambda _: None)
    with socket.create_server((BROKER, 0)) as taken:
        port = taken.getsockname()[1]
        assert main(["demo", "--state", str(tmp_path / "g"), "--port", str(port)]) == 2
    said = capsys.readouterr().err
    assert said == f"itm-gateway: --port: cannot listen on {BROKER}:{port}: Address already in use\n"
    assert not (tmp_path / "g").exists()
