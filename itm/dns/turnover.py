"""A zone's keys moved on to a moment: first thought, then signed with, then kept on disk.

In that order a key's clock starts when the world can see its new stage and not before: what stopped between
signing and keeping is thought again, with a later time.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from itm.dns import keyring
from itm.dns.keyring import Policy, ZoneKey
from itm.dns.keystore import Keystore, StoredKey
from itm.dns.rdata import Rdata

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, eq=False)
class Turnover:
    """The `keys` a zone is to be signed with; `before`: what their files say, by id."""

    store: Keystore
    policy: Policy
    before: Mapping[str, ZoneKey]
    keys: tuple[StoredKey, ...]

    def keep(self) -> None:
        """Put on disk what changed, once the zone is served so; what changed there meanwhile stays."""
        after = {key.life.id: key for key in self.keys}
        if all(key_id in after and after[key_id].life == life for key_id, life in self.before.items()):
            return
        with self.store.locked():
            for now in self.store.load():
                life = now.life
                if self.before.get(life.id) != life:
                    continue
                if life.id not in after:
                    self.store.remove(life.id)
                    log.info("key.removed", extra={"key": life.id})
                elif (moved := after[life.id]).life != life:
                    self.store.save(moved)
                    told = {"key": life.id, "role": life.role, "stage": moved.life.stage}
                    log.info("key.moved", extra=told)


def turn_over(store: Keystore, policy: Policy, served: Collection[Rdata], now: float) -> Turnover:
    """Return what a zone's keys are at `now`; missing ones are made, on disk too.

    `served` is the DNSKEY set that the world sees: a published key that is not in it waits from now on.
    Raises `ConfigError` for a key file that cannot be read, `OSError`.
    """
    with store.locked():
        before = store.load()
        policy = keyring.as_begun(policy, [key.life for key in before])
        seen = {key.life.id for key in before if key.signing.public.rdata in served}
        waiting = keyring.waiting([key.life for key in before], seen, now)
        by_id = {key.life.id: key for key in before}
        keys = [replace(by_id[life.id], life=life) for life in keyring.advance(waiting, policy, now)]
        while (wanted := keyring.missing([key.life for key in keys], policy, now)) is not None:
            made = store.make(wanted.role, wanted.stage, policy.algorithm, now)
            log.info("key.made", extra={"key": made.life.id, "role": wanted.role, "stage": wanted.stage})
            keys.append(made)
    return Turnover(store, policy, {key.life.id: key.life for key in before}, tuple(keys))
