from __future__ import annotations

from pathlib import Path

from gateway.broker import locations, resources
from gateway.broker.config import load
from gateway.broker.desk import opened
from gateway.broker.resources import Draft
from tests.gateway.cli.conftest import Gateway


def test_list_and_end(gateway: Gateway, tmp_path: Path) -> None:
    """What runs is listed with its user and POP; what was ended only with --all, and why."""
    with opened(load(str(tmp_path / "broker"))) as desk:
        now = desk.clock()
        site = locations.create(desk.engine, "hq", tenant="default", now=now)
        draft = Draft("desktop", site.id, "10.0.0.5", 3389)
        resource = resources.add(desk.engine, draft, tenant="default", now=now)
        ids = []
        for number, user in enumerate(("ann", "ann", "bob")):
            ticket = desk.sta.request(resource, user, now=now)
            ids.append(desk.sta.redeem(ticket, "fra", now=now + number).session)
    assert [line.split()[:2] for line in gateway("session", "list").out.splitlines()[1:]] == [
        [session, user] for session, user in zip(ids, ("ann", "ann", "bob"), strict=True)
    ]
    done = gateway("session", "end", ids[0])
    assert (done.status, done.out) == (0, "1 ended\n")
    assert "within 5 s" in done.err
    assert gateway("session", "end", ids[0]).err == f"itm-gateway: default has no running session {ids[0]}\n"
    assert gateway("session", "end", "--user", "ann").out == "1 ended\n"
    assert gateway("session", "end", "--user", "ann").out == "0 ended\n"
    assert [line.split()[0] for line in gateway("session", "list").out.splitlines()[1:]] == [ids[2]]
    assert gateway("session", "list", "--all").out.count("broker_ended") == 2


def test_what_to_end_is_said_once(gateway: Gateway) -> None:
    """A session or a user, not both, not neither."""
    for words in ((), ("0" * 32, "--user", "ann")):
        done = gateway("session", "end", *words)
        assert (done.status, done.err) == (2, "itm-gateway: session end: expected SESSION or --user NAME\n")
