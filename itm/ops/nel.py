"""POST /rum/v1/nel: reports of Network Error Logging in, what they say of POPs to the journal.

What is refused is counted by reason and told, but with a status that browsers take for success where the
body could be read: another attempt with the same report would fare no better. 400: nothing could be read;
503: the disk is behind, and the browser comes again.
"""

from __future__ import annotations

from aiohttp import web

from collectors.clienthash import ClientHash
from collectors.measurement import records
from collectors.network import Network
from collectors.rum import nel
from collectors.rum.beacon import WHOLE_BODY
from collectors.rum.budget import Budgets
from collectors.rum.origin import Origin
from collectors.rum.popfinder import PopFinder
from itm.catalog.types import Catalog
from itm.ops.context import Edge
from itm.ops.live import Version
from itm.ops.visitor import CORS, client_of


class Reports:
    """The endpoint. `origin` finds the client of a request, `clients` hashes its address."""

    def __init__(self, edge: Edge, origin: Origin, clients: ClientHash) -> None:
        collect = edge.config.collect
        self._edge = edge
        self._origin = origin
        self._clients = clients
        self._budgets = Budgets(collect.network_reports_per_hour, collect.reports_per_second)
        self._told = edge.registry.counter(
            "itm_nel_availability_total", "Measurements of browsers' reports, by POP and outcome."
        )
        self._found: tuple[Version | None, PopFinder] = None, PopFinder()

    async def receive(self, request: web.Request) -> web.Response:
        """POST /rum/v1/nel."""
        edge = self._edge
        address = client_of(request, self._origin)
        result = nel.parse(
            await request.read(),
            network=Network.of_address(address),
            client=self._clients.of(address),
            now=edge.clock(),
            pops=self._finder(edge.live.now),
            budgets=self._budgets,
        )
        if result.accepted:
            edge.journal.append(records(result.accepted))
        edge.counters.accepted.add(len(result.accepted), source="nel")
        for one in result.accepted:
            self._told.add(pop=one.pop, outcome="served" if one.value else "failed")
        for refusal in result.refused:
            edge.counters.refused.add(source="nel", reason=refusal.code)
        if not result.refused:
            return web.Response(status=204, headers=CORS)
        refused = [{"index": r.index, "code": r.code, "text": r.text} for r in result.refused]
        is_unread = result.refused[0].index == WHOLE_BODY
        answer = {"accepted": len(result.accepted), "refused": refused}
        return web.json_response(answer, status=400 if is_unread else 200, headers=CORS)

    def _finder(self, now: Version) -> PopFinder:
        """Return what finds the POPs of this catalog; made once for each."""
        if self._found[0] is not now:
            self._found = now, finder_of(now.catalog)
        return self._found[1]


def finder_of(catalog: Catalog) -> PopFinder:
    """Return what finds a POP by its `probe_url`, by its own name below a service, or by its addresses."""
    pops = catalog.pops
    direct = [service.name for service in catalog.services if service.form.has_direct]
    return PopFinder(
        urls=[(pop.probe_url, pop.id) for pop in pops if pop.probe_url],
        names=[(f"{pop.id}.{name}", pop.id) for name in direct for pop in pops],
        addresses=[(address, pop.id) for pop in pops for address in (*pop.ipv4, *pop.ipv6)],
    )
