from __future__ import annotations

from pathlib import Path

from gateway.broker.config import load
from gateway.broker.desk import opened
from gateway.broker.standing import WRITE_SECONDS, Standing
from gateway.connector.credential import new_key_request
from gateway.protocol.control import Announce
from tests.gateway.cli.conftest import Gateway


def test_where_connectors_stand_and_how_they_are(gateway: Gateway, tmp_path: Path) -> None:
    """As the running broker wrote it; when it does not run, when each was seen last."""
    gateway("location", "create", "hq")
    token = gateway("connector", "token", "hq", "--vda", "Desk-7").out.strip()
    with opened(load(str(tmp_path / "broker"))) as desk:
        identity, _ = desk.enrolment.enrol("connector", token, new_key_request().csr_pem, desk.clock())
        now = [desk.clock()]
        standing = Standing(desk.settings.state_dir, lambda: now[0])
        line = Announce(identity.id, identity.location, 3, 1000, False, identity.hosts, "0.1.0", 42, 2)
        standing.note([("fra", line), ("ams", line)])
        standing.save()
    row = gateway("connectors", "list").out.splitlines()[1].split()
    assert row[2:9] == ["desk-7", "ams,fra", "3/1000", "42%", "2", "0.1.0", "now"]
    now[0] -= 4 * WRITE_SECONDS
    standing.note([("fra", line)])
    standing.save()
    row = gateway("connectors", "list").out.splitlines()[1].split()
    assert row[2:8] == ["desk-7", "-", "-", "-", "-", "0.1.0"]
    assert row[9].endswith("Z")


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
