"""The gateway under test: broker, POPs, one connector, a VDA that sends, swallows or echoes; wide limits.

The programs are those that an operator runs. Tickets come straight from the broker's state, as a portal's
would from its API: how fast tickets are made is not measured here.
"""

from __future__ import annotations

import argparse
import contextlib
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.meter import Meter
from bench.relay.relays import Relay, start_backend
from gateway.broker import config, resources
from gateway.broker.desk import opened
from tests.e2e.gateway.stack import Stack, gateway
from tests.programs import wait_until

WIDE = ("--user-sessions", "100000", "--tenant-sessions", "100000", "--sessions", "100000")
"""No cap of a POP is what is measured, but where a benchmark says so."""


@dataclass
class Stand:
    """A running gateway; `backend` is the VDA of the resource `desk`: the first byte says what it does."""

    stack: Stack
    backend: Relay

    def meter(self, name: str) -> Meter:
        """Return the meter of a program by its name in the stack."""
        return Meter(self.stack.running[name].popen.pid)

    def port(self, pop: str = "pop-a") -> int:
        """Return the port of a POP."""
        return self.stack.ports[pop]

    def tickets(self, count: int) -> list[str]:
        """Return fresh tickets for the resource `desk`; each opens one session within 100 s."""
        parser = argparse.ArgumentParser()
        config.configure(parser)
        with opened(config.of(parser.parse_args(self.stack.broker_words()))) as desk:
            wanted = resources.find(desk.engine, "desk", tenant="default")
            return [str(desk.sta.request(wanted, "ann", now=desk.clock())) for _ in range(count)]


def metrics(stack: Stack, pop: str = "pop-a") -> dict[str, float]:
    """Return a POP's counters and gauges by name, as its admin address shows them."""
    address = (stack.folder / pop / "admin").read_text().strip()
    with urllib.request.urlopen(f"http://{address}/metrics", timeout=10) as answer:
        lines = answer.read().decode().splitlines()
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}


def wait_connected(stack: Stack, pop: str) -> None:
    """Return when the connector's control channel stands at the POP."""

    def stands() -> bool:
        with contextlib.suppress(OSError):
            return metrics(stack, pop)["gateway_pop_connectors"] >= 1
        return False

    wait_until(stands, 30, f"a connector at {pop}")


@contextlib.contextmanager
def stand(folder: Path, *more: str, pops: tuple[str, ...] = ("pop-a",)) -> Iterator[Stand]:
    """Run a gateway; `more` goes to the POPs' command line after the wide limits."""
    backend = start_backend(None)
    try:
        with gateway(folder, pops=(), with_connector=False) as stack:
            for pop in pops:
                stack.start_pop(pop, *WIDE, *more)
            stack.start_connector("--capacity", "100000", pops=pops)
            stack.add_resource("desk", backend.port)
            made = Stand(stack, backend)
            for pop in pops:
                wait_connected(stack, pop)
            yield made
    finally:
        backend.stop()
