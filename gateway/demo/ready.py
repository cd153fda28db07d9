"""Whether the demo can carry a session now, and what its reader may type then.

Each POP is asked on its admin address: a connector and the broker's signals must have come to it. What to
type goes to a file with our pid, for a parent that prints it when it suits.
"""

from __future__ import annotations

import asyncio
import json
import shlex
import sys
import urllib.request
from http.client import HTTPException
from pathlib import Path
from typing import Final

from gateway.broker.authority import CA_FILE
from gateway.demo.plan import POPS, RESOURCE, USER, Plan
from gateway.demo.private import write_private

READY_FILE: Final = "ready.json"
LOOK_SECONDS: Final = 0.1
_NEEDED: Final = ("gateway_pop_connectors", "gateway_pop_signal_standing")


async def until_ready(plan: Plan) -> None:
    """Return when every POP has its connector and its broker."""
    for name in POPS:
        while not await asyncio.to_thread(_is_ready, plan.state / name):  # noqa: ASYNC110 - a state elsewhere
            await asyncio.sleep(LOOK_SECONDS)


def _is_ready(pop: Path) -> bool:
    try:
        address = (pop / "admin").read_text().strip()
        with urllib.request.urlopen(f"http://{address}/metrics", timeout=2) as answer:
            return carries_sessions(answer.read().decode())
    except (OSError, ValueError, HTTPException):
        return False


def carries_sessions(metrics: str) -> bool:
    """Whether a POP with these metrics has a connector and its broker."""
    values = dict(line.rsplit(" ", 1) for line in metrics.splitlines() if " " in line)
    return all(float(values.get(name, 0)) > 0 for name in _NEEDED)


def greeting(plan: Plan, program: str, here: Path, password: str) -> str:
    """Return the commands to try for a reader who stands in `here` and calls `itm-gateway` as `program`."""

    def named(path: Path) -> str:
        return shlex.quote(str(near(path, here)))

    first = next(iter(POPS))
    state, file = named(plan.broker_state), named(plan.state / f"{RESOURCE}.ica")
    get = f"{program} launch-file {RESOURCE} --user {USER} --state {state} -o {file}"
    go = f"{program} launch {file} --stdio --ca {named(plan.broker_state / CA_FILE)}"
    kill = f"kill -9 $(cat {named(plan.state / f'{first}.pid')})"
    count = f"for n in 1 2 3 4 5 6 7 8 9 10; do echo $n; sleep 1; [ $n != 4 ] || {kill}; done"
    states = " ".join(f"--state {named(plan.state / pop)}" for pop in POPS)
    lines = [
        "The gateway runs: a broker, two POPs, a connector and an echo VDA. In another terminal:",
        "",
        "  A session, opened by a launch file (good once, for 100 s):",
        f"     {get}",
        f"     echo hello | {go}",
        f"  Ten lines, one a second; the POP that carries them, {first}, is killed with -9 after the fourth:",
        f"     {get}",
        f"     {count} | {go} --verbose",
        "  What the POPs still know of these sessions:",
        f"     {program} trace {states}",
        "",
        f"  {plan.broker_url} is the broker; its user is {USER}, the password {password}.",
    ]
    return "\n".join(lines)


def announce(plan: Plan, text: str, pid: int) -> None:
    """Leave the text and our pid for a parent; whole or not at all."""
    write_private(plan.state / READY_FILE, json.dumps({"pid": pid, "text": text}))


def program_name(here: Path) -> str:
    """Return how a reader who stands in `here` calls `itm-gateway`."""
    script = Path(sys.executable).with_name("itm-gateway")
    if not script.exists():
        return f"{shlex.quote(sys.executable)} -m gateway"
    return shlex.quote(str(near(script, here)))


def near(path: Path, here: Path) -> Path:
    """Return the path as one types it in `here`: relative when it lies below."""
    whole = path.absolute()
    return whole.relative_to(here) if whole.is_relative_to(here) else whole
