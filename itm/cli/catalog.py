"""`itm catalog`: check and compare a catalog on disk, apply it to the server, see and restore versions.

`check` and `import` need no server; the others speak to its ops API.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from itm.catalog.diff import diff
from itm.catalog.load import MAIN, load_bundle, load_path, read_bundle
from itm.catalog.octodns import convert
from itm.catalog.types import Catalog
from itm.cli import canary, client
from itm.cli.client import OpsClient
from itm.cli.columns import columns, show_time
from itm.cli.difference import compared_lines
from itm.cli.plan import plan_lines
from itm.dns import zone
from itm.errors import CatalogError, Refused

VERSIONS = "/api/v1/catalog/versions"
POLL_SECONDS = 0.5
SETTLE_SECONDS = 180.0  # a full build takes up to 30 s, and one may be under way


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the actions and their options."""
    actions = parser.add_subparsers(metavar="ACTION", required=True, dest="action")
    check = actions.add_parser("check", help="report every fault of a catalog on disk")
    compare = actions.add_parser("diff", help="what a catalog on disk would change")
    compare.add_argument(
        "--against", default="live", metavar="VERSION|PATH", help="default: the live version"
    )
    apply = actions.add_parser("apply", help="make a catalog on disk live, if its Plan is safe")
    plan = actions.add_parser("plan", help="what a catalog on disk would do to clients; it does not go live")
    plan.add_argument("--json", action="store_true", help="the API's answer as it is")
    for action in (check, compare, apply, plan):
        action.add_argument(
            "path", type=Path, metavar="PATH", help=f"a folder with {MAIN}, or the file itself"
        )
    show = actions.add_parser("show", help="print a version's files (default: the live one's)")
    show.add_argument("version", nargs="?", default="live", metavar="VERSION")
    show.add_argument("--file", metavar="NAME", help="only this file")
    history = actions.add_parser("history", help="all versions and what became of them")
    rollback = actions.add_parser("rollback", help="make an earlier version's content live again")
    rollback.add_argument("version", type=int, metavar="VERSION")
    for action in (apply, rollback):
        action.add_argument(
            "--force",
            action="store_true",
            help="even past the Plan's limits, or without a live service; is recorded",
        )
        action.add_argument("--message", default="", metavar="TEXT", help="why, for `history`")
        canary.configure(action)
    trial = actions.add_parser("canary", help="the version that a slice of the networks lives with")
    trial.add_argument("verb", nargs="?", choices=canary.VERBS, default="status")
    for action in (compare, apply, plan, trial, show, history, rollback):
        client.configure(action)
    convert_ = actions.add_parser("import", help="turn an octoDNS zone file's dynamic records into services")
    convert_.add_argument("path", type=Path, metavar="FILE")
    convert_.add_argument("--zone", required=True, metavar="example.net.")
    convert_.add_argument("--catalog", type=Path, metavar="PATH", help="whose POPs have the file's addresses")


def run(args: argparse.Namespace) -> int:
    """Do the action; 0 if it was done, 1 if the server refused the catalog, or would refuse it."""
    local: dict[str, Callable[[argparse.Namespace], int]] = {"check": _check, "import": _import}
    if args.action in local:
        return local[args.action](args)
    remote: dict[str, Callable[[OpsClient, argparse.Namespace], int]] = {
        "diff": _diff, "apply": _apply, "plan": _plan, "show": _show, "history": _history,
        "rollback": _rollback, "canary": canary.run,
    }  # fmt: skip
    return remote[args.action](client.client_of(args), args)


@dataclass(frozen=True, slots=True)
class Wait:
    """Asks until an answer will do. Raises `Refused` (504) with the text if none does in time."""

    clock: Callable[[], float]
    sleep: Callable[[float], None]
    late: str

    def until(self, ask: Callable[[], Any], will_do: Callable[[Any], bool]) -> Any:
        """Return the first answer that will do."""
        deadline = self.clock() + SETTLE_SECONDS
        while not will_do(found := ask()):
            if self.clock() >= deadline:
                raise Refused(504, self.late)
            self.sleep(POLL_SECONDS)
        return found


def settled(
    ops: OpsClient, version: int, *, clock: Callable[[], float], sleep: Callable[[float], None]
) -> Any:
    """Return the version once the builder has taken it up. Raises `Refused` if it never does."""
    late = f"version {version} still waits for the builder: see `itm catalog history`"
    wait = Wait(clock, sleep, late)
    return wait.until(lambda: ops.get(f"{VERSIONS}/{version}"), lambda found: found["status"] != "pending")


def _check(args: argparse.Namespace) -> int:
    catalog = load_path(args.path, zone.faults)
    counts = (catalog.pops, "POP"), (catalog.services, "service"), (catalog.zones, "zone")
    print("sound: " + ", ".join(f"{len(items)} {noun}{'s'[: len(items) != 1]}" for items, noun in counts))
    return 0


def _import(args: argparse.Namespace) -> int:
    pops = load_path(args.catalog).pops if args.catalog else ()
    addresses = {address: pop.id for pop in pops for address in (*pop.ipv4, *pop.ipv6)}
    try:
        text = args.path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CatalogError([f"{args.path}: {error}"]) from error
    imported = convert(text, args.path.name, args.zone, addresses)
    print(imported.text, end="")
    for note in imported.notes:
        print(f"note: {note}", file=sys.stderr)
    return 0


def _diff(ops: OpsClient, args: argparse.Namespace) -> int:
    changes = diff(_against(ops, args.against), load_path(args.path, zone.faults))
    print("\n".join(map(str, changes)) or "no difference")
    return 0


def _against(ops: OpsClient, word: str) -> Catalog:
    if word != "live" and not word.isdecimal():
        return load_path(Path(word))
    return load_bundle(ops.get(f"{VERSIONS}/{word}")["files"])


def _apply(ops: OpsClient, args: argparse.Namespace) -> int:
    files = read_bundle(args.path)
    load_bundle(files, zone.faults)
    body = {"files": files, "force": args.force, "message": args.message, **canary.wanted(args)}
    return _wait(ops, ops.post("/api/v1/catalog", body)["version"])


def _plan(ops: OpsClient, args: argparse.Namespace) -> int:
    files = read_bundle(args.path)
    load_bundle(files, zone.faults)
    path = f"/api/v1/catalog/plans/{ops.post('/api/v1/catalog/plans', {'files': files})['plan']}"
    wait = Wait(time.monotonic, time.sleep, "the builder has not answered yet")
    found = wait.until(lambda: ops.get(path), lambda answer: answer["answered_at"] is not None)
    if found["reason"]:
        raise Refused(409, found["reason"])
    if args.json:
        print(json.dumps(found, indent=2))
    else:
        classes = [one["difference"] for one in found["classes"]]
        end = f"would be refused: {found['unsafe']}" if found["unsafe"] else "would go live"
        print("\n".join([*compared_lines({**found, "classes": classes}), end]))
    return 1 if found["unsafe"] else 0


def _rollback(ops: OpsClient, args: argparse.Namespace) -> int:
    body = {"version": args.version, "force": args.force, **canary.wanted(args)}
    if args.message:
        body["message"] = args.message
    return _wait(ops, ops.post("/api/v1/catalog/rollback", body)["version"])


def _wait(ops: OpsClient, version: int) -> int:
    print(f"version {version} waits for its Plan", flush=True)
    found = settled(ops, version, clock=time.monotonic, sleep=time.sleep)
    if found.get("plan"):
        print("\n".join(plan_lines(found["plan"])))
    print(f"version {version} is {found['status']}" + (f": {found['reason']}" if found["reason"] else ""))
    if found["status"] == "canary":
        print("the builder watches it: see `itm catalog canary`")
    elif found["status"] != "live":
        return 1
    _tell_pin(ops)
    return 0


def _tell_pin(ops: OpsClient) -> None:
    """Say so when answers come from a map that a person went back to, whatever catalog is live."""
    pin = ops.get("/api/v1/map").get("pinned")
    if pin:
        print(f"map {pin['version']} is pinned: no answer changes until `itm map unpin` publishes the newest")


def _show(ops: OpsClient, args: argparse.Namespace) -> int:
    files = ops.get(f"{VERSIONS}/{args.version}")["files"]
    if args.file is not None and args.file not in files:
        raise Refused(404, f"no file {args.file!r} (there are: {', '.join(files)})")
    for name, text in files.items():
        if args.file is None:
            print(f"# {'-' * 8} {name}")
        if args.file in {None, name}:
            print(text, end="" if text.endswith("\n") else "\n")
    return 0


def _history(ops: OpsClient, args: argparse.Namespace) -> int:
    del args
    rows = [
        (
            str(found["version"]),
            found["status"] + (" (forced)" if found["forced"] else ""),
            show_time(found["created_at"]),
            found["author"],
            found["reason"] or found["message"],
        )
        for found in ops.get(VERSIONS)["versions"]
    ]
    print(columns(("version", "status", "created", "author", "about"), rows))
    _tell_pin(ops)
    return 0
