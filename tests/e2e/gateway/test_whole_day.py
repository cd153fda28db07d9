"""A day of work in a minute: sessions come and go while every program is replaced, one after the other."""

from __future__ import annotations

import asyncio
import re
import signal
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.e2e.gateway.day import Day, sessions
from tests.e2e.gateway.knocks import count, wait_for
from tests.e2e.gateway.stack import Stack, gateway
from tests.programs import tail, wait_until

CONNECTORS = ("connector", "connector-2")
CLEAR = frozenset(
    {
        *("no broker for a ticket", "broker_unreachable", "pop_draining", "Unreachable", "Lost"),
        *("connector_none", "connector_draining", "connector_timeout", "connector_lost"),
        *("SOCKS5 reply 1", "SOCKS5 reply 4", "SOCKS5 reply 6", "closed before the SOCKS5 reply"),
    }
)
"""Why a launch may be refused while programs are replaced: none of it blames client or VDA."""


@dataclass(frozen=True)
class Size:
    """What a process holds."""

    descriptors: int
    pss_kilobytes: int


def size_of(pid: int) -> Size:
    """Read what the kernel says of a process."""
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    found = re.search(r"^Pss: +(\d+) kB", text, re.M)
    assert found is not None
    return Size(len(list(Path(f"/proc/{pid}/fd").iterdir())), int(found[1]))


def replace(stack: Stack, name: str) -> None:
    """SIGTERM, wait until it has drained, start it again; for a POP, until both connectors stand there."""
    process = stack.running[name]
    logs = [stack.running[one].log for one in CONNECTORS]
    process.popen.send_signal(signal.SIGTERM)
    assert process.popen.wait(timeout=20) == 0, tail(process.log)
    before = [count(log, "control.standing") for log in logs]
    stack.restart(name)
    if name.startswith("pop"):
        for log, times in zip(logs, before, strict=True):
            wait_for(log, "control.standing", times + 1)


def sizes(stack: Stack) -> dict[str, Size]:
    """Return the sizes once no session is left."""
    pops = [process for name, process in stack.running.items() if name.startswith("pop")]

    def is_quiet() -> bool:
        return all(size_of(one.popen.pid).descriptors < 40 for one in pops)

    wait_until(is_quiet, 10, f"the POPs let go of their sessions: {[size_of(p.popen.pid) for p in pops]}")
    return {name: size_of(process.popen.pid) for name, process in stack.running.items()}


@pytest.mark.long
def test_a_whole_day(tmp_path: Path) -> None:
    """200 sessions and a rolling restart: none is lost, refusals are clear, and no process grows."""
    with gateway(tmp_path, pops=("pop-a", "pop-b")) as stack:
        stack.start_connector(name="connector-2")
        day = Day(stack, stack.desk("portal", "create", "front").splitlines()[0])
        started = time.monotonic()

        async def work() -> tuple[int, dict[str, Size]]:
            def replace_all() -> None:
                for name in ("pop-a", *CONNECTORS, "broker", "pop-b"):
                    time.sleep(0.5)
                    replace(stack, name)

            replacing = asyncio.create_task(asyncio.to_thread(replace_all))
            many = await sessions(day, range(100), 15, replacing.done)
            await replacing
            middle = await asyncio.to_thread(sizes, stack)
            return many + await sessions(day, range(many, many + 100), 15, lambda: True), middle

        begun, middle = asyncio.run(work())
        end = sizes(stack)
        print(f"{dict(day.opened)} in {time.monotonic() - started:.0f} s; refused {dict(day.refused)}")
        print({name: (middle[name], end[name]) for name in end})
        assert not day.lost
        assert sum(day.opened.values()) == begun >= 200
        assert set(day.refused) <= CLEAR
        for name, size in end.items():
            # POPs and connectors keep a few connections to the broker for the next request.
            assert size.descriptors <= middle[name].descriptors + 16, name
            assert size.pss_kilobytes <= middle[name].pss_kilobytes + 4_000, name
