from __future__ import annotations

import dataclasses

from itm.catalog.types import ZoneText
from itm.dns import zone as zones
from itm.dns.dnssec import ECDSA_P256, SigningKey, digest, expiration_of, generate, public_of, tag_of
from itm.dns.name import encode
from itm.dns.rdata import DNSKEY, A, Rdata, RRset
from itm.dns.resign import DAY, JITTER_SECONDS, REFRESH_SECONDS, VALID_SECONDS, Signing, resign
from itm.dns.signatures import Signatures, ZoneKeys
from itm.dns.signedzone import signable, with_keys

ORIGIN = encode("example.net.")
NOW = 1_700_000_000.0
TEXT = "$TTL 60\n@ SOA ns a 1 2 3 4 5\n@ NS ns\nns A 192.0.2.1\nsub NS ns.sub\nns.sub A 192.0.2.2\n"


def key() -> SigningKey:
    private = generate(ECDSA_P256)
    return SigningKey(ORIGIN, public_of(private, is_entry_point=True), private)


def job(*keys: SigningKey, data: int = 0, variants: tuple[RRset, ...] = ()) -> Signing:
    """A zone whose DNSKEY set all keys sign, and one of them the rest."""
    apex = ZoneKeys(60, {DNSKEY: tuple(each.public.rdata for each in keys)})
    zone = with_keys(zones.parse(ZoneText("example.net.", TEXT)), apex, {})
    return Signing(zone, apex, variants, keys, (keys[data],))


def test_all_that_is_served_is_signed_once() -> None:
    """Neither glue nor a delegation's NS; the key set by every entry point."""
    one, two = key(), key()
    variant = RRset(encode("gw.example.net."), A, 20, (Rdata(b"\xc0\0\2\1"),))
    wanted = job(one, two, variants=(variant,))
    made, count = resign([wanted], Signatures(), NOW)
    owners = [rrset.owner for rrset in signable(wanted.zone)]
    assert owners.count(encode("sub.example.net.")) == 1  # its NSEC
    assert encode("ns.sub.example.net.") not in owners
    assert len(made.rrsigs[digest(variant)]) == 1
    keys = wanted.zone.nodes[ORIGIN].rrsets[DNSKEY]
    assert {tag_of(rdata) for rdata in made.rrsigs[digest(keys)]} == {one.public.tag, two.public.tag}
    assert count == len(made.rrsigs) + 1
    assert made.zones[ORIGIN] is wanted.keys


def test_signatures_are_kept_until_a_week_is_left() -> None:
    """What holds is taken over, what is near its end made anew, at moments of its own."""
    wanted = job(key())
    first, count = resign([wanted], Signatures(), NOW)
    again, none = resign([wanted], first, NOW + DAY)
    assert (again.rrsigs, none) == (first.rrsigs, 0)
    ends = [expiration_of(rdata) for rdatas in first.rrsigs.values() for rdata in rdatas]
    assert min(ends) == first.ends_at
    assert NOW + VALID_SECONDS - JITTER_SECONDS <= min(ends) < max(ends) <= NOW + VALID_SECONDS
    later, some = resign([wanted], first, sorted(ends)[len(ends) // 2] - REFRESH_SECONDS + 1)
    assert 0 < some < count
    assert later.ends_at > first.ends_at


def test_another_key_signs_anew() -> None:
    """After a rollover every RRset has the new key's signature and no other."""
    one, two = key(), key()
    first, _ = resign([job(one, two)], Signatures(), NOW)
    wanted = dataclasses.replace(job(one, two, data=1))
    then, count = resign([wanted], first, NOW)
    tags = {tag_of(rdata) for rrset in signable(wanted.zone) for rdata in then.rrsigs[digest(rrset)]}
    assert tags == {one.public.tag, two.public.tag}
    assert count == len(then.rrsigs) - 1  # the key set's two hold
