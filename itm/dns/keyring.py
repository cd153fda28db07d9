"""The keys of one zone and the rules by which they change (RFC 7583), so that no moment of it is bogus.

Pure: keys, policy and time in, keys out. A zone has either one key that signs everything (CSK) or an entry
point that signs the keys (KSK) and another that signs the rest (ZSK).

A key's life: `published` (in the DNSKEY set, so that caches learn it) -> `active` (signs) -> `retired` (still
published, for the signatures and the DS in caches) -> gone. A ZSK goes through it by itself. An entry point
waits, active beside the old one, until someone says that the parent has its DS: both sign the DNSKEY set.

Why this is safe: a validator that has an old DNSKEY set knows the key of every signature made until the new
key was published for the set's TTL; one that has an old signature finds its key until the longest TTL of the
zone has passed; and the old DS leads to a key that still signs until that DS has left the caches.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

Role = Literal["csk", "ksk", "zsk"]
Stage = Literal["published", "active", "retired"]

PROPAGATION_SECONDS: Final = 3600
"""For every server of the zone to have what was published; a slow secondary may need more."""


@dataclass(frozen=True, slots=True)
class ZoneKey:
    """One key by its id. `since`: when its stage began. `ds_seen_at`: when the parent had its DS.

    All times are seconds since 1970.
    """

    id: str
    role: Role
    algorithm: int
    stage: Stage
    since: float
    ds_seen_at: float | None = None

    @property
    def is_entry_point(self) -> bool:
        """Whether the parent's DS points here."""
        return self.role != "zsk"


@dataclass(frozen=True, slots=True)
class Policy:
    """What the operator wants of one zone. TTLs in seconds; a ZSK is replaced after `zsk_seconds`."""

    algorithm: int
    is_split: bool = False
    zsk_seconds: float = 90 * 86_400.0
    key_ttl: int = 3600
    longest_ttl: int = 86_400
    ds_ttl: int = 86_400
    propagation_seconds: float = PROPAGATION_SECONDS

    @property
    def roles(self) -> tuple[Role, ...]:
        """The roles that the zone has keys of."""
        return ("ksk", "zsk") if self.is_split else ("csk",)


@dataclass(frozen=True, slots=True)
class Wanted:
    """A key that has to be made, because there is none of its role or the last one is to be replaced."""

    role: Role
    stage: Stage


def as_begun(policy: Policy, keys: Sequence[ZoneKey]) -> Policy:
    """Return the policy with the roles and the algorithm of the keys that there are.

    Neither may change under a live zone: caches have a key set that does not know the new kind of key, and a
    zone has to be signed by every algorithm of its key set (RFC 4035 2.2).
    """
    if not keys:
        return policy
    is_split = all(key.role != "csk" for key in keys)
    return replace(policy, algorithm=keys[0].algorithm, is_split=is_split)


def waiting(keys: Iterable[ZoneKey], seen: Container[str], now: float) -> tuple[ZoneKey, ...]:
    """Return the keys; a published one that nobody could see yet (`seen` has the ids) is published now."""
    return tuple(
        replace(key, since=now) if key.stage == "published" and key.id not in seen else key for key in keys
    )


def missing(keys: Sequence[ZoneKey], policy: Policy, now: float) -> Wanted | None:
    """Return the next key to make, if any: the first of a role is active at once, a ZSK's successor waits."""
    for role in policy.roles:
        own = [key for key in keys if key.role == role and key.stage != "retired"]
        if not own:
            return Wanted(role, "active")
        is_due = all(now - key.since >= policy.zsk_seconds for key in own if key.stage == "active")
        if role == "zsk" and len(own) == 1 and is_due:
            return Wanted(role, "published")
    return None


def advance(keys: Sequence[ZoneKey], policy: Policy, now: float) -> tuple[ZoneKey, ...]:
    """Return the keys as they are to be from now on: stages moved, dead ones gone."""
    moved = tuple(_risen(key, policy, now) for key in keys)
    retired = tuple(_retired(key, moved, policy, now) for key in moved)
    return tuple(key for key in retired if not _is_gone(key, policy, now))


def _risen(key: ZoneKey, policy: Policy, now: float) -> ZoneKey:
    """Published for as long as a cache may keep the DNSKEY set without it: it may sign."""
    is_known = now - key.since >= policy.key_ttl + policy.propagation_seconds
    return replace(key, stage="active", since=now) if key.stage == "published" and is_known else key


def _retired(key: ZoneKey, keys: Sequence[ZoneKey], policy: Policy, now: float) -> ZoneKey:
    newer = [
        k
        for k in keys
        if k.role == key.role and k.stage == "active" and (k.since, k.id) > (key.since, key.id)
    ]
    if key.stage != "active" or not newer:
        return key
    if key.is_entry_point:
        newer = [k for k in newer if k.ds_seen_at is not None and now - k.ds_seen_at >= policy.ds_ttl]
    return replace(key, stage="retired", since=now) if newer else key


def _is_gone(key: ZoneKey, policy: Policy, now: float) -> bool:
    return key.stage == "retired" and now - key.since >= policy.longest_ttl + policy.propagation_seconds


def entry_signers(keys: Iterable[ZoneKey]) -> tuple[ZoneKey, ...]:
    """Return the keys that sign the DNSKEY, CDS and CDNSKEY sets: every entry point, whatever its stage.

    A retired one too, as its DS may still be in a cache; a published one already, as its DS may come early.
    """
    return tuple(key for key in keys if key.is_entry_point)


def zone_signer(keys: Iterable[ZoneKey], policy: Policy) -> ZoneKey:
    """Return the key that signs the zone's data: the newest active one of the role that does."""
    role = policy.roles[-1]
    return max(
        (k for k in keys if k.role == role and k.stage == "active"), key=lambda key: (key.since, key.id)
    )


def announced(keys: Iterable[ZoneKey]) -> tuple[ZoneKey, ...]:
    """Return the entry points whose DS the parent shall have (CDS, RFC 7344): the newest active one."""
    active = [key for key in keys if key.is_entry_point and key.stage == "active"]
    return (max(active, key=lambda key: (key.since, key.id)),) if active else ()


def next_change(keys: Sequence[ZoneKey], policy: Policy) -> float:
    """Return when `advance` or `missing` will have something to do by themselves; infinity: never."""
    times = [float("inf")]
    for key in keys:
        if key.stage == "published":
            times.append(key.since + policy.key_ttl + policy.propagation_seconds)
        elif key.stage == "retired":
            times.append(key.since + policy.longest_ttl + policy.propagation_seconds)
        elif key.role == "zsk":
            times.append(key.since + policy.zsk_seconds)
        elif key.ds_seen_at is not None:
            times.append(key.ds_seen_at + policy.ds_ttl)
    return min(times)
