from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest
from sqlalchemy import Engine

from gateway.broker import resources
from gateway.broker.directories import Directories
from gateway.broker.directory_login import MOST_GROUPS, DirectoryLogin
from gateway.broker.engine import open_engine
from gateway.broker.locations import create_tenant
from gateway.broker.migrate import upgrade
from gateway.broker.reach import Reach
from gateway.broker.resources import Draft
from gateway.errors import Refused, Unauthorised, Unavailable
from tests.gateway.broker.fake_ldap import FakeLdap, serving
from tests.gateway.broker.test_directories import STAFF, corp, kept
from tests.gateway.broker.world import NOW, Clock

READER, ANN = "cn=reader,dc=x", "uid=ann,dc=x"


@pytest.fixture
def directories(tmp_path: Path) -> Directories:
    """The directory `corp`, in clear, searched as READER; anybody may log in."""
    url = f"sqlite:///{tmp_path / 'broker.db'}"
    upgrade(url)
    engine: Engine = open_engine(url)
    made = kept(engine)
    made.add(replace(corp(engine), tls="plain", groups=()), "reads all", now=NOW)
    return made


def fake(**more: object) -> FakeLdap:
    """A server that knows ann and the reader."""
    known = {"entries": {ANN: {"uid": [b"Ann"]}}, "passwords": {READER: "reads all", ANN: "sesame"}}
    return FakeLdap(**known | more)  # type: ignore[arg-type]


def log_in(
    directories: Directories,
    server: FakeLdap,
    typed: str = "ann",
    password: str = "sesame",
    *,
    refused: frozenset[str] = frozenset(),
    tenant: str = "default",
) -> str:
    """Log in against the fake; `refused` are the lasting names that failed too often."""

    def check(name: str) -> None:
        if name in refused:
            raise Refused("client_rate_limited")

    async def story() -> str:
        async with serving(server):
            login = DirectoryLogin(directories, cast("Reach", server), Clock(), seconds=0.5)
            return await login.login(tenant, typed, password, check)

    return asyncio.run(story())


def test_search_then_bind(directories: Directories) -> None:
    """As the account that searches, then as the entry that was found; the name is the directory's."""
    server = fake()
    assert log_in(directories, server) == "ann@corp"
    assert server.binds == [(READER, "reads all"), (ANN, "sesame")]
    assert len(server.filters) == 1
    assert [r.name for r in resources.of_user(directories.engine, "ann@corp", tenant="default")] == []


@pytest.mark.parametrize(
    ("typed", "password", "changes"),
    [
        ("ann", "wrong", {}),
        ("ann", "", {}),
        ("nobody", "x", {"entries": {}}),
        ("ann", "sesame", {"entries": {ANN: {"uid": [b"ann"]}, "uid=ann,ou=b": {"uid": [b"ann"]}}}),
        ("ann", "sesame", {"entries": {f"uid={n}": {"uid": [b"ann"]} for n in range(5)}}),
        ("ann", "sesame", {"entries": {"": {"uid": [b"ann"]}}}),
        ("ann", "sesame", {"entries": {ANN: {"cn": [b"ann"]}}}),
        ("OTHER\\ann", "sesame", {}),
        ("x" * 300, "sesame", {}),
    ],
)
def test_who_is_not_let_in(
    directories: Directories, typed: str, password: str, changes: dict[str, object]
) -> None:
    """Wrong, empty, unknown, ambiguous, without DN or name, of another domain, endless: one answer."""
    server = fake(**changes)
    with pytest.raises(Unauthorised, match="wrong user name or password"):
        log_in(directories, server, typed, password)
    assert [dn for dn, _ in server.binds if dn == ANN] == ([ANN] if password == "wrong" else [])


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"is_silent": True}, "cannot be asked now$"),
        ({"garbage": b"SSH-2.0-x\r\n" * 9}, "cannot be asked now$"),
        ({"refusal": "connector_none"}, r"\(connector_none\)"),
        ({"refusal": "client_tenant_limit"}, r"\(client_tenant_limit\)"),
        ({"passwords": {ANN: "sesame"}}, "cannot be asked now$"),
        ({"entries": {}, "search_code": 51}, "cannot be asked now$"),
    ],
)
def test_a_directory_that_cannot_be_asked(
    directories: Directories, changes: dict[str, object], text: str
) -> None:
    """Silent, no LDAP, no connector, our own account refused, busy: never a wrong password."""
    with pytest.raises(Unavailable, match=text) as caught:
        log_in(directories, fake(**changes))
    assert caught.value.code == "directory_unavailable"


def test_tenants_directories_are_their_own(directories: Directories) -> None:
    """Another tenant's users are neither known here nor asked for, by whatever name; nor the reverse."""
    create_tenant(directories.engine, "acme", now=NOW)
    server = fake()
    for typed in ("ann", "ann@corp", "CORP\\ann", "corp\\ann"):
        with pytest.raises(Unauthorised):
            log_in(directories, server, typed, tenant="acme")
    assert server.binds == []
    theirs = replace(corp(directories.engine, tenant="acme"), tls="plain", groups=())
    directories.add(theirs, "other account", now=NOW)
    server = fake(passwords={READER: "other account", ANN: "their ann's"})
    assert log_in(directories, server, password="their ann's", tenant="acme") == "ann@corp"
    site = directories.find("corp", tenant="default").location.id
    resources.add(directories.engine, Draft("ours", site, "h", 1, ["ann@corp"]), tenant="default", now=NOW)
    assert resources.of_user(directories.engine, "ann@corp", tenant="acme") == ()


def test_one_that_is_away_does_not_hide_another(directories: Directories) -> None:
    """`away` is asked first and does not answer; whom `corp` knows gets in, others are told."""
    engine = directories.engine
    away = replace(corp(engine, "away"), tls="ldaps", groups=())
    directories.add(away, "x", now=NOW)
    assert log_in(directories, fake()) == "ann@corp"
    with pytest.raises(Unavailable):
        log_in(directories, fake(entries={}), "bob", "x")


def test_one_who_failed_too_often_is_not_even_tried(directories: Directories) -> None:
    """By the lasting name, so that another spelling does not help."""
    server = fake()
    with pytest.raises(Refused) as caught:
        log_in(directories, server, refused=frozenset({"ann@corp"}))
    assert caught.value.code == "client_rate_limited"
    assert server.binds == [(READER, "reads all")]


def test_a_silent_directory_holds_up_a_bounded_crowd(directories: Directories) -> None:
    """Eight at a time; who does not get a turn in time is told so, and nobody waits for ever."""

    async def story() -> list[str]:
        async with serving(fake(is_silent=True)) as server:
            login = DirectoryLogin(directories, cast("Reach", server), Clock(), seconds=0.3)
            crowd = [login.login("default", f"u{n}", "x", lambda _name: None) for n in range(40)]
            async with asyncio.timeout(5):
                return [str(each) for each in await asyncio.gather(*crowd, return_exceptions=True)]

    said = asyncio.run(story())
    assert 8 <= said.count("the directory corp cannot be asked now") <= 16
    assert said.count("too many logins are under way") >= 24


def test_groups_are_asked_only_when_something_hangs_on_them(directories: Directories) -> None:
    """What is kept of them is what resources are assigned to."""
    engine = directories.engine
    site = directories.find("corp", tenant="default").location.id
    resources.add(engine, Draft("staffs", site, "h", 1, groups=[("corp", STAFF)]), tenant="default", now=NOW)
    server = fake(groups=["CN=Staff,DC=x", "cn=secret,dc=x"])
    log_in(directories, server)
    assert len(server.filters) == 2
    assert [r.name for r in resources.of_user(engine, "ann@corp", tenant="default")] == ["staffs"]
    with pytest.raises(Unavailable):
        log_in(directories, fake(groups=[f"cn={n}" for n in range(MOST_GROUPS + 1)]))


def test_only_members_may_log_in(directories: Directories) -> None:
    """Where the directory is told so; the password of others is not tried."""
    closed = replace(corp(directories.engine, "closed"), tls="plain", domain="")
    directories.add(closed, "reads all", now=NOW)
    assert log_in(directories, fake(groups=[STAFF.upper()]), "ann@closed") == "ann@closed"
    server = fake(groups=["cn=guests,dc=x"])
    with pytest.raises(Unauthorised):
        log_in(directories, server, "ann@closed")
    assert server.binds == [(READER, "reads all")]
