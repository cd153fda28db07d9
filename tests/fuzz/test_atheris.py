"""A short coverage-guided run over every parser; `make fuzz` goes on for as long as it is given."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.fuzz.every import TARGETS

pytest.importorskip("atheris", reason="pip install 'itm[fuzz]': its wheels are for Linux and some Pythons")


@pytest.mark.long
def test_no_target_crashes(tmp_path: Path) -> None:
    """Two seconds each, from the seeds."""
    words = (sys.executable, "-m", "tests.fuzz", "--seconds", "2", "--folder", str(tmp_path))
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.endswith(f"{len(TARGETS)} targets, crashed: none\n")
