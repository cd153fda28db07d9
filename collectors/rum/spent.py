"""The tokens that were used: bounded, forgotten when they expire, closed for what it had to forget before.

One set of nonces per second of expiry. When the memory is full, the set that expires first goes, and every
token of that second or an earlier one counts as used from then on: under a flood tokens live shorter, and
none counts twice. Knows no keys and no networks.
"""

from __future__ import annotations

from collectors.rum.token import Claim, TokenFault


class SpentTokens:
    """Remembers at most `most` used tokens. Times are Unix seconds."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._by_second: dict[int, set[bytes]] = {}
        self._count = 0
        self._closed_to = -1  # tokens that expire at or before this second count as used
        self._swept = 0

    def __len__(self) -> int:
        return self._count

    def fault(self, claim: Claim) -> TokenFault | None:
        """Return why a token cannot be used, None if it can."""
        if claim.nonce in self._by_second.get(claim.expires, ()):
            return TokenFault.USED
        return TokenFault.CROWDED if claim.expires <= self._closed_to else None

    def spend(self, claim: Claim, now: float) -> None:
        """Use a token up; `fault` has said that it can be."""
        if int(now) != self._swept:
            self._forget_expired(int(now))
        nonces = self._by_second.setdefault(claim.expires, set())
        before = len(nonces)
        nonces.add(claim.nonce)
        self._count += len(nonces) - before
        if self._count > self._most:
            first = min(self._by_second)
            self._count -= len(self._by_second.pop(first))
            self._closed_to = max(self._closed_to, first)

    def _forget_expired(self, now: int) -> None:
        self._swept = now
        for second in [second for second in self._by_second if second < now]:
            self._count -= len(self._by_second.pop(second))
