"""What agents of checks ask the public listener: to be enrolled, for their plan, to take a report.

Over HTTPS only, since a credential travels with each request: on a connection of our own TLS, from loopback,
or from a trusted proxy that says it was HTTPS. Every refusal is JSON with its reason, and counted.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import Final

from aiohttp import web

from collectors.errors import FormError
from collectors.probe.agent import form, report
from collectors.rum.origin import Origin, parse_address
from itm.errors import NotEnrolled, Refused
from itm.ops.auth import bearer
from itm.ops.context import EDGE, Edge
from itm.ops.errors import error_response
from itm.store.agents import Agent

LONGEST_SECRET: Final = 200
CREDENTIAL: Final = re.compile(r"[A-Za-z0-9_-]{43,100}")
"""256 random bits in base64url, or more."""
NO_STORE: Final = {"Cache-Control": "no-store"}

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Reporting:
    """The endpoints. `origin` knows the trusted proxies."""

    def __init__(self, origin: Origin) -> None:
        self._origin = origin

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [
            web.post("/probe/v1/agent/enrol", self._counted(self.enrol)),
            web.get("/probe/v1/agent/plan", self._counted(self.plan)),
            web.post("/probe/v1/agent/report", self._counted(self.report)),
        ]

    async def enrol(self, request: web.Request) -> web.Response:
        """POST /probe/v1/agent/enrol: a one-time token becomes the credential that the agent made."""
        given = form.parse(await request.read(), "enrolment")
        token, credential = (
            form.text(given.get(name), name, LONGEST_SECRET) for name in ("token", "credential")
        )
        if not CREDENTIAL.fullmatch(credential):
            raise FormError("credential: expected at least 43 characters of base64url")
        agent = await request.app[EDGE].agents.enrol(token, credential)
        answer = {"name": agent.name, "region": agent.region, "expires_at": agent.expires_at}
        return web.json_response(answer, headers=NO_STORE)

    async def plan(self, request: web.Request) -> web.Response:
        """GET /probe/v1/agent/plan: what to check, and how."""
        agents = request.app[EDGE].agents
        self._who(request)
        return web.Response(body=agents.plan, content_type="application/json", headers=NO_STORE)

    async def report(self, request: web.Request) -> web.Response:
        """POST /probe/v1/agent/report: outcomes; answers with the version of the plan that holds now."""
        agents = request.app[EDGE].agents
        agent = self._who(request)
        taken = agents.take(agent, report.decode(await request.read()))
        answer = {
            "accepted": taken.accepted,
            "refused": taken.refused,
            "duplicate": taken.is_duplicate,
            "plan": agents.version,
        }
        return web.json_response(answer, headers=NO_STORE)

    def _who(self, request: web.Request) -> Agent:
        secret = bearer(request.headers.get("Authorization", ""))
        if not secret:
            raise Refused(401, "this needs the agent's credential: Authorization: Bearer …")
        return request.app[EDGE].agents.who(secret[: LONGEST_SECRET + 1])

    def _counted(self, answer: Answer) -> Answer:
        async def counted(request: web.Request) -> web.StreamResponse:
            edge = request.app[EDGE]
            try:
                if not self._is_private(request):
                    raise Refused(403, "agents speak HTTPS: this connection can be read on the way")
                return await answer(request)
            except (FormError, NotEnrolled, Refused) as error:
                return _refusal(edge, error)

        return counted

    def _is_private(self, request: web.Request) -> bool:
        """Tell whether nobody reads along; a trusted proxy's word counts for more than its link."""
        if request.remote is None:
            return request.secure
        peer = parse_address(request.remote)
        says = request.headers.get("X-Forwarded-Proto", "").strip().lower()
        if says and self._origin.is_trusted(peer):
            return says == "https"
        return request.secure or peer.is_loopback


def _refusal(edge: Edge, error: FormError | NotEnrolled | Refused) -> web.Response:
    kind = {401: "unauthorized", 403: "insecure"}.get(error.status, "") if isinstance(error, Refused) else ""
    edge.agents.reports.add(result=kind or ("malformed" if isinstance(error, FormError) else "not_enrolled"))
    status = error.status if isinstance(error, Refused) else 400 if isinstance(error, FormError) else 403
    headers = {"WWW-Authenticate": 'Bearer realm="itm"'} if status == 401 else None
    return error_response(status, str(error), headers=headers)
