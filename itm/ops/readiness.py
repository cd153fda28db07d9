"""Whether this server does its work: what `/readyz` says, each check with its reason.

Ready means that a client's query gets a steered answer now, and a page view its plan. Reads files and the
store; runs in a thread.
"""

from __future__ import annotations

from sqlalchemy.exc import SQLAlchemyError

from itm.dns.counters import read_all
from itm.ops.context import Edge
from itm.routemap import current
from itm.store import catalogs

STALE_SECONDS = 15.0
"""A DNS worker whose report is older than this is taken for gone; they report every second or so."""


def check(edge: Edge) -> dict[str, str]:
    """Return what is wrong, by check; nothing means ready."""
    faults = {"store": _store(edge), "map": _map(edge), "dns": _dns(edge)}
    if not faults["store"]:
        faults["catalog"] = _catalog(edge)
    return {name: fault for name, fault in faults.items() if fault}


def _store(edge: Edge) -> str:
    try:
        if catalogs.live(edge.engine) is None:
            return "no catalog is live"
    except SQLAlchemyError as error:
        return f"the store does not answer: {type(error).__name__}"
    return ""


def _catalog(edge: Edge) -> str:
    """Until its first catalog the edge knows no POP to plan sessions or to take measurements of."""
    return "" if edge.live.now.number else "the edge has not read the live catalog yet"


def _map(edge: Edge) -> str:
    return "" if current.live_version(edge.maps) is not None else "no map was published yet"


def _dns(edge: Edge) -> str:
    """A worker that still serves the map before the live one is no fault: it will follow within a second."""
    oldest = edge.clock() - STALE_SECONDS
    fresh = [stats for stats in read_all(edge.config.state_dir) if stats.get("time", 0) >= oldest]
    if len(fresh) < edge.config.dns.workers:
        return f"{len(fresh)} of {edge.config.dns.workers} DNS workers report"
    without = [stats for stats in fresh if stats.get("map_version") is None]
    return f"{len(without)} DNS workers have no map yet" if without else ""
