"""Enrolment and renewal over HTTPS, who else is enrolled, and what anyone may know of the authority."""

from __future__ import annotations

import asyncio
import logging
from typing import Any, Final

from aiohttp import web

from gateway.broker import certificates
from gateway.broker.access import DESK, NEIGHBOURS, peer
from gateway.broker.authority import Issued
from gateway.broker.body import read_object
from gateway.broker.desk import Desk
from gateway.broker.enrolment import pop_addresses
from gateway.identity import Identity

RENEW_AT: Final = 2 / 3  # of a certificate's life: a day's leaves eight hours for a broker to come back
REVOCATIONS_SECONDS: Final = 60.0
"""How old a revocation list may become."""

log = logging.getLogger(__name__)


async def enrol_connector(request: web.Request) -> web.Response:
    """POST /connectors/enrol {token, csr_pem}: a connector's first certificate."""
    return await _enrol(request, "connector")


async def renew_connector(request: web.Request) -> web.Response:
    """POST /connectors/renew {csr_pem}, with the certificate: the next one."""
    return await _renew(request, "connector")


async def enrol_pop(request: web.Request) -> web.Response:
    """POST /pops/enrol {token, csr_pem}: the first certificate of one host of a POP."""
    return await _enrol(request, "pop")


async def renew_pop(request: web.Request) -> web.Response:
    """POST /pops/renew {csr_pem}, with the certificate: the next one."""
    return await _renew(request, "pop")


async def alternates(request: web.Request) -> web.Response:
    """GET /pops/alternates, with a POP's certificate: where its sessions can go on when it dies."""
    await peer(request, "pop")
    return web.json_response({"alternates": await request.app[NEIGHBOURS].alternates()})


async def ca(request: web.Request) -> web.Response:
    """GET /authority/ca.pem: the root certificate."""
    return web.Response(text=request.app[DESK].authority.ca_pem, content_type="application/x-pem-file")


async def token_key(request: web.Request) -> web.Response:
    """GET /authority/token.pem: the public key that verifies routing tokens."""
    text = request.app[DESK].authority.token_public_pem
    return web.Response(text=text, content_type="application/x-pem-file")


async def revocations(request: web.Request) -> web.Response:
    """GET /authority/crl.pem: the signed list of revoked certificates."""
    desk = request.app[DESK]
    serials = await asyncio.to_thread(certificates.revoked, desk.engine, desk.clock())
    text = await asyncio.to_thread(desk.authority.revocations, serials, REVOCATIONS_SECONDS)
    return web.Response(text=text, content_type="application/x-pem-file")


async def _enrol(request: web.Request, role: str) -> web.Response:
    desk = request.app[DESK]
    body = await read_object(request, ("token", "csr_pem"))
    identity, issued = await asyncio.to_thread(
        desk.enrolment.enrol, role, body["token"], body["csr_pem"], desk.clock()
    )
    return await _answer(desk, identity, issued, "enrolled")


async def _renew(request: web.Request, role: str) -> web.Response:
    desk, identity = request.app[DESK], await peer(request, role)
    body = await read_object(request, ("csr_pem",))
    issued = await asyncio.to_thread(desk.enrolment.renew, identity, body["csr_pem"])
    return await _answer(desk, identity, issued, "renewed")


async def _answer(desk: Desk, identity: Identity, issued: Issued, event: str) -> web.Response:
    log.info(f"{identity.role}.{event}", extra={"id": identity.id, "serial": issued.serial})
    answer: dict[str, Any] = {
        identity.role: identity.id,
        "cert_pem": issued.cert_pem,
        "ca_pem": desk.authority.ca_pem,
        "gateway_name": desk.gateway_name,
        "renew_after_seconds": int((issued.expires_at - issued.issued_at) * RENEW_AT),
    }
    if identity.role == "connector":
        answer["location"] = identity.location
        answer["vda"] = list(identity.hosts)
        answer["gateway_port"] = desk.launcher.port
        answer["pops"] = list(await asyncio.to_thread(pop_addresses, desk.engine))
    else:
        answer["token_key_pem"] = desk.authority.token_public_pem
        answer["signal"] = desk.settings.signal_address
    return web.json_response(answer)
