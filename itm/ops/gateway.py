"""The gateway that runs beside the demo: how it is started, and what it says when it is ready.

Another program (`itm-gateway demo`), known by its command line and one file; nothing of it is imported.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Final

from itm.config import Config
from itm.supervise import Child

NAME: Final = "gateway"
READY_FILE: Final = "ready.json"


def children(config: Config, supervisor: int) -> list[Child]:
    """Return the one process, none without the demo or with port 0; `supervisor` is our pid."""
    if not config.demo.enabled or not config.demo.gateway_port:
        return []
    words = ("--state", str(state(config)), "--port", str(config.demo.gateway_port))
    return [Child(NAME, (sys.executable, "-m", "gateway", "demo", *words, "--supervisor", str(supervisor)))]


def state(config: Config) -> Path:
    """Return the gateway's state directory."""
    return config.state_dir / "gateway"


def greeting(directory: Path, pid: int | None) -> str:
    """Return what the gateway wants printed, "" until the process `pid` is ready.

    A file that an earlier process left says nothing of this one.
    """
    try:
        said = json.loads((directory / READY_FILE).read_text())
        return str(said["text"]) if said["pid"] == pid else ""
    except (OSError, ValueError, KeyError, TypeError):
        return ""
