"""A real server of its own for one run: `itm serve` on free ports, a fresh state, a given predictor."""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from itm.config import ROOT, Config, load
from itm.errors import ItmError
from itm.ops.front import Front
from itm.simulate.pageview import PageViews

START_SECONDS = 120.0
BUILDS_TO_SETTLE = 3
"""Two builds must agree before a network moves; the third shows the outcome."""


class ReplayServer:
    """Speaks to the running server the way its users do."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.front = Front(config)
        self.views = PageViews(config.public.listen)

    def settle(self, sent: int, timeout_seconds: float = 180.0) -> dict[str, Any]:
        """Wait until `sent` measurements were judged and enough builds have followed; return the report."""
        deadline = time.monotonic() + timeout_seconds
        goal: int | None = None
        while time.monotonic() < deadline:
            report = self.report()
            judged = report.get("counted", 0) + sum(report.get("refused", {}).values())
            if goal is None and judged >= sent:
                goal = report["builds"] + BUILDS_TO_SETTLE
            if goal is not None and report["builds"] >= goal and not self.front.faults():
                return report
            time.sleep(0.2)
        raise ItmError(f"the server did not settle within {timeout_seconds:.0f} s")

    def report(self) -> dict[str, Any]:
        """Return what the builder last said of itself."""
        with urllib.request.urlopen(f"http://{self.config.ops.listen}/api/v1/map", timeout=30) as response:
            report: dict[str, Any] = json.loads(response.read())["builder"] or {"builds": 0}
        return report


@contextlib.contextmanager
def serving(state: Path, catalog: Path) -> Iterator[ReplayServer]:
    """Run a server inside the block; its log goes to `state/serve.log`."""
    dns, public, ops = _free_ports(3)
    sets = [
        f"state={state}",
        f"dns.listen=127.0.0.1:{dns}",
        f"public.listen=127.0.0.1:{public}",
        f"ops.listen=127.0.0.1:{ops}",
        f"demo.catalog={catalog}",
        "builder.interval_seconds=1",
        "collect.hosting=",  # the recorded clients stand where machines live
        "collect.network_sessions_per_hour=0",  # weeks of page views in minutes, from one machine
        "collect.sessions_per_second=0",
    ]
    words = [word for item in sets for word in ("--set", item)]
    state.mkdir(parents=True, exist_ok=True)
    with (state / "serve.log").open("wb") as log:
        process = subprocess.Popen(  # noqa: S603 - our own program
            [sys.executable, "-m", "itm", "serve", "--demo", *words], stdout=log, stderr=log, cwd=ROOT
        )
        try:
            server = ReplayServer(load(env={}, sets=sets))
            _await_ready(server, process, state / "serve.log")
            yield server
        finally:
            process.terminate()
            process.wait(timeout=15)


def _await_ready(server: ReplayServer, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while server.front.faults():
        if process.poll() is not None or time.monotonic() > deadline:
            raise ItmError(f"the simulation's server did not start:\n{log.read_text()[-2000:]}")
        time.sleep(0.2)


def _free_ports(count: int) -> list[int]:
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in held]
    for one in held:
        one.close()
    return ports
