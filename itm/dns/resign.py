"""Every RRset that is served gets the signatures it needs: those that hold are kept, the rest is made.

Pure: zones, keys, the signatures there are and the time in; the signatures there shall be out. The work is
done far from the answers, in the signer's process.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from itm.dns import dnssec
from itm.dns.dnssec import SigningKey
from itm.dns.rdata import CDNSKEY, CDS, DNSKEY, Rdata, RRset
from itm.dns.signatures import Signatures, ZoneKeys
from itm.dns.signedzone import signable
from itm.dns.zone import Zone

DAY: Final = 86_400
BEFORE_SECONDS: Final = 3600
"""Signatures begin an hour ago, for validators whose clocks are late (RFC 6781 4.4.2)."""
VALID_SECONDS: Final = 14 * DAY
JITTER_SECONDS: Final = 2 * DAY
"""Signatures end at different times, so that they are not all made anew in one hour."""
REFRESH_SECONDS: Final = 7 * DAY
"""What is left when a signature is replaced: a week for a person to notice a signer that stands still."""
KEY_TYPES: Final = frozenset({DNSKEY, CDS, CDNSKEY})
"""Signed by the entry points; all else by the zone's key."""


@dataclass(frozen=True, slots=True, eq=False)
class Signing:
    """One zone to sign: with its keys, with what steering can answer in it, and who signs what.

    Without anyone to sign, it keeps the signatures it has.
    """

    zone: Zone
    keys: ZoneKeys
    variants: Sequence[RRset]
    for_keys: tuple[SigningKey, ...]
    for_data: tuple[SigningKey, ...]


def resign(zones: Iterable[Signing], old: Signatures, now: float) -> tuple[Signatures, int]:
    """Return the signatures of these zones and how many of them had to be made at `now`."""
    rrsigs: dict[bytes, tuple[Rdata, ...]] = {}
    made, ends_at = 0, float("inf")
    kept_keys = {}
    for one in zones:
        kept_keys[one.zone.origin] = one.keys
        for rrset in signable(one.zone, one.variants):
            digest = dnssec.digest(rrset)
            held = old.rrsigs.get(digest, ())
            signers = one.for_keys if rrset.rtype in KEY_TYPES else one.for_data
            if signers:
                held, new = _renewed(rrset, digest, held, signers, now)
                made += new
            if held:
                rrsigs[digest] = held
                ends_at = min(ends_at, *map(dnssec.expiration_of, held))
    return Signatures(kept_keys, rrsigs, ends_at if rrsigs else 0.0), made


def _renewed(
    rrset: RRset, digest: bytes, held: Iterable[Rdata], signers: Iterable[SigningKey], now: float
) -> tuple[tuple[Rdata, ...], int]:
    """Return a signature by each signer, those of `held` that are good for longer among them, and how many
    are new.
    """
    by_tag = {dnssec.tag_of(rdata): rdata for rdata in held}
    found, made = [], 0
    for key in signers:
        rdata = by_tag.get(key.public.tag)
        if rdata is None or dnssec.expiration_of(rdata) - now < REFRESH_SECONDS:
            rdata = key.sign(rrset, int(now) - BEFORE_SECONDS, _expiration(digest, now))
            made += 1
        found.append(rdata)
    return tuple(found), made


def _expiration(digest: bytes, now: float) -> int:
    """Return the end of a new signature: its jitter is the RRset's own, so that tests can foresee it."""
    share = int.from_bytes(digest[:4], "big") / (1 << 32)
    return int(now) + VALID_SECONDS - int(share * JITTER_SECONDS)
