"""POPs as a browser finds them: at known distances over HTTPS, silent about timing, hanging, dead."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Final

from collectors.rum.session import Probe, answer

RTT_MS: Final = {"near": 10, "middle": 40, "far": 80}
"""The proxies wait halves of these, which epoll, counting in milliseconds, does not round up."""
SHY_MS: Final = 30
HOSTS: Final = {
    "near": "127.0.1.1",
    "middle": "127.0.1.2",
    "far": "127.0.1.3",
    "shy": "127.0.1.4",
    "hanging": "127.0.1.9",
    "dead": "127.0.1.10",
}
"""`shy` does not let its timing be read; `hanging` accepts and never answers; nobody listens at `dead`."""

WHY: Final = dict.fromkeys(HOSTS, "drawn") | {"near": "best", "middle": "current"}


@dataclass(frozen=True)
class Pops:
    """All are reached at one port."""

    port: int

    def plan(self, *pops: str, large: bool = False, **more: Any) -> dict[str, Any]:
        """Return a plan for these POPs as the server writes it, with `more` in place of its fields."""
        probes = [Probe(pop, WHY[pop], self.url(pop), f"token-of-{pop}", large) for pop in pops]
        return json.loads(answer("s" * 26, probes)) | more

    def url(self, pop: str) -> str:
        """Return a POP's probe URL."""
        scheme = "https" if pop in RTT_MS else "http"
        return f"{scheme}://{HOSTS[pop]}:{self.port}"
