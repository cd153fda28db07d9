"""`itm replay`: what a changed catalog or predictor would have made of the last day; changes nothing."""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from itm.catalog.load import MAIN, load_path
from itm.cli import settings
from itm.cli.columns import columns, show_time
from itm.cli.difference import TOP, compared_lines
from itm.dns import zone
from itm.errors import ConfigError
from itm.priority import yield_to_all
from itm.steer.lastday import LastDay
from itm.steer.replay import replay
from models import artifact

PREDICTOR: Final = "predictor.skops"
"""In the state directory: the one in use."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add what has changed, and where the day is."""
    text = f"a changed catalog: a folder with {MAIN}, or the file itself (default: the live one)"
    parser.add_argument("path", type=Path, nargs="?", metavar="PATH", help=text)
    parser.add_argument("--predictor", type=Path, metavar="FILE", help="another predictor")
    parser.add_argument("--top", type=int, default=TOP, metavar="N", help=f"lines per table (default {TOP})")
    parser.add_argument("--json", action="store_true", help="everything, as data")
    settings.configure(parser)


def run(args: argparse.Namespace) -> int:
    """Decide both worlds and tell the difference; 0 if that was done. Raises `ItmError`, `ModelError`."""
    if args.path is None and args.predictor is None:
        raise ConfigError("name a catalog, --predictor FILE, or both: nothing has changed")
    config = settings.config_of(args)
    catalog = load_path(args.path, zone.faults) if args.path else None
    yield_to_all()
    predictor = artifact.load(args.predictor or config.state_dir / PREDICTOR)
    with tempfile.TemporaryDirectory(prefix="itm-replay-") as folder:
        day = LastDay(config, Path(folder))
        world = day.changed(catalog, predictor)
        before, after = day.reading(day.live), day.reading(world)
        room = day.room(world)
        found = replay(before, after, day.hours(), room, args.top).as_dict()
    told = {"at": day.now, "capacity": dict(room.capacity), **found}
    print(json.dumps(told, indent=2) if args.json else "\n".join(lines_of(told)))
    return 0


def lines_of(told: Mapping[str, Any]) -> list[str]:
    """Return the outcome as a person reads it."""
    lines = [f"the day up to {show_time(told['at'])}, as it was and as it would have been"]
    lines += compared_lines(told)
    rows = [_hour(one, told["capacity"]) for one in told["hours"]]
    header = ("hour", "queries", "fullest before", "fullest", "above 95 % before", "above 95 %")
    why = "no queries were counted" if told["classes"] else "no service is steered"
    return [*lines, columns(header, rows) if rows else f"{why}: no loads by the hour"]


def _hour(one: Mapping[str, Any], capacity: Mapping[str, float]) -> tuple[str, ...]:
    sides = ("load_before", "load")
    fullest = (_fullest(one[side], one["sessions"], capacity) for side in sides)
    full = (", ".join(one[side]) for side in ("full_before", "full"))
    return (show_time(one["start"]), f"{one['queries']:.0f}", *fullest, *full)


def _fullest(load: Mapping[str, float], sessions: float | None, capacity: Mapping[str, float]) -> str:
    """Tell the POP with the least room left, or without sessions or capacities the one with most demand."""
    if sessions is None or not capacity:
        pop = max(load, key=lambda name: load[name])
        return f"{pop} {load[pop]:.1%} of demand"
    used = {pop: load.get(pop, 0.0) * sessions / room for pop, room in capacity.items()}
    pop = max(used, key=lambda name: used[name])
    return f"{pop} {used[pop]:.0%} full"
