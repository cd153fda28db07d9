"""Certificates that hold for seconds: they are replaced in time, and one that expired has a way back."""

from __future__ import annotations

import subprocess
import time
from functools import partial
from pathlib import Path

import pytest

from tests.e2e.gateway.clients import Echoing, launched
from tests.e2e.gateway.knocks import count
from tests.e2e.gateway.stack import COMMAND, Process, gateway
from tests.e2e.serving import ROOT
from tests.programs import wait_until

LIFE_SECONDS = 36.0
SETTINGS = (f"certificate_hours={LIFE_SECONDS / 3600}",)


def renewed(program: Process, times: int) -> bool:
    """Whether it has renewed its certificate so often."""
    return count(program.log, "certificate.renewed") >= times


@pytest.mark.long
def test_a_session_outlives_the_certificates_it_began_under(tmp_path: Path) -> None:
    """POP and connector renew twice, past the first life's end: nothing pauses, new sessions open."""
    with gateway(tmp_path, settings=SETTINGS) as stack, launched(stack) as launcher:
        echoing = Echoing(launcher.port, mega_bytes=1, mega_bytes_per_second=1, until_enough=True)
        for name in ("pop-a", "connector"):
            wait_until(partial(renewed, stack.running[name], 2), 90, f"{name} renewed twice")
        with launched(stack) as other:
            late = Echoing(other.port, mega_bytes=1, mega_bytes_per_second=5).result(20)
        assert late.got_sha256 == late.sent_sha256
        echoing.enough.set()
        result = echoing.result(20)
        print(f"longest gap {result.longest_gap_seconds * 1000:.0f} ms, {result.got:,} bytes")
        assert result.got_sha256 == result.sent_sha256
        assert result.longest_gap_seconds < 3
        assert all("not_renewed" not in process.text() for process in stack.running.values())


@pytest.mark.long
def test_a_connector_and_a_pop_that_were_off_for_too_long_come_back(tmp_path: Path) -> None:
    """Without a new token they say what they need; with one they serve, from the same directories."""
    with gateway(tmp_path, settings=SETTINGS) as stack:
        pop, connector = stack.running["pop-a"], stack.running["connector"]
        pop.kill()
        connector.kill()
        time.sleep(LIFE_SECONDS + 1)
        for role in ("pop", "connector"):
            state = tmp_path / ("pop-a" if role == "pop" else role)
            words = [
                *COMMAND,
                role,
                "--state",
                str(state),
                *(("--allow", "127.0.0.1:*") if role != "pop" else ()),
            ]
            done = subprocess.run(words, capture_output=True, text=True, check=False, cwd=ROOT, timeout=30)
            assert done.returncode == 2
            assert f"new --token of `{role} token`" in done.stderr
        address = f"127.0.0.1:{stack.ports['pop-a']}"
        token = stack.desk("pop", "token", "pop-a", "--address", address).splitlines()[0]
        stack.start("pop-a", *(*pop.words, "--token", token), ready="pop.ready")
        stack.start_connector(pops=("pop-a",))
        with launched(stack) as launcher:
            result = Echoing(launcher.port, mega_bytes=1, mega_bytes_per_second=5).result(20)
        assert result.got_sha256 == result.sent_sha256
