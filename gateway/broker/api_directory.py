"""What a directory says of a login, for the operator's `ldap test`."""

from __future__ import annotations

from aiohttp import web

from gateway.broker.access import DIRECTORIES, operator
from gateway.broker.body import read_object
from gateway.errors import NotFound


async def test(request: web.Request) -> web.Response:
    """POST /directories/test {tenant, user, password}: whom it means; an empty password is not tried."""
    operator(request)
    body = await read_object(request, ("tenant", "user", "password"))
    found = await request.app[DIRECTORIES].find(
        body["tenant"], body["user"], body["password"], lambda _lasting: None
    )
    if found is None:
        raise NotFound(f"no directory of {body['tenant']} knows {body['user']}")
    answer = {"directory": found.directory, "name": found.name, "dn": found.dn, "groups": list(found.groups)}
    return web.json_response(answer | {"refusal": found.refusal})
