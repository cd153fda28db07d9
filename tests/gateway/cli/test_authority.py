from __future__ import annotations

import ssl
import stat
from pathlib import Path

from tests.gateway.cli.conftest import Gateway


def test_a_servers_certificate(gateway: Gateway, tmp_path: Path) -> None:
    """Key and chain in one file that a server can load; the root that clients trust."""
    file = tmp_path / "gw.pem"
    done = gateway("authority", "server", "gw.example", "::1", "-o", str(file))
    assert done.status == 0
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(file)
    root = gateway("authority", "show").out
    assert ssl.create_default_context(cadata=root).cert_store_stats()["x509_ca"] == 1
    assert gateway("authority", "server", "not a name", "-o", str(file)).status == 2
