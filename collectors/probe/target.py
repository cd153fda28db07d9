"""What to check of one address, and what has to come back. A value; it is sent to agents as it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

PROTOCOLS: Final = ("tcp", "tls", "http", "https", "dns", "gateway")
TRANSPORTS: Final = ("udp", "tcp")
WITH_TLS: Final = ("tls", "https", "gateway")


@dataclass(frozen=True, slots=True)
class Target:
    """`address` is an IP address. A field that the protocol does not know is left alone.

    TLS: `sni` is the name asked for; `verify` wants a certificate that this machine trusts, for that name (or
    the address, without one); `certificate_days` left or fewer give a notice. HTTP: `status` are the ranges
    that pass; `header` is `Name` or `Name: value`, `body` a text within the first 64 KiB. DNS: the question
    `name` `record_type` over `transport` is answered with `rcode`, and with a record `answer` if stated.
    """

    protocol: str
    address: str
    port: int
    timeout_seconds: float = 2.0
    sni: str = ""
    verify: bool = False
    certificate_days: float = 0.0
    path: str = "/"
    host: str = ""
    status: tuple[tuple[int, int], ...] = ((200, 399),)
    header: str = ""
    body: str = ""
    name: str = "."
    record_type: str = "A"
    rcode: str = "NOERROR"
    answer: str = ""
    transport: str = "udp"

    def __post_init__(self) -> None:
        for field, words in (("protocol", PROTOCOLS), ("transport", TRANSPORTS)):
            if getattr(self, field) not in words:
                raise ValueError(f"{field} is one of {', '.join(words)}, got {getattr(self, field)!r}")
