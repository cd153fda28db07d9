"""`itm model drift`: what the running server's predictor is worth on live data."""

from __future__ import annotations

import argparse
import json
from datetime import UTC, datetime
from typing import Any

from itm.cli import client
from itm.cli.columns import columns


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument("--json", action="store_true", help="the API's answer as it is")
    client.configure(parser)


def show(args: argparse.Namespace) -> int:
    """Print the verdict with its figures; 0, or 1 when the predictor drifted."""
    report = client.client_of(args).get("/api/v1/model/drift")
    drifted = report["verdict"] == "drifted"
    if args.json:
        print(json.dumps(report, indent=2))
        return int(drifted)
    last = report["retraining"]
    if last.get("outcome") not in (None, "unchanged"):
        when = datetime.fromtimestamp(last["looked_at"], UTC)
        print(f"a changed training table was {last['outcome']} at {when:%Y-%m-%d %H:%M} UTC")
        for reason in last["reasons"]:
            print(f"  {reason}")
    print(f"verdict: {report['verdict']}")
    for reason in report["reasons"]:
        print(f"  {reason}")
    if report["verdict"] != "too few":
        _figures(report)
    return int(drifted)


def _figures(report: dict[str, Any]) -> None:
    error, regret = report["error_ms"], report["regret_ms"]
    print(f"{report['cells']} round trips of {report['places']} places, without the last mile")
    print(f"typical error {error['value']:.1f} ms ({error['low']:.1f} to {error['high']:.1f})")
    low, middle, high = report["signed_ms"]
    print(f"measured less predicted: p10 {low:.1f}, p50 {middle:.1f}, p90 {high:.1f} ms")
    below = ", ".join(f"{q} {s:.0%}" for q, s in zip(("p25", "p50", "p75"), report["below"], strict=True))
    print(f"measured below {below}")
    print(
        f"its choice loses {regret['value']:.2f} ms on average ({regret['low']:.2f} to "
        f"{regret['high']:.2f}), the nearest POP {report['nearest_ms']:.2f} ms"
    )
    rows = [
        (
            one["kind"],
            one["name"],
            str(one["cells"]),
            f"{one['error_ms']:.1f}",
            "off" if one["is_off"] else "",
        )
        for one in report["parts"]
    ]
    print(columns(("", "name", "measured", "error ms", ""), rows))
