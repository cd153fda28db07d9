"""The kinds of checks, one file each: a `Target` in, a `Finding` out, or `OSError` or `Failed`.

No time limit and no clock here: `check` holds them.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from collectors.probe.finding import Finding
from collectors.probe.kinds import dns, gateway, http, tcp, tls
from collectors.probe.target import Target

KINDS: Final[Mapping[str, Callable[[Target], Awaitable[Finding]]]] = {
    "tcp": tcp.check,
    "tls": tls.check,
    "http": http.check,
    "https": http.check,
    "dns": dns.check,
    "gateway": gateway.check,
}
