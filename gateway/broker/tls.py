"""The broker's TLS contexts, with a certificate of its own authority that is replaced while they serve."""

from __future__ import annotations

import os
import ssl
from pathlib import Path
from typing import Final

from gateway.broker.authority import Authority
from gateway.identity import Identity
from gateway.protocol.control import ALPN, REACH_ALPN

FILE: Final = "broker.pem"


class ServerTls:
    """`api` asks for a client certificate, `signal` insists on one; both take only our authority's.

    `reach` is a client's: it shows POPs that we are the broker `name`, and takes only their authority's.
    """

    def __init__(
        self, authority: Authority, state: Path, names: tuple[str, ...], seconds: float, name: str
    ) -> None:
        self._authority = authority
        self._file = state / FILE
        self._names = names
        self.seconds = seconds
        self.api = _context(authority, ssl.CERT_OPTIONAL)
        self.signal = _context(authority, ssl.CERT_REQUIRED)
        self.signal.set_alpn_protocols([ALPN])
        self._identity = Identity("broker", name.lower())
        self.reach = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self.reach.load_verify_locations(cadata=authority.ca_pem)
        self.reach.set_alpn_protocols([REACH_ALPN])
        self.renew()

    def renew(self) -> None:
        """Take a new key and certificate; handshakes from now on use them."""
        issued, key_pem = self._authority.issue_server(self._names, self.seconds, self._identity)
        aside = self._file.with_suffix(".new")  # the ssl module reads key and certificate from a file only
        descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(key_pem + issued.cert_pem)
        aside.replace(self._file)
        for context in (self.api, self.signal, self.reach):
            context.load_cert_chain(self._file)


def _context(authority: Authority, verify: ssl.VerifyMode) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.verify_mode = verify
    context.load_verify_locations(cadata=authority.ca_pem)
    return context
