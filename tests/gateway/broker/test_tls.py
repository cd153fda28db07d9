from __future__ import annotations

import ssl
import stat
import time
from pathlib import Path

import pytest

from gateway.broker.authority import open_authority
from gateway.broker.tls import ServerTls
from gateway.protocol.control import ALPN


def served_serial(server: ssl.SSLContext, ca_pem: str, name: str) -> tuple[str, str | None]:
    """Handshake in memory; the serial and the ALPN that the client sees."""
    client = ssl.create_default_context(cadata=ca_pem)
    client.set_alpn_protocols([ALPN])
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = [
        client.wrap_bio(incoming, outgoing, server_hostname=name),
        server.wrap_bio(outgoing, incoming, server_side=True),
    ]
    for _ in range(2):
        for end in ends:
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                continue
    cert = ends[0].getpeercert()
    assert cert is not None
    return str(cert["serialNumber"]), ends[0].selected_alpn_protocol()


def test_a_new_certificate_without_a_restart(tmp_path: Path) -> None:
    """The same context serves the next certificate after `renew`; the file is the owner's alone."""
    authority = open_authority(tmp_path, time.time)
    tls = ServerTls(authority, tmp_path, ("broker.example", "127.0.0.1"), 3600, "STA1")
    first = served_serial(tls.api, authority.ca_pem, "broker.example")
    tls.renew()
    second = served_serial(tls.api, authority.ca_pem, "127.0.0.1")
    assert first[0] != second[0]
    assert stat.S_IMODE((tmp_path / "broker.pem").stat().st_mode) == 0o600
    with pytest.raises(ssl.SSLCertVerificationError):
        served_serial(tls.api, authority.ca_pem, "other.example")


def test_the_signal_port_speaks_the_control_protocol(tmp_path: Path) -> None:
    """It names its protocol and insists on a certificate."""
    authority = open_authority(tmp_path, time.time)
    tls = ServerTls(authority, tmp_path, ("localhost",), 3600, "STA1")
    assert tls.signal.verify_mode is ssl.CERT_REQUIRED
    assert served_serial(tls.api, authority.ca_pem, "localhost")[1] is None
