"""The edge process: its parts are made and wired here, and run until it is told to stop.

Public listener, ops listener, probes, journal, health table, one loop that follows the store. What
the parts do stands in their own files; nothing else in `itm.ops` starts anything.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from collectors.clienthash import ClientHash
from collectors.journal import JournalWriter
from collectors.probe.loop import ProbeLoop
from collectors.rum.origin import Origin
from itm.config import Config
from itm.dns.certificate import Pair
from itm.dns.connections import Bounds
from itm.dns.listen import Listen
from itm.dns.listen import parse as parse_listen
from itm.dns.networks import Networks
from itm.dns.openfiles import raise_limit
from itm.errors import CatalogError, ConfigError, SnapshotError
from itm.ops import app, demo, exposition, https, rum
from itm.ops.agents import Agents
from itm.ops.api.maps import hold_pin
from itm.ops.aside import Aside
from itm.ops.context import Counters, Edge, Explain, Overrides
from itm.ops.health import HealthBoard
from itm.ops.https import Https
from itm.ops.listen import Door, bound, served
from itm.ops.live import LiveCatalog
from itm.ops.loads import Loads
from itm.ops.metrics import Registry
from itm.ops.overload import Overload
from itm.ops.pairing import Pairing
from itm.ops.probes import plans_of
from itm.ops.sessions import Sessions
from itm.ops.sources import FILE as SOURCES_FILE
from itm.ops.sources import Sources
from itm.routemap.health import HealthReader, HealthWriter
from itm.steer.explainer import Explainer
from itm.steer.loads import FILE as LOADS_FILE
from itm.stopping import stop_requested
from itm.store.engine import open_engine

log = logging.getLogger(__name__)

UNPRIVILEGED = contextlib.nullcontext()
"""Binding as whoever we are."""
FOLLOW_SECONDS = 0.5
"""How often the store is looked at: bounds how late an expiry or another process's change is seen."""


@dataclass(frozen=True, slots=True)
class Running:
    """A running edge: its parts and the addresses really bound; `tls`: public ones over TLS."""

    edge: Edge
    public: Listen
    tls: tuple[Listen, ...]
    ops: Listen


def run(config: Config, binding: AbstractContextManager[None] = UNPRIVILEGED) -> None:
    """Run until SIGTERM or the end of the input pipe; sockets are bound inside `binding`.

    Raises `ConfigError` at start.
    """
    asyncio.run(_run(config, binding))


async def _run(config: Config, binding: AbstractContextManager[None]) -> None:
    raise_limit()  # checks that hang hold a socket each
    async with running(config, binding=binding) as now:
        tls = {"tls": ", ".join(map(str, now.tls))} if now.tls else {}
        log.info("edge.ready", extra={"public": now.public, **tls, "ops": now.ops})
        await stop_requested(supervised=True)
    log.info("edge.stopped")


@contextlib.asynccontextmanager
async def running(
    config: Config,
    *,
    explain: Explain | None = None,
    clock: Callable[[], float] = time.time,
    binding: AbstractContextManager[None] = UNPRIVILEGED,
) -> AsyncIterator[Running]:
    """Run the edge inside the block; on leaving, requests finish and the journal is on disk.

    `explain` answers `why`; by default an `Explainer` of these settings does. Sockets are bound inside
    `binding`; certificates and all other files are read after it.
    """
    with contextlib.ExitStack() as held:
        with binding:
            plain, tls, ops = (held.enter_context(bound(*where)) for where in _listens(config))
        secure = _https(config)
        public = [Door(plain[0]), *(Door(sock, secure) for sock in tls)]
        clients = ClientHash(clock)
        origin = _origin(config)
        edge, probes = held.enter_context(_made(config, explain, clock))
        exposition.register_https(edge.registry, secure)
        malformed = edge.registry.counter(
            "itm_http_malformed_total", "Requests that were no HTTP, by listener."
        )
        await _follow_once(edge, probes)
        async with (
            served(
                app.build(edge, clients), [Door(ops[0])], malformed=partial(malformed.add, listener="ops")
            ),
            served(
                rum.build(edge, origin, clients), public, malformed=partial(malformed.add, listener="public")
            ),
            _background(edge, probes, secure),
        ):
            tls_addresses = tuple(door.address for door in public[1:])
            yield Running(edge, public[0].address, tls_addresses, Door(ops[0]).address)


def _listens(config: Config) -> Iterator[tuple[list[Listen], str]]:
    """Return the addresses of each setting: public, public over TLS, ops."""
    yield [parse_listen(config.public.listen, "public.listen")], "public.listen"
    yield [parse_listen(text, "public.tls_listen") for text in config.public.tls_listen], "public.tls_listen"
    yield [parse_listen(config.ops.listen, "ops.listen")], "ops.listen"


@contextlib.contextmanager
def _made(
    config: Config, explain: Explain | None, clock: Callable[[], float]
) -> Iterator[tuple[Edge, ProbeLoop]]:
    """Make the parts; what holds a file or a thread is closed on leaving."""
    state = config.state_dir
    engine = open_engine(config.store_url)
    left = HealthReader(state / "health.table").read()
    table = _table(state / "health.table", clock)
    sources = Sources(state / SOURCES_FILE, config.stale, clock)
    journal = JournalWriter(
        state / "journal",
        segment_bytes=config.collect.journal_segment_bytes,
        fsync_ms=config.collect.fsync_ms,
        max_bytes=config.collect.journal_max_bytes,
        on_commit=sources.note_records,
    )
    board = HealthBoard(
        table,
        resume=left,
        clock=clock,
        region=config.probe.region,
        heard=lambda pop, at: sources.note("probe", pop, at),
    )
    registry = Registry()
    pairing = Pairing(state, config.collect.pairing_half_life_days, registry, clock)
    edge = Edge(
        config=config,
        engine=engine,
        live=LiveCatalog(engine),
        board=board,
        agents=Agents(engine, board, registry, clock),
        loads=Loads(state / LOADS_FILE, config.stale.load_seconds),
        sources=sources,
        overrides=Overrides(engine, board, clock),
        journal=journal,
        overload=Overload(registry, lambda: journal.pending_bytes),
        sessions=Sessions(config, registry, clock, pairing.asked),
        registry=registry,
        counters=_counters(registry),
        explain=explain or Explainer(config, engine).explain,
        pairing=pairing,
        aside=Aside(),
        clock=clock,
    )
    exposition.register(registry, edge)
    checks = registry.counter("itm_probe_checks_total", "Health checks made, by result.")
    journal.start()
    try:
        yield edge, ProbeLoop(board.observe, lambda result: checks.add(result=result))
    finally:
        journal.close()
        table.close()
        engine.dispose()


@contextlib.asynccontextmanager
async def _background(edge: Edge, probes: ProbeLoop, secure: Https | None) -> AsyncIterator[None]:
    """Probe, and follow the store and the certificate inside the block."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(probes.run()), group.create_task(_follow(edge, probes))]
        tasks += [group.create_task(edge.pairing.run()), group.create_task(edge.sources.run())]
        tasks += [group.create_task(edge.overload.watch()), group.create_task(edge.loads.run())]
        if secure is not None:
            tasks.append(group.create_task(secure.watch()))
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()


async def _follow(edge: Edge, probes: ProbeLoop) -> None:
    while True:
        await asyncio.sleep(FOLLOW_SECONDS)
        try:
            await _follow_once(edge, probes)
        except (SQLAlchemyError, OSError, CatalogError) as error:  # what was read before stays in force
            log.warning("store.unread", extra={"error": str(error)})


async def _follow_once(edge: Edge, probes: ProbeLoop) -> None:
    """Take up overrides and agents, then another live catalog, and put a moved pointer back."""
    await edge.overrides.reload()
    await edge.agents.reload()
    if await edge.live.refresh():
        now = edge.live.now
        plans = plans_of(now.catalog.pops, edge.config.probe)
        if edge.config.demo.enabled:
            plans = demo.checked_here(plans, edge.config.demo)
        edge.board.set_pops({pop.id: plans.get(pop.id) for pop in now.catalog.pops})
        edge.agents.set_plans(plans)
        probes.replace(plans)
        log.info(
            "catalog.live", extra={"version": now.number, "pops": len(now.pop_ids), "checked": len(plans)}
        )
    await edge.sessions.follow()
    held = await asyncio.to_thread(hold_pin, edge.engine, edge.maps)
    if held is not None:
        log.warning("map.pin_held", extra={"version": held})


def _table(path: Path, clock: Callable[[], float]) -> HealthWriter:
    """Open the health table, or make a damaged one anew: no one's answer may hang on a file that can be made.

    Readers go on with what they read last until the fresh one is there.
    """
    try:
        return HealthWriter(path, clock)
    except SnapshotError as error:
        log.warning("health.table_remade", extra={"reason": str(error)})
        path.unlink()
        return HealthWriter(path, clock)


def _https(config: Config) -> Https | None:
    public = config.public
    if public.tls_files is None:
        return None
    exempt = Networks(public.trusted_proxies, "public.trusted_proxies")
    bounds = Bounds(public.tls_connections, public.tls_per_client, https.IDLE_SECONDS, exempt)
    return Https(Pair(*public.tls_files), https.SETTINGS, bounds)


def _origin(config: Config) -> Origin:
    try:
        return Origin(config.public.trusted_proxies)
    except ValueError as error:
        raise ConfigError(f"public.trusted_proxies: {error}") from error


def _counters(registry: Registry) -> Counters:
    return Counters(
        accepted=registry.counter("itm_measurements_total", "Measurements accepted, by source."),
        refused=registry.counter(
            "itm_measurements_refused_total", "Measurements refused, by source and reason."
        ),
    )
