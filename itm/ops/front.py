"""The running server as its own first client: is it ready, and which POP does a network get?

Asks the real listeners, as a user would; blocking, runs in a thread.
"""

from __future__ import annotations

import json
import socket
import urllib.error
import urllib.request
from typing import Any

from dnslib import EDNS0, DNSError, DNSRecord, EDNSOption

from itm.config import Config
from itm.dns.listen import Listen
from itm.dns.listen import parse as parse_listen

TIMEOUT_SECONDS = 2.0
CLIENT_SUBNET = 8  # RFC 7871 section 6


class Front:
    """Looks at the server of these settings from outside."""

    def __init__(self, config: Config) -> None:
        self._ops = f"http://{_reachable(parse_listen(config.ops.listen, 'ops.listen'))}"
        self._dns = _reachable(parse_listen(config.dns.listen[0], "dns.listen"))

    def faults(self) -> dict[str, str]:
        """Return what `/readyz` finds wrong; `edge` stands for a process that does not answer yet."""
        try:
            return dict(self._get("/readyz")["faults"])
        except (OSError, ValueError, KeyError):
            return {"edge": "does not answer yet"}

    def pop_of(self, name: str, subnet: str) -> str:
        """Return the id of the POP that a client of `subnet` (a /24) is served now; empty when unknown."""
        try:
            address = self._ask(name, subnet)
            pops = self._get("/api/v1/pops")["pops"]
        except (OSError, ValueError, KeyError, DNSError):
            return ""
        return next((str(pop["id"]) for pop in pops if address in pop["ipv4"]), "")

    def _ask(self, name: str, subnet: str) -> str:
        query = DNSRecord.question(name)
        network = socket.inet_aton(subnet.partition("/")[0])[:3]
        query.add_ar(EDNS0(opts=[EDNSOption(CLIENT_SUBNET, b"\x00\x01\x18\x00" + network)], udp_len=1232))
        with socket.socket(self._dns.family, socket.SOCK_DGRAM) as asking:
            asking.settimeout(TIMEOUT_SECONDS)
            asking.connect((self._dns.host, self._dns.port))
            asking.send(query.pack())
            reply = DNSRecord.parse(asking.recv(4096))
        return next((str(record.rdata) for record in reply.rr if record.rtype == 1), "")

    def _get(self, path: str) -> Any:
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(self._ops + path, timeout=TIMEOUT_SECONDS) as answer:
                found = json.load(answer)
        except urllib.error.HTTPError as error:  # 503 of /readyz carries its reasons
            with error:
                found = json.load(error)
        return found


def _reachable(listen: Listen) -> Listen:
    """Return the address by which a local client reaches a listener on all addresses."""
    return Listen({"0.0.0.0": "127.0.0.1", "::": "::1"}.get(listen.host, listen.host), listen.port)  # noqa: S104
