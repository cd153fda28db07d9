"""Zones: which are served, how they are signed, who else has them; their keys and rollovers, and seeing a DS.

Keys are files that the signer shares with this process (`itm.dns.keystore`); it publishes what changes here
within a second. Private halves never leave the file.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

from aiohttp import web

from itm.catalog.types import ZoneText
from itm.dns import counters, export, keyring, notifier, signatures
from itm.dns import zone as zones
from itm.dns.dnssec import WORDS
from itm.dns.keystore import Keystore, StoredKey
from itm.dns.name import encode
from itm.dns.signer import DS_TTL, KEY_TTL, KEYS, propagation_of
from itm.errors import NotSigned, Refused, SnapshotError
from itm.ops.context import EDGE, Edge
from itm.routemap import current, snapshot


async def listing(request: web.Request) -> web.Response:
    """GET /api/v1/zones: every zone of the live catalog."""
    edge = request.app[EDGE]
    held = await asyncio.to_thread(_signatures, edge)
    serials = await asyncio.to_thread(_serials, edge)
    told = await asyncio.to_thread(notifier.read, edge.config.state_dir)
    shown = []
    for zone in edge.live.now.catalog.zones:
        is_held = encode(zone.name) in held.zones
        shown.append(
            {
                "zone": zone.name,
                "serials": sorted({one[zone.name] for one in serials if zone.name in one}),
                "dnssec": _how(zone),
                "signatures_end_at": held.ends_at if zone.dnssec is not None and is_held else None,
                "secondaries": told.get(zone.name, []),
            }
        )
    return web.json_response({"zones": shown})


async def export_text(request: web.Request) -> web.Response:
    """GET /api/v1/zones/{zone}/export: the zone of the live map as text, as a transfer would send it."""
    edge, name = request.app[EDGE], _absolute(request)
    return web.json_response({"zone": name, "text": await asyncio.to_thread(_export, edge, name)})


async def keys(request: web.Request) -> web.Response:
    """GET /api/v1/zones/{zone}/keys: the keys of a signed zone, where each is in its life, the DS."""
    edge, zone = request.app[EDGE], _zone(request)
    found = await asyncio.to_thread(_store(edge, zone).load)
    return web.json_response(_shown(zone, found))


async def roll(request: web.Request) -> web.Response:
    """POST /api/v1/zones/{zone}/keys/roll: publish the next entry point; 409 while one is under way."""
    edge, zone = request.app[EDGE], _zone(request)
    return web.json_response(_shown(zone, await asyncio.to_thread(_roll, edge, zone)))


async def ds_seen(request: web.Request) -> web.Response:
    """POST /api/v1/zones/{zone}/keys/{key}/ds-seen: the parent has this key's DS; the older one may go."""
    edge, zone = request.app[EDGE], _zone(request)
    found = await asyncio.to_thread(_see, edge, zone, request.match_info["key"])
    return web.json_response(_shown(zone, found))


def _roll(edge: Edge, zone: ZoneText) -> tuple[StoredKey, ...]:
    store = _store(edge, zone)
    with store.locked():
        entry = [key for key in store.load() if key.life.is_entry_point and key.life.stage != "retired"]
        if len(entry) != 1:
            what = "has no key yet" if not entry else "is in the middle of a rollover already"
            raise Refused(409, f"{zone.name} {what}")
        store.make(entry[0].life.role, "published", entry[0].life.algorithm, edge.clock())
        return store.load()


def _see(edge: Edge, zone: ZoneText, key_id: str) -> tuple[StoredKey, ...]:
    store = _store(edge, zone)
    with store.locked():
        key = next((key for key in store.load() if key.life.id == key_id), None)
        if key is None or not key.life.is_entry_point:
            raise Refused(404, f"{zone.name} has no entry point {key_id!r}")
        if key.life.stage != "active":
            wait = "wait until it is active" if key.life.stage == "published" else "it is on its way out"
            raise Refused(409, f"{key_id} is {key.life.stage}: {wait}")
        store.save(replace(key, life=replace(key.life, ds_seen_at=edge.clock())))
        return store.load()


def _absolute(request: web.Request) -> str:
    return request.match_info["zone"].lower().rstrip(".") + "."


def _zone(request: web.Request) -> ZoneText:
    name = _absolute(request)
    for zone in request.app[EDGE].live.now.catalog.zones:
        if zone.name == name:
            if zone.dnssec is None:
                raise Refused(409, f"{name} is not signed: say `dnssec: true` in the catalog's `zones`")
            return zone
    raise Refused(404, f"no zone {name!r} in the live catalog")


def _store(edge: Edge, zone: ZoneText) -> Keystore:
    return Keystore(edge.config.state_dir / KEYS, encode(zone.name))


def _export(edge: Edge, name: str) -> str:
    version = current.live_version(edge.maps)
    if version is None:
        raise Refused(409, "no map is live yet")
    try:
        routemap = snapshot.read(current.path_of(edge.maps, version))
        return export.text_of(routemap, _signatures(edge), encode(name))
    except KeyError:
        raise Refused(404, f"no zone {name!r} in the live map") from None
    except (SnapshotError, NotSigned) as error:
        raise Refused(409, f"zone {name} cannot be exported now: {error}") from error


def _signatures(edge: Edge) -> signatures.Signatures:
    try:
        return signatures.read(edge.config.state_dir / signatures.FILE)
    except SnapshotError:
        return signatures.Signatures()


def _serials(edge: Edge) -> list[dict[str, int]]:
    """Return what each worker serves, by zone."""
    workers = counters.read_all(edge.config.state_dir)
    return [worker.get("serials", {}) for worker in notifier.fresh(workers, edge.clock())]


def _how(zone: ZoneText) -> dict[str, Any] | None:
    how = zone.dnssec
    if how is None:
        return None
    return {
        "algorithm": how.algorithm,
        "keys": "ksk-zsk" if how.is_split else "csk",
        "zsk_days": how.zsk_days,
    }


def _shown(zone: ZoneText, found: tuple[StoredKey, ...]) -> dict[str, Any]:
    lives = [key.life for key in found]
    wanted = {life.id for life in keyring.announced(lives)}
    origin = encode(zone.name)
    known_after = KEY_TTL + propagation_of(zone, zones.parse(zone))
    shown = []
    for key in found:
        life, public = key.life, key.signing.public
        ds = public.ds(origin).wire
        shown.append(
            {
                "key": life.id,
                "role": life.role,
                "algorithm": WORDS[life.algorithm],
                "tag": public.tag,
                "stage": life.stage,
                "since": life.since,
                "active_at": life.since + known_after if life.stage == "published" else None,
                "ds": f"{public.tag} {ds[2]} {ds[3]} {ds[4:].hex()}" if life.is_entry_point else None,
                "is_wanted_at_parent": life.id in wanted,
                "ds_seen_at": life.ds_seen_at,
            }
        )
    return {"zone": zone.name, "ds_ttl_seconds": DS_TTL, "keys": shown}
