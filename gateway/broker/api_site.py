"""What a site's controller says now, past the cache, for the operator's `site check`."""

from __future__ import annotations

import asyncio
from dataclasses import asdict

from aiohttp import web

from gateway.broker import locations, sites
from gateway.broker.access import DESK, OFFERS, operator
from gateway.broker.body import read_object
from gateway.broker.nfuse import User


async def check(request: web.Request) -> web.Response:
    """POST /sites/check {tenant, site, user, password}: what it publishes to the user, "" for anybody.

    The user is named as the controller names them. A password that is not empty is validated first.
    """
    operator(request)
    body = await read_object(request, ("tenant", "site", "user", "password"))
    engine, tenant = request.app[DESK].engine, body["tenant"]
    site = await asyncio.to_thread(sites.find, engine, body["site"], tenant=tenant)
    location = await asyncio.to_thread(locations.find, engine, site.location, tenant=tenant)
    ask = request.app[OFFERS].enumeration.controllers
    user = User(body["user"], site.domain) if body["user"] else None
    if user and body["password"]:
        await ask.validate(site, location, user, body["password"])
    found = await ask.applications(site, location, user)
    return web.json_response({"applications": [asdict(each) for each in found]})
