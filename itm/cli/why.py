"""`itm why`: the story of one answer, step by step, from the server that gave it."""

from __future__ import annotations

import argparse
import json
from typing import Any

from itm.cli import client
from itm.cli.columns import columns
from itm.cli.rooms import rooms_told

SHOWN_SHIFTS = 3
"""POPs named of each rung that shifts predictions."""

SHOWN = 8
"""POPs shown without --all: the candidates and the first few behind them, besides those of `_matters`."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the question and the options."""
    parser.add_argument("name", metavar="NAME", help="a steered name")
    parser.add_argument("--client", default="", metavar="ADDR", help="the client, as ECS would tell it")
    parser.add_argument("--resolver", default="", metavar="ADDR", help="the resolver, when no ECS comes")
    parser.add_argument("--type", default="A", choices=["A", "AAAA"], help="the record type asked for")
    parser.add_argument("--all", action="store_true", help="list every POP and client")
    parser.add_argument("--json", action="store_true", help="the API's answer as it is")
    client.configure(parser)


def run(args: argparse.Namespace) -> int:
    """Ask and tell; 0 if there is a story. Raises `Refused`."""
    if not (args.client or args.resolver):
        args.client = "127.0.0.1"
    query = {"name": args.name, "client": args.client, "resolver": args.resolver, "type": args.type}
    story = client.client_of(args).get("/api/v1/why", **{k: v for k, v in query.items() if v})
    print(json.dumps(story, indent=2) if args.json else told(story, everything=args.all))
    return 0


def told(story: dict[str, Any], *, everything: bool = False) -> str:
    """Return the story as text for a terminal."""
    parts = [_answer(story), _ladder(story)]
    parts += [_clients(story, everything)] if story["clients"] else []
    rooms = [rooms_told(story["capacity"])] if story.get("capacity") else []
    return "\n\n".join([*parts, _pops(story, everything), _steps(story), *rooms, _end(story)])


def _answer(story: dict[str, Any]) -> str:
    answer, served_map = story["answer"], story["map"]
    values = ", ".join(answer["values"]) or "no address of this type"
    scope = f"scope /{answer['scope']}" if story["located_by"] == "client" else "no scope: by resolver"
    beside = answer["beside"]
    scope += f" (beside it {beside['network']} is answered {beside['pop']})" if beside else ""
    shares = ", ".join(f"{pop} {share:.0%}" for pop, share in answer["shares"].items())
    block = story["merged"]
    merged = ""
    if block:
        cost = f"costs {block['loss_ms']:g} ms of {block['limit_ms']:g}"
        merged = f"  merged into its neighbours' scope: {cost} against {block['instead_of']}\n"
    drawn = f"  drawn per query: {shares}\n" if len(answer["shares"]) > 1 else ""
    trial = story.get("canary")
    by = f"; canary {trial['catalog_version']} decided" if trial and trial["decided"] else ""
    return (
        f"{story['name']} {story['type']} for {story['network']}  ->  {answer['pop']}  {values}\n"
        f"{drawn}{merged}"
        f"  TTL {answer['ttl']} s, {scope}; map {served_map['version']}, leaf {served_map['leaf']} "
        f"({served_map['basis']}, {served_map['age_seconds']:.0f} s old), "
        f"catalog {served_map['catalog_version']}{by}"
    )


def _ladder(story: dict[str, Any]) -> str:
    rows = [
        (r["rung"], r["is"], f"{r['samples_used']:g}" if r["samples_used"] else "", _shifts(r))
        for r in story["ladder"]
    ]
    text = columns(("rung", "is", "samples used", "shifts predictions by"), rows)
    if story.get("geoip"):
        text += "\nYour GeoIP databases: " + ", ".join(f"{k} {v}" for k, v in story["geoip"].items())
    by = f"the clients learned behind it ({len(story['clients'])} networks)" if story["clients"] else ""
    return (
        f"{text}\nDecided by {by or 'the row of its ' + story['row']}; last mile {story['access_ms']:g} ms."
        + _rest(story.get("rest", {}))
    )


def _rest(rest: dict[str, Any]) -> str:
    resting = (
        "\nIt moved of late and rests: nothing is better enough for now." if rest.get("is_resting") else ""
    )
    left = rest.get("not_back_to")
    return resting + (f"\nIt does not go back to {left} yet, which it left of late." if left else "")


def _clients(story: dict[str, Any], everything: bool) -> str:
    header = ("behind this resolver", "weight", "seen", "best for it", "ms")
    rows = [
        (c["network"], f"{c['weight']:g}", f"{c['age_days']:g} d ago", c["best"], f"{c['best_ms']:.1f}")
        for c in story["clients"]
    ]
    shown = rows if everything else rows[:SHOWN]
    more = f"\n... and {len(rows) - len(shown)} more (--all)" if len(rows) > len(shown) else ""
    return columns(header, shown) + more


def _shifts(rung: dict[str, Any]) -> str:
    """Return what a wide rung shifts, the largest first."""
    shifts = sorted(rung.get("shifts_percent", {}).items(), key=lambda one: -abs(one[1]))
    more = f", {len(shifts) - SHOWN_SHIFTS} more" if len(shifts) > SHOWN_SHIFTS else ""
    return ", ".join(f"{pop} {percent:+g} %" for pop, percent in shifts[:SHOWN_SHIFTS]) + more


def _pops(story: dict[str, Any], everything: bool) -> str:
    rows = []
    for p in story["pops"]:
        low, high = p["interval_ms"]
        marks = [m for m, is_set in (("in band", p["in_band"]), ("not allowed", p["out"])) if is_set]
        marks += [f"bias {p['bias_ms']:+g} ms"] if p["bias_ms"] else []
        marks += [f"handicap {p['handicap_ms']:+g} ms"] if p.get("handicap_ms") else []
        marks += [f"leg {p['leg_ms']:g} ms"] if p.get("leg_ms") else []
        marks += [f"cost {p['cost']:g}"] if p.get("cost") is not None else []
        marks += [f"slower of late {p['slower_ms']:+g} ms"] if p.get("slower_ms") else []
        marks += [f"unsteady {p['unsteady_ms']:+g} ms"] if p["unsteady_ms"] else []
        marks += [f"availability {p['availability']:.0%}"] if p["availability"] is not None else []
        marks += [f"load {p['load']['share']:.0%}"] if p.get("load") else []
        evidence = f"{p['samples']:g} from {p['distinct']}" if p["samples"] else ""
        rows.append(
            (
                p["pop"],
                f"{p['estimate_ms']:.1f}",
                f"{low:.1f}-{high:.1f}",
                p["origin"],
                evidence,
                f"{p['predicted_ms']:.1f}",
                p["health"],
                ", ".join(marks),
            )
        )
    header = ("pop", "ms", "interval", "origin", "samples", "predicted", "health", "notes")
    matters = _matters(story)
    shown = [row for at, row in enumerate(rows) if everything or at < SHOWN or row[0] in matters]
    more = f"\n... and {len(rows) - len(shown)} more (--all)" if len(rows) > len(shown) else ""
    return columns(header, shown) + more


def _matters(story: dict[str, Any]) -> set[str | None]:
    """Return the POPs that are part of the story wherever they stand: those with measurements, the one that
    was first before stickiness, the answer and the runner-up.
    """
    measured = {p["pop"] for p in story["pops"] if p["samples"] or p["availability"] is not None}
    before = {step["first_before"] for step in story["steps"] if step["step"] == "sticky"}
    after = {story["runner_up"]["pop"]} if story["runner_up"] else set()
    return {*measured, *before, story["answer"]["pop"], *after}


def _steps(story: dict[str, Any]) -> str:
    lines = []
    ranked = False
    width = max(10, *(len(step["step"]) for step in story["steps"]))
    for step in story["steps"]:
        effects = [f"dropped {', '.join(step['dropped'])}"] if step.get("dropped") else []
        effects += [f"put behind: {', '.join(step['demoted'])}"] if step.get("demoted") else []
        if step.get("not_up"):
            effects.append(", ".join(f"{pop} is {state}" for pop, state in step["not_up"].items()))
        if step.get("addresses_down"):
            effects.append(f"addresses that are down: {', '.join(step['addresses_down'])}")
        if step.get("fail_open"):
            effects.append("all candidates are down: answered as if all were up")
        if ranked and step.get("first_before", step["first"]) != step["first"]:
            effects.append(f"{step['first']} now before {step['first_before']}")
        told = "; ".join(effects) or "no change"
        told += f" ({step['note']})" if step.get("note") else ""
        ranked = ranked or step["step"] in {"fastest", "up"}  # until then the order is that of the catalog
        lines.append(f"  {step['step']:<{width}} {told}" + (f"  (first: {step['first']})" if ranked else ""))
    return "Steps\n" + "\n".join(lines)


def _end(story: dict[str, Any]) -> str:
    after = story["runner_up"]
    told_after = "No other candidate."
    if after is not None:
        gap = "" if after["gap_ms"] is None else f" ({after['gap_ms']:+.1f} ms)"
        told_after = f"Runner-up: {after['pop']}{gap}, {after['flips']}."
    return f"{told_after}\n{story['credit']}"
