"""The builder as a process."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from itm.steer import process as module
from tests.itm.steer.station import Station, bundle


def test_the_process_turns_until_it_is_asked_to_stop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One turn, then what was learned is made durable."""

    async def stop_requested(*, supervised: bool) -> None:
        assert supervised

    station = Station.at(tmp_path)
    station.apply(bundle())
    monkeypatch.setattr(module, "stop_requested", stop_requested)
    asyncio.run(module._turn(station.builder()))
    assert (station.config.state_dir / "windows.ckpt").exists()
