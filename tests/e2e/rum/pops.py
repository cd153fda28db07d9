"""POPs as a browser finds them: at known distances over HTTPS, silent about timing, hanging, dead."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

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


@dataclass(frozen=True)
class Pops:
    """All are reached at one port."""

    port: int

    def plan(self, *pops: str, large: bool = False, timeout_ms: int = 4000, **more: Any) -> dict[str, Any]:
        """Return a session's plan for these POPs."""
        probes = [
            {
                "pop": pop,
                "url": f"{self.base(pop)}/r.gif",
                "large_url": f"{self.base(pop)}/l.bin" if large else None,
                "token": f"token-of-{pop}",
            }
            for pop in pops
        ]
        return {"session": "s" * 26, "resolver": None, "timeout_ms": timeout_ms, "probes": probes, **more}

    def base(self, pop: str) -> str:
        """Return the folder of a POP's objects."""
        scheme = "https" if pop in RTT_MS else "http"
        return f"{scheme}://{HOSTS[pop]}:{self.port}/probe/v1"
