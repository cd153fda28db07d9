from __future__ import annotations

from dataclasses import replace

import pytest

from itm.dns.keyring import (
    PROPAGATION_SECONDS,
    Policy,
    ZoneKey,
    advance,
    announced,
    entry_signers,
    missing,
    zone_signer,
)

SPLIT = Policy(13, is_split=True, zsk_seconds=1e6, key_ttl=600, longest_ttl=3000, ds_ttl=5000)
CSK = replace(SPLIT, is_split=False)
SETTLE = 600 + PROPAGATION_SECONDS
LINGER = 3000 + PROPAGATION_SECONDS


def live(policy: Policy, keys: tuple[ZoneKey, ...], now: float) -> tuple[ZoneKey, ...]:
    """What the signer does at a moment: keys move, missing ones are made."""
    keys = advance(keys, policy, now)
    while (wanted := missing(keys, policy, now)) is not None:
        keys = (*keys, ZoneKey(f"k{now:09.0f}{wanted.role}", wanted.role, 13, wanted.stage, now))
    return keys


def stages(keys: tuple[ZoneKey, ...]) -> list[str]:
    return [f"{key.role} {key.stage}" for key in keys]


def test_a_fresh_zone_signs_at_once() -> None:
    """Nobody has cached anything of it: the first keys are active."""
    assert stages(live(SPLIT, (), 0)) == ["ksk active", "zsk active"]
    assert stages(live(CSK, (), 0)) == ["csk active"]


def test_a_zsk_is_replaced_by_itself() -> None:
    """Published, known to caches, signing; the old one stays published for the signatures in caches."""
    keys = live(SPLIT, live(SPLIT, (), 0), 1e6)
    assert stages(keys) == ["ksk active", "zsk active", "zsk published"]
    assert zone_signer(keys, SPLIT) == keys[1]
    assert stages(live(SPLIT, keys, 1e6 + SETTLE - 1)) == stages(keys)
    keys = live(SPLIT, keys, 1e6 + SETTLE)
    assert stages(keys) == ["ksk active", "zsk retired", "zsk active"]
    assert zone_signer(keys, SPLIT) == keys[2]
    assert stages(live(SPLIT, keys, 1e6 + SETTLE + LINGER - 1)) == stages(keys)
    assert stages(live(SPLIT, keys, 1e6 + SETTLE + LINGER)) == ["ksk active", "zsk active"]


@pytest.mark.parametrize("policy", [SPLIT, CSK], ids=["split", "csk"])
def test_an_entry_point_waits_for_its_ds(policy: Policy) -> None:
    """Both sign the keys; the old one goes only after the parent's DS has left the caches, then lingers."""
    old = live(policy, (), 0)
    role = policy.roles[0]
    keys = (*old, ZoneKey("new", role, 13, "published", 100))
    assert announced(keys) == (keys[0],)
    assert len(entry_signers(keys)) == 2
    keys = live(policy, keys, 100 + SETTLE)
    assert announced(keys)[0].id == "new"
    assert stages(live(policy, keys, 9e5))[0] == f"{role} active"  # nobody has seen the DS
    seen = tuple(replace(key, ds_seen_at=10_000.0) if key.id == "new" else key for key in keys)
    assert stages(live(policy, seen, 10_000 + 4999))[0] == f"{role} active"
    keys = live(policy, seen, 10_000 + 5000)
    assert stages(keys)[0] == f"{role} retired"
    assert len(entry_signers(keys)) == 2
    keys = live(policy, keys, 15_000 + LINGER)
    assert [key.id for key in entry_signers(keys)] == ["new"]


def test_a_validator_never_meets_a_bogus_moment() -> None:
    """Whatever of key set, signature and DS a cache still holds, a chain leads from the DS to the data.

    A model of caches: at every minute of two rollovers, an old key set (at most its TTL old), an old
    signature (at most the longest TTL) and an old DS (at most its TTL) are put together.
    """
    policy = replace(SPLIT, zsk_seconds=20_000)
    keys: tuple[ZoneKey, ...] = ()
    published: list[frozenset[str]] = []  # ids in the DNSKEY set, per minute
    entry: list[frozenset[str]] = []
    signer: list[str] = []
    ds: list[str] = []
    step, end = 60, 80_000
    parent = ""
    for now in range(0, end, step):
        keys = live(policy, keys, now)
        if now == 6000:
            keys = (*keys, ZoneKey("ksk2", "ksk", 13, "published", now))
        if now == 18_000:  # the operator moves the DS and says so
            parent = announced(keys)[0].id
            keys = tuple(replace(key, ds_seen_at=float(now)) if key.id == parent else key for key in keys)
        parent = parent or announced(keys)[0].id
        published.append(frozenset(key.id for key in keys))
        entry.append(frozenset(key.id for key in entry_signers(keys)))
        signer.append(zone_signer(keys, policy).id)
        ds.append(parent)
    assert len(set(signer)) >= 3
    assert len(set(ds)) == 2
    for t in range(len(signer)):
        for age in range(min(t, policy.key_ttl // step) + 1):
            for older in (0, min(t, policy.longest_ttl // step)):
                assert signer[t - older] in published[t - age], (t, age, older)
            for older in (0, min(t, policy.ds_ttl // step)):
                assert ds[t - older] in entry[t - age], (t, age, older)
