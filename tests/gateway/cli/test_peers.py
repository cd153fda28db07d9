from __future__ import annotations

from pathlib import Path

from gateway.broker.config import load
from gateway.broker.desk import opened
from gateway.connector.credential import new_key_request
from tests.gateway.cli.conftest import Gateway


def test_listed_until_revoked_and_after(gateway: Gateway, tmp_path: Path) -> None:
    """Connectors of the tenant and POPs of all, each with the end of its certificate."""
    gateway("location", "create", "hq")
    tokens = {
        "connector": gateway("connector", "token", "hq").out.strip(),
        "pop": gateway("pop", "token", "fra", "--address", "10.0.0.1:443").out.strip(),
    }
    ids = {}
    with opened(load(str(tmp_path / "broker"))) as desk:
        for role, token in tokens.items():
            identity, _ = desk.enrolment.enrol(role, token, new_key_request().csr_pem, desk.clock())
            ids[role] = identity.id
    for role, where in (("connector", "hq-"), ("pop", "10.0.0.1:443")):
        row = gateway(f"{role}s", "list").out.splitlines()[1]
        assert row.startswith(ids[role])
        assert where in row
        assert row.endswith("Z")
        assert gateway(f"{role}s", "revoke", ids[role]).out == f"{ids[role]} is revoked (1 certificates)\n"
        assert gateway(f"{role}s", "list").out.splitlines()[1].endswith("revoked")
        assert gateway(f"{role}s", "revoke", "nobody").status == 2
