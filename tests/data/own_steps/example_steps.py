"""Own steps for ITM, as an operator would write them: see docs/steps.md."""

from __future__ import annotations

import numpy as np

ABROAD_MS = 15.0


def at_home(view):
    """Keep clients in their country, unless going abroad saves 15 ms."""
    country = np.array([pop["country"].encode() for pop in view.pops], dtype="S2")
    is_abroad = (view.country[:, None] != country) & (view.country != b"")[:, None]
    return {"add_ms": np.where(is_abroad, ABROAD_MS, 0.0)}


def not_from_carrier(view):
    """Keep the clients of one AS away from the POPs of a provider that it peers badly with."""
    barred = np.array([pop["provider"] == "azure" for pop in view.pops])
    drop = (view.asn == 64500)[:, None] & barred
    return {"drop": drop & ~drop.all(axis=1, keepdims=True)}
