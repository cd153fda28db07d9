"""`itm map`: which route maps there are, what the last build did, and going back to one."""

from __future__ import annotations

import argparse
import json

from itm.cli import client
from itm.cli.client import OpsClient
from itm.cli.columns import columns
from itm.cli.difference import TOP, compared_lines
from itm.cli.rooms import rooms_told


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the actions."""
    actions = parser.add_subparsers(metavar="ACTION", required=True, dest="action")
    show = actions.add_parser("show", help="the live map, the versions kept and the last build's plan")
    show.add_argument("--json", action="store_true", help="the API's answer as it is")
    client.configure(show)
    compare = actions.add_parser(
        "diff", help="what one map changed against another, for whom and by how much"
    )
    compare.add_argument("old", type=int, nargs="?", metavar="OLD", help="default: the one kept before NEW")
    compare.add_argument("new", type=int, metavar="NEW")
    compare.add_argument("--top", type=int, default=TOP, metavar="N", help=f"lines per table (default {TOP})")
    compare.add_argument("--json", action="store_true", help="the API's answer as it is")
    client.configure(compare)
    rollback = actions.add_parser("rollback", help="serve an earlier map and publish no other until unpinned")
    rollback.add_argument("version", type=int, metavar="VERSION")
    client.configure(rollback)
    unpin = actions.add_parser("unpin", help="let the builder publish again")
    client.configure(unpin)


def run(args: argparse.Namespace) -> int:
    """Do the action; 0 if it was done."""
    ops = client.client_of(args)
    if args.action == "rollback":
        ops.post("/api/v1/map/rollback", {"version": args.version})
        print(f"map {args.version} is live and pinned; `itm map unpin` lets the builder publish again")
    elif args.action == "unpin":
        ops.post("/api/v1/map/unpin", {})
        print("the builder publishes again")
    elif args.action == "diff":
        _diff(ops, args)
    else:
        _show(ops, args)
    return 0


def _diff(ops: OpsClient, args: argparse.Namespace) -> None:
    answer = ops.get("/api/v1/map/diff", old=args.old, new=args.new, top=args.top)
    if args.json:
        print(json.dumps(answer, indent=2))
        return
    print(f"map {answer['old']} -> map {answer['new']}")
    print("\n".join(compared_lines(answer)))


def _show(ops: OpsClient, args: argparse.Namespace) -> None:
    answer = ops.get("/api/v1/map")
    if args.json:
        print(json.dumps(answer, indent=2))
        return
    pin = answer.get("pinned")
    pinned = f", pinned by {pin['author']}" if pin else ""
    kept = [one["version"] for one in answer["versions"]]
    print(f"live map {answer['live']}{pinned}; kept: {min(kept)} to {max(kept)}" if kept else "no map yet")
    builder = answer.get("builder")
    if not builder:
        return
    print(
        f"builds {builder['builds']}, the last took {builder['build_seconds']:.1f} s for {builder['rows']} "
        f"rows; {builder['counted']} measurements counted, {builder['cells']} cells"
    )
    if builder.get("resolvers"):
        print(f"{builder['resolvers']} resolvers are answered by the clients learned behind them")
    if builder["own_only"]:
        print(f"{builder['own_only']} contradict their network's place and count for the network alone")
    refused = {reason: count for reason, count in builder["refused"].items() if count}
    if refused:
        print("refused: " + ", ".join(f"{reason} {count}" for reason, count in refused.items()))
    for name, plan in builder["plan"].items():
        print(
            f"{name}: moved {plan['moved_share']:.2%} of demand, held back {plan['held_share']:.2%}; "
            f"gained {plan['gained_ms']:z.2f} ms, lost {plan['lost_ms']:z.2f} ms on average"
        )
        loads = sorted(plan["load"].items(), key=lambda item: -item[1])
        rows = [(pop, f"{share:.1%}", f"{plan['load_before'][pop]:.1%}") for pop, share in loads if share]
        print(columns(("pop", "demand", "before"), rows))
    if builder.get("capacity"):
        print(rooms_told(builder["capacity"]))
