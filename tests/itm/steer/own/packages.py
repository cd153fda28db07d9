"""Packages with own steps, installed as pip leaves them: modules and a dist-info, on the child's path."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).parents[3] / "data" / "own_steps"

BAD = """
import os, subprocess, sys, time
import numpy as np

def hangs(view):
    time.sleep(3600)

def burns(view):
    while True:
        pass

def eats(view):
    return {"add_ms": np.ones((200_000, 20_000))}

def hoards(view):
    kept = []
    while True:
        kept.append(bytearray(1 << 20))

def raises(view):
    raise ValueError("no such shift")

def leaves(view):
    sys.exit(3)

def strands(view):
    subprocess.Popen(["sleep", "60"], pass_fds=[os.open(__file__ + ".held", os.O_WRONLY)])
    os._exit(3)

def forks(view):
    os.open(__file__ + ".held", os.O_WRONLY)
    if os.fork() == 0:
        time.sleep(60)
    os._exit(3)

def dies(view):
    os.kill(os.getpid(), 11)

def shapeless(view):
    return {"add_ms": np.zeros(3)}

def infinite(view):
    return {"add_ms": np.full(view.tier.shape, np.inf)}

def huge(view):
    return {"add_ms": np.full(view.tier.shape, 1e6)}

def wordy(view):
    return {"rank": np.zeros(view.tier.shape)}

def untrue(view):
    return {"drop": np.ones(view.tier.shape)}

def bare(view):
    return {"drop": np.ones(view.tier.shape, dtype=bool)}

def listless(view):
    return [1, 2]

def textual(view):
    return {"add_ms": [["fast"] * view.tier.shape[1]] * view.tier.shape[0]}

def writes(view):
    view.score[:] = 0
    return {}

def inventive(view):
    return {"drop": view.tier != view.tier, "add_ms": np.where(view.tier == 255, -9000.0, 0.0)}

def nosy(view):
    return {"add_ms": np.full(view.tier.shape, float("SECRET" in os.environ))}

def moody(view):
    if os.path.exists(__file__ + ".broken"):
        raise OSError("the price list is gone")
    add_ms = np.zeros(view.tier.shape)
    add_ms[:, [pop["id"] == "ams" for pop in view.pops]] = 200
    return {"add_ms": add_ms}

def chatty(view):
    print("hello" * 100_000)
    return {"add_ms": np.ones(view.tier.shape)}
"""
NAMES = [line[4:].partition("(")[0] for line in BAD.splitlines() if line.startswith("def ")]


def install(folder: Path, monkeypatch: pytest.MonkeyPatch, *, bad: bool = False) -> None:
    """Install the example package, and with `bad` one whose steps misbehave, for children to find."""
    (folder / "example_steps.py").write_text((EXAMPLE / "example_steps.py").read_text())
    offered = tomllib.loads((EXAMPLE / "pyproject.toml").read_text())["project"]["entry-points"]["itm.steps"]
    _dist_info(folder, "example_steps", offered)
    if bad:
        (folder / "bad_steps.py").write_text(BAD)
        _dist_info(folder, "bad_steps", {n: f"bad_steps:{n}" for n in NAMES} | {"gone": "bad_steps:gone"})
    before = os.environ.get("PYTHONPATH", "")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, (str(folder), before, str(Path.cwd())))))


def _dist_info(folder: Path, name: str, offered: dict[str, str]) -> None:
    info = folder / f"{name}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    lines = "\n".join(f"{step} = {target}" for step, target in offered.items())
    (info / "entry_points.txt").write_text(f"[itm.steps]\n{lines}\n")
