"""The signer's process: follows the live map, turns keys over, and keeps the signatures file whole and fresh.

Nothing that answers waits for it: as long as it stands still, what was signed is served until its end, and a
new map whose records are not all signed waits. A zone's serial moves here, with all that a transfer would
send, be it a rollover. Private keys are read here and by the API, nowhere else.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from itm.catalog.types import Dnssec, ZoneText
from itm.dns import flatzone, keyring, serial, signatures, zonebook
from itm.dns.dnssec import ALGORITHMS, WORDS
from itm.dns.keyring import PROPAGATION_SECONDS, Policy
from itm.dns.keystore import Keystore, StoredKey
from itm.dns.name import decode, encode
from itm.dns.rdata import CDNSKEY, CDS, DNSKEY
from itm.dns.resign import REFRESH_SECONDS, Signing, resign
from itm.dns.signatures import Signatures, SignedBy, ZoneKeys
from itm.dns.steered import SteeredName
from itm.dns.steerednames import SteeredNames, names_of
from itm.dns.turnover import Turnover, turn_over
from itm.dns.zone import Zone
from itm.errors import CatalogError, ConfigError, SnapshotError
from itm.routemap import snapshot
from itm.routemap.current import live_version, path_of
from itm.routemap.routemap import RouteMap

log = logging.getLogger(__name__)

KEYS: Final = "keys"
"""Its directory below the state."""
LOOK_SECONDS: Final = 0.5
RETRY_SECONDS: Final = 60
"""After which a zone whose keys could not be read is tried again, if they do not change before."""
BATCH_SECONDS: Final = 3600
"""Signatures end at moments of their own: those of an hour are made anew together, and loaded once."""
KEY_TTL: Final = 3600
DS_TTL: Final = 86_400
"""How long a parent's DS is taken to live in caches: that of most TLDs, and more than the rest's."""


@dataclass(frozen=True, slots=True)
class Task:
    """What has to be looked at again when it changes: the map's version and the files of the keys."""

    version: int
    keys: tuple[tuple[tuple[str, int], ...], ...]


class Signer:
    """Does what is due at each `work`."""

    def __init__(self, maps: Path, keys: Path, file: Path, clock: Callable[[], float] = time.time) -> None:
        self._maps, self._keys, self._file, self._clock = maps, keys, file, clock
        self._signed = SignedBy(file)
        self._signed.look()
        self._routemap: RouteMap | None = None
        self._done: Task | None = None
        self._due_at = 0.0
        self._unsigned: dict[bytes, tuple[int, bytes]] = {}  # serial and content, of those with secondaries

    @property
    def routemap(self) -> RouteMap | None:
        """The live map, as of the last `work`."""
        return self._routemap

    def work(self) -> int | None:
        """Sign what needs it; return how many signatures were made, None when nothing was due."""
        version = live_version(self._maps)
        if version is None:
            return None
        if self._routemap is None or self._routemap.version != version:
            self._routemap = snapshot.read(path_of(self._maps, version), verify=False)
        task = Task(version, tuple(store.stamp() for store, _, _ in self._zones(self._routemap)))
        if task == self._done and self._clock() < self._due_at:
            return None
        made = self._sign(self._routemap)
        self._done = Task(version, tuple(store.stamp() for store, _, _ in self._zones(self._routemap)))
        return made

    def _zones(self, routemap: RouteMap) -> Iterator[tuple[Keystore, ZoneText, Dnssec]]:
        for text in routemap.zones:
            if text.dnssec is not None:
                yield Keystore(self._keys, encode(text.name.lower())), text, text.dnssec

    def _sign(self, routemap: RouteMap) -> int:
        now = self._clock()
        names = names_of(routemap.services, routemap.pops)
        plain = zonebook.zones_of(routemap.zones, names)
        old = self._signed.content
        longest = max((max(service.ttls) for service in routemap.services), default=0)
        turnovers: dict[bytes, Turnover] = {}
        apexes: dict[bytes, ZoneKeys] = {}
        has_fault = False
        for store, text, how in self._zones(routemap):
            origin = encode(text.name.lower())
            before = old.zones.get(origin)
            policy = policy_of(text, how, plain[origin], longest)
            try:
                turnovers[origin] = turn_over(
                    store, policy, before.rdatas.get(DNSKEY, ()) if before else (), now
                )
            except (ConfigError, OSError) as error:
                has_fault = True
                log.error("zone.not_signed", extra={"zone": text.name, "reason": str(error)})
                if before is not None:
                    apexes[origin] = before  # it keeps what it has, the other zones go on
                continue
            self._compare(text.name, policy, turnovers[origin].policy)
            apexes[origin] = apex_of(turnovers[origin].keys, origin)
            if before is not None:
                apexes[origin] = replace(apexes[origin], serial=before.serial, content=before.content)
        work = _Work(routemap, names, plain, turnovers)
        fresh, made, contents = work.sign(apexes, old, now)
        self._watch({o: (serial.of(plain[o].soa), contents[o]) for o in contents.keys() - apexes.keys()})
        moved = {
            origin: serial.moved(serial.of(plain[origin].soa), keys.serial)
            for origin, keys in apexes.items()
            if origin in turnovers and _is_moved(keys, contents[origin], serial.of(plain[origin].soa))
        }
        if moved:
            apexes |= {origin: replace(apexes[origin], serial=number) for origin, number in moved.items()}
            fresh, more, contents = work.sign(apexes, fresh, now)
            made += more
            keys_now = {
                origin: replace(keys, content=contents[origin]) if origin in turnovers else keys
                for origin, keys in apexes.items()
            }
            fresh = replace(fresh, zones=keys_now)
        if made or moved or fresh.rrsigs.keys() != old.rrsigs.keys() or not self._file.exists():
            signatures.write(self._file, fresh)
            self._signed.look()
            log.info("zones.signed", extra={"made": made, "held": len(fresh.rrsigs)})
        for one in turnovers.values():
            one.keep()
        changes = [
            keyring.next_change([key.life for key in one.keys], one.policy) for one in turnovers.values()
        ]
        again = now + RETRY_SECONDS if has_fault else float("inf")
        ends = fresh.ends_at - REFRESH_SECONDS + BATCH_SECONDS if turnovers else float("inf")
        self._due_at = min([again, ends, *changes])
        return made

    def _compare(self, name: str, wanted: Policy, begun: Policy) -> None:
        """Tell of a zone whose catalog asks for other keys than it was begun with."""
        if (wanted.algorithm, wanted.is_split) != (begun.algorithm, begun.is_split):
            log.error(
                "zone.keys_differ",
                extra={"zone": name, "kept": _kind(begun), "asked_for": _kind(wanted)},
            )

    def _watch(self, unsigned: dict[bytes, tuple[int, bytes]]) -> None:
        """Tell of an unsigned zone that changed under its serial: its secondaries will not fetch it."""
        for origin, (number, content) in unsigned.items():
            before = self._unsigned.get(origin)
            if before is not None and before[0] == number and before[1] != content:
                log.warning("zone.serial_stands", extra={"zone": decode(origin), "serial": number})
        self._unsigned = unsigned


@dataclass(frozen=True, slots=True, eq=False)
class _Work:
    """One map's zones as their texts have them, and, by origin of those to be signed, their keys."""

    routemap: RouteMap
    names: SteeredNames
    plain: Mapping[bytes, Zone]
    turnovers: Mapping[bytes, Turnover]

    def sign(
        self, apexes: Mapping[bytes, ZoneKeys], old: Signatures, now: float
    ) -> tuple[Signatures, int, dict[bytes, bytes]]:
        """Return the signatures, how many were made, and a digest of what each serial stands for: of signed
        zones and of those with secondaries.
        """
        zones = zonebook.with_keys(self.routemap.zones, self.plain, apexes, self.names)
        homes = {one: zonebook.nearest(encode(one.name), zones) for one in self.routemap.services}
        steered = [SteeredName(one, zones[home or b""], self.routemap.pops) for one, home in homes.items()]
        jobs = [
            _job(zones[origin], apex, self.turnovers.get(origin), steered) for origin, apex in apexes.items()
        ]
        fresh, made = resign(jobs, old, now)
        sent = {encode(text.name) for text in self.routemap.zones if text.secondaries} | apexes.keys()
        return fresh, made, {o: flatzone.digest(zones[o], steered, fresh.sign) for o in sent}


def _is_moved(keys: ZoneKeys, content: bytes, written: int) -> bool:
    """Whether a zone needs another serial: its content is another one, or its operator wrote a later one."""
    return keys.serial is None or content != keys.content or serial.is_later(written, keys.serial)


def policy_of(text: ZoneText, how: Dnssec, zone: Zone, steered_ttl: int) -> Policy:
    """Return what the catalog asks for, with the longest TTL of the zone's records and of steered answers.

    Secondaries have what was published when their refresh has come round, whatever NOTIFY did.
    """
    ttls = [rrset.ttl for node in zone.nodes.values() for rrset in node.rrsets.values()]
    return Policy(
        ALGORITHMS[how.algorithm],
        how.is_split,
        how.zsk_days * 86_400,
        key_ttl=KEY_TTL,
        longest_ttl=max(steered_ttl, *ttls),
        ds_ttl=DS_TTL,
        propagation_seconds=propagation_of(text, zone),
    )


def propagation_of(text: ZoneText, zone: Zone) -> float:
    """Return the seconds until every server of a zone has what was published."""
    return max(PROPAGATION_SECONDS, serial.lag_of(zone.soa) if text.secondaries else 0)


def apex_of(keys: tuple[StoredKey, ...], origin: bytes) -> ZoneKeys:
    """Return the records that keys put at a zone's apex (CDS and CDNSKEY: what the parent shall have)."""
    announced = {life.id for life in keyring.announced([key.life for key in keys])}
    wanted = [key.signing.public for key in keys if key.life.id in announced]
    return ZoneKeys(
        KEY_TTL,
        {
            DNSKEY: tuple(key.signing.public.rdata for key in keys),
            CDS: tuple(public.ds(origin) for public in wanted),
            CDNSKEY: tuple(public.rdata for public in wanted),
        },
    )


def _job(
    zone: Zone,
    apex: ZoneKeys,
    turnover: Turnover | None,
    steered: Sequence[SteeredName],
) -> Signing:
    variants = [rrset for one in steered if one.zone is zone for rrset in one.variants()]
    if turnover is None:
        return Signing(zone, apex, variants, (), ())
    by_id = {key.life.id: key.signing for key in turnover.keys}
    lives = [key.life for key in turnover.keys]
    entry = tuple(by_id[life.id] for life in keyring.entry_signers(lives))
    return Signing(zone, apex, variants, entry, (by_id[keyring.zone_signer(lives, turnover.policy).id],))


def _kind(policy: Policy) -> str:
    return f"{WORDS[policy.algorithm]} {'ksk-zsk' if policy.is_split else 'csk'}"


async def run(signer: Signer, stopping: asyncio.Event) -> None:
    """Work until `stopping` is set; a fault is logged once per text and tried again."""
    told = ""
    while not stopping.is_set():
        try:
            await asyncio.to_thread(signer.work)
            told = ""
        except (SnapshotError, CatalogError, ConfigError, OSError) as error:
            if str(error) != told:
                told = str(error)
                log.error("signer.failed", extra={"reason": told})
        try:
            async with asyncio.timeout(LOOK_SECONDS):
                await stopping.wait()
        except TimeoutError:
            continue
