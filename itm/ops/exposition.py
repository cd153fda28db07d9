"""What `/metrics` shows beyond the edge's own counters: read from files and tables when somebody looks.

Names begin with `itm_`; a test compares them with docs/api.md. Labels never carry a client's network.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from itm.collector import collector_report
from itm.dns.counters import read_all
from itm.ops import canarygauges
from itm.ops.api.demand import census_report
from itm.ops.api.maps import builder_report
from itm.ops.api.models import ALARMING, drift_report, retraining_report
from itm.ops.context import Edge
from itm.ops.health import PopEntry
from itm.ops.https import Https
from itm.ops.metrics import Registry, Sample
from itm.routemap import current

Read = Callable[[], Iterable[Sample]]


def register(registry: Registry, edge: Edge) -> None:
    """Add every gauge and foreign counter to the edge's registry."""
    _register_edge(registry, edge)
    _register_dns(registry, lambda: read_all(edge.config.state_dir))
    _register_collector(registry, lambda: collector_report(edge.config.state_dir))
    _register_builder(registry, lambda: builder_report(edge.config.state_dir) or {})
    _register_model(registry, lambda: drift_report(edge.config.state_dir))
    registry.gauge(
        "itm_model_retraining_failed",
        "1 when the last changed training table was refused, or could not be tried.",
        lambda: [({}, retraining_report(edge.config.state_dir).get("outcome") in ALARMING)],
    )
    _register_demand(registry, lambda: census_report(edge.config.state_dir))


def register_https(registry: Registry, secure: Https | None) -> None:
    """Add what there is to say about HTTPS connections; None: nobody listens."""
    held = [secure] if secure is not None else []
    registry.gauge(
        "itm_https_connections",
        "Open HTTPS connections.",
        lambda: [({}, len(one.connections)) for one in held],
    )
    registry.counted(
        "itm_https_connections_shed_total",
        "HTTPS connections closed to make room.",
        lambda: [({"reason": reason}, count) for one in held for reason, count in one.shed()],
    )


def _register_edge(registry: Registry, edge: Edge) -> None:
    registry.gauge(
        "itm_pop_state",
        "State of a POP: 0 up, 1 degraded, 2 drained, 3 down.",
        lambda: [({"pop": pop}, entry.health.state) for pop, entry in edge.board.entries().items()],
    )
    registry.gauge(
        "itm_pop_addresses_down",
        "Addresses of a POP that fail their checks while others pass.",
        lambda: [({"pop": pop}, len(entry.health.down)) for pop, entry in edge.board.entries().items()],
    )
    registry.gauge(
        "itm_pop_certificate_days",
        "Days until the first certificate expires that checks of a POP were shown.",
        _certificate_days(edge),
    )
    registry.gauge(
        "itm_pop_dissent",
        "Votes of agents that contradict the state of a POP's addresses.",
        lambda: [({"pop": pop}, _dissent(entry)) for pop, entry in edge.board.entries().items()],
    )
    registry.gauge(
        "itm_probe_agent_age_seconds",
        "Time since an agent's last report, from the first one on.",
        _ages(edge),
    )
    for name, about, key in (
        ("itm_pop_sessions", "Sessions that a POP's hosts reported within a minute.", "sessions"),
        ("itm_pop_capacity", "Sessions that those hosts can carry.", "capacity"),
    ):
        registry.gauge(name, about, _loads(edge, key))
    _register_sources(registry, edge)
    registry.gauge(
        "itm_pops_fail_open",
        "1 when every POP is down and answers go out as if all were up.",
        lambda: [({}, edge.board.fail_open)],
    )
    registry.gauge(
        "itm_catalog_version", "Live catalog version; 0: none.", lambda: [({}, edge.live.now.number)]
    )
    registry.gauge(
        "itm_map_version", "Live route map; 0: none.", lambda: [({}, current.live_version(edge.maps) or 0)]
    )
    registry.counted(
        "itm_journal_records_total",
        "Measurements made durable in the journal.",
        lambda: [({}, edge.journal.committed)],
    )
    registry.counted(
        "itm_journal_failures_total",
        "Journal commits that failed and were tried again.",
        lambda: [({}, edge.journal.failures)],
    )


def _register_sources(registry: Registry, edge: Edge) -> None:
    for name, about, key in (
        ("itm_source_age_seconds", "Age of the newest datum of a source about a POP.", "age_seconds"),
        ("itm_source_stale", "1 when that is older than the source's setting allows.", "is_stale"),
    ):
        registry.gauge(name, about, _heard(edge, key))


def _heard(edge: Edge, key: str) -> Read:
    return lambda: [
        ({"source": one.source, "pop": one.pop}, getattr(one, key))
        for one in edge.sources.heard(edge.live.now.pop_ids)
    ]


def _certificate_days(edge: Edge) -> Read:
    def read() -> Iterable[Sample]:
        for pop, entry in edge.board.entries().items():
            views = (view for standing in entry.standings.values() for view in standing.views)
            days = [view.verdict.days_left for view in views if view.verdict.days_left is not None]
            if days:
                yield {"pop": pop}, min(days)

    return read


def _dissent(entry: PopEntry) -> int:
    quorums = [standing.quorum for standing in entry.standings.values()]
    return sum(r.down if quorum.up else r.up for quorum in quorums for r in quorum.regions)


def _ages(edge: Edge) -> Read:
    def read() -> Iterable[Sample]:
        for agent in edge.agents.listing():
            if (heard := edge.agents.heard(agent.name)) is not None:
                yield {"agent": agent.name, "region": agent.region}, edge.clock() - heard.at

    return read


def _loads(edge: Edge, key: str) -> Read:
    def read() -> Iterable[Sample]:
        known = {pop: edge.loads.of(pop, edge.clock()) for pop in edge.board.entries()}
        return [({"pop": pop}, getattr(load, key)) for pop, load in known.items() if load is not None]

    return read


def _register_dns(registry: Registry, workers: Callable[[], list[dict[str, Any]]]) -> None:
    def total(key: str) -> Read:
        return lambda: [({}, sum(stats.get(key, 0) for stats in workers()))]

    def by(key: str, label: str) -> Read:
        return lambda: _summed([stats.get(key, {}) for stats in workers()], label)

    for name, about, read in (
        ("itm_dns_queries_total", "Queries received.", total("queries")),
        ("itm_dns_responses_total", "Responses by rcode.", by("rcodes", "rcode")),
        ("itm_dns_steered_total", "Steered answers by POP.", by("pops", "pop")),
        ("itm_dns_ecs_total", "Queries with a client subnet.", total("ecs")),
        ("itm_dns_sessions_total", "Queries for session names by outcome.", by("sessions", "outcome")),
        ("itm_dns_tcp_total", "Queries over TCP.", total("tcp")),
        ("itm_dns_tls_total", "Queries over TLS.", total("tls")),
        ("itm_dns_tls_handshakes_total", "TLS handshakes begun.", total("tls_handshakes")),
        ("itm_dns_tls_failed_total", "TLS handshakes that came to no end.", total("tls_failed")),
        ("itm_dns_connections_shed_total", "Connections closed to make room.", by("shed", "reason")),
        (
            "itm_dns_proxy_malformed_total",
            "Trusted proxies' packets without header.",
            total("proxy_malformed"),
        ),
        ("itm_dns_dropped_total", "Packets that got no response.", total("dropped")),
        ("itm_dns_limited_total", "Responses above the rate of a client network.", total("limited")),
        ("itm_dns_slipped_total", "Of those, responses sent truncated.", total("slipped")),
        ("itm_dns_failures_total", "Queries answered SERVFAIL because of our own fault.", total("failures")),
    ):
        registry.counted(name, about, read)
    registry.gauge("itm_dns_connections", "Open connections.", by("connections", "transport"))
    registry.gauge("itm_dns_workers", "DNS workers that report.", lambda: [({}, len(workers()))])
    registry.gauge(
        "itm_dns_signatures_end_seconds", "When the first signature ends, Unix time.", _first_end(workers)
    )


def _first_end(workers: Callable[[], list[dict[str, Any]]]) -> Read:
    """Return the earliest end that a worker serves; no sample where nothing is signed."""

    def read() -> Iterable[Sample]:
        ends = [stats["signatures_end_at"] for stats in workers() if stats.get("signatures_end_at")]
        return [({}, min(ends))] if ends else []

    return read


def _register_builder(registry: Registry, report: Callable[[], dict[str, Any]]) -> None:
    def one(key: str) -> Read:
        return lambda: [({}, report()[key])] if key in report() else []

    registry.gauge(
        "itm_drift_alarms",
        "Places whose round trips to a POP drifted away from what was usual.",
        lambda: [({}, len(report()["drifts"]))] if "drifts" in report() else [],
    )
    registry.gauge(
        "itm_silent_seconds",
        "For how long nothing was measured, 0 while somebody measures.",
        lambda: [({}, (report()["silence"] or {"seconds": 0})["seconds"])] if "silence" in report() else [],
    )
    for name, about, key in (
        ("itm_pop_planned_sessions", "Sessions a POP will have by the map, of all services.", "load"),
        ("itm_pop_planned_share", "Those as a share of its capacity.", "share"),
        ("itm_pop_wanted_sessions", "Sessions a POP would have if none could be full.", "wanted"),
    ):
        registry.gauge(name, about, _planned(report, key))
    registry.gauge(
        "itm_capacity_exceeded",
        "POPs that will be above 95 % of their capacity.",
        lambda: [({}, len(told["above"]))] if (told := report().get("capacity")) else [],
    )
    registry.gauge(
        "itm_own_step_runs",
        "1 for an own step that ran at the last build, 0 for one that is as if it were not there.",
        lambda: [({"step": one["step"]}, int(not one["fault"])) for one in report().get("own_steps", [])],
    )
    registry.gauge(
        "itm_own_step_seconds",
        "What an own step took of the last build.",
        lambda: [({"step": one["step"]}, one["seconds"]) for one in report().get("own_steps", [])],
    )
    canarygauges.register(registry, report)
    registry.counted("itm_builder_builds_total", "Builds since the builder started.", one("builds"))
    registry.gauge("itm_builder_build_seconds", "Duration of the last build.", one("build_seconds"))
    registry.gauge("itm_builder_built_timestamp_seconds", "Time of the last build.", one("built_at"))
    registry.gauge("itm_builder_resolvers", "Resolvers answered by their clients.", one("resolvers"))
    registry.gauge("itm_builder_cells", "Window cells in memory.", one("cells"))
    registry.counted(
        "itm_builder_deltas_total",
        "Deltas that came, by what was done with them.",
        lambda: _summed([report().get("deltas", {})], "result"),
    )
    registry.counted("itm_builder_records_total", "Measurements that counted.", one("counted"))
    registry.counted(
        "itm_builder_own_network_records_total",
        "Measurements that contradict their network's place and counted for the network alone.",
        one("own_only"),
    )
    registry.counted(
        "itm_builder_refused_total",
        "Measurements that did not count, by reason.",
        lambda: _summed([report().get("refused", {})], "reason"),
    )


def _register_model(registry: Registry, report: Callable[[], dict[str, Any]]) -> None:
    def judged(value: Callable[[dict[str, Any]], float]) -> Read:
        def read() -> Iterable[Sample]:
            found = report()
            return [({}, value(found))] if found.get("verdict", "too few") != "too few" else []

        return read

    registry.gauge(
        "itm_model_drifted",
        "1 when the predictor is worse on live data than it may be.",
        judged(lambda found: found["verdict"] == "drifted"),
    )
    registry.gauge("itm_model_places", "Places it was judged by.", lambda: [({}, report().get("places", 0))])
    registry.gauge(
        "itm_model_error_ms",
        "Its typical error on live data.",
        judged(lambda found: found["error_ms"]["value"]),
    )
    registry.gauge(
        "itm_model_regret_ms",
        "What its choice costs more than the best POP measured.",
        judged(lambda found: found["regret_ms"]["value"]),
    )
    registry.gauge(
        "itm_model_nearest_ms", "What the nearest POP costs more.", judged(lambda found: found["nearest_ms"])
    )


def _register_demand(registry: Registry, report: Callable[[], dict[str, Any]]) -> None:
    def one(key: str) -> Read:
        return lambda: [({}, report()[key])] if key in report() else []

    registry.gauge("itm_demand_networks", "Networks in which somebody was counted.", one("networks"))
    registry.gauge("itm_demand_clients", "Clients counted that measured.", one("clients"))
    registry.gauge(
        "itm_demand_queries",
        "Steered queries of the last day, by service.",
        lambda: _summed([report().get("queries", {})], "service"),
    )
    registry.gauge("itm_demand_lost", "Of the last day, queries whose network had no room.", one("lost"))
    registry.gauge(
        "itm_demand_addresses_share", "Share of demand that follows addresses.", one("addresses_share")
    )


def _planned(report: Callable[[], dict[str, Any]], key: str) -> Read:
    """Return a reader of one number of each POP; none while nobody knows how many sessions there are."""

    def read() -> Iterable[Sample]:
        told = report().get("capacity") or {"pops": {}}
        return [({"pop": pop}, one[key]) for pop, one in told["pops"].items()]

    return read


def _register_collector(registry: Registry, report: Callable[[], dict[str, Any]]) -> None:
    def one(key: str) -> Read:
        return lambda: [({}, report()[key])] if key in report() else []

    registry.counted("itm_collector_deltas_total", "Deltas made since the collector started.", one("made"))
    registry.gauge("itm_collector_deltas_waiting", "Deltas not durable at the builder yet.", one("waiting"))
    registry.counted(
        "itm_collector_rewound_total", "Moves in the journal by the builder's word.", one("rewound")
    )


def _summed(parts: Iterable[dict[str, float]], label: str) -> list[Sample]:
    totals: dict[str, float] = {}
    for part in parts:
        for name, value in part.items():
            totals[name] = totals.get(name, 0) + value
    return [({label: name}, value) for name, value in sorted(totals.items())]
