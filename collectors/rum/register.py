"""The token register: issues a token per planned probe, and takes each back once.

Joins keys (`token.py`) with the memory of used ones (`spent.py`); one per edge process. Edges that share
their keys take each other's tokens, but do not know of each other's memories: a token is good for one
beacon at each.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable

from collectors.network import Network
from collectors.rum.spent import SpentTokens
from collectors.rum.token import NONCE_BYTES, Claim, TokenFault, TokenKeys


class TokenRegister:
    """`life_seconds`: how long a token is good; `most_spent`: used tokens kept in memory. One thread."""

    def __init__(
        self,
        keys: TokenKeys,
        *,
        life_seconds: float,
        most_spent: int,
        random_bytes: Callable[[int], bytes] = secrets.token_bytes,
    ) -> None:
        self._keys = keys
        self._life = life_seconds
        self._random_bytes = random_bytes
        self.spent = SpentTokens(most_spent)

    def replace(self, keys: TokenKeys) -> None:
        """Sign and verify with these keys from now on."""
        self._keys = keys

    def issue(self, network: Network, pop: str, now: float) -> str:
        """Return a new token for one probe of `pop` from `network`."""
        return self._keys.sign(network, pop, int(now + self._life), self._random_bytes(NONCE_BYTES))

    def judge(self, token: object, network: Network, now: float) -> Claim | TokenFault:
        """Return what a token of a client in `network` admits, or why it admits nothing. Uses nothing up."""
        found = self._keys.verify(token, network, now)
        if isinstance(found, TokenFault):
            return found
        return self.spent.fault(found) or found

    def spend(self, claims: Iterable[Claim], now: float) -> None:
        """Use these tokens up: what they admitted is taken."""
        for claim in claims:
            self.spent.spend(claim, now)
