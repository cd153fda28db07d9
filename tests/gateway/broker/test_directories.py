from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import Engine, text

from gateway.broker import locations, resources, users
from gateway.broker.directories import Directories, Directory
from gateway.broker.engine import writing
from gateway.broker.resources import Draft
from gateway.broker.seal import Seal
from gateway.errors import ConfigError, Invalid, NameTaken, NotFound
from tests.gateway.broker.world import FAST, NOW

STAFF = "cn=staff,dc=x"


def corp(engine: Engine, name: str = "corp", *, tenant: str = "default") -> Directory:
    """A directory at a location of its own, not kept yet."""
    site = locations.create(engine, f"{name}-site", tenant=tenant, now=NOW)
    return Directory(
        tenant, name, site, "dc1.corp", 636, "dc=x", bind_dn="cn=reader,dc=x", domain="CORP", groups=(STAFF,)
    )


def kept(engine: Engine) -> Directories:
    return Directories(engine, Seal(b"k" * 32))


def test_a_directory_comes_back_as_it_was(engine: Engine) -> None:
    """With its location and groups; its password only through the seal."""
    directories = kept(engine)
    made = directories.add(corp(engine), "reads all", now=NOW)
    assert directories.listing(tenant="default") == (made,)
    assert directories.find("corp", tenant="default").groups == (STAFF,)
    assert directories.password(made) == "reads all"
    with writing(engine) as connection:
        row = connection.execute(text("SELECT * FROM gw_directories")).one()
    assert "reads all" not in str(row)


@pytest.mark.parametrize(
    ("column", "value"), [("host", "evil"), ("tls", "plain"), ("ca_pem", "x"), ("port", 1)]
)
def test_a_changed_row_gives_its_password_to_nobody(engine: Engine, column: str, value: object) -> None:
    """Who can write the database cannot have it sent to another host, or in clear."""
    directories = kept(engine)
    directories.add(corp(engine), "reads all", now=NOW)
    with writing(engine) as connection:
        connection.execute(text(f"UPDATE gw_directories SET {column} = :value"), {"value": value})
    with pytest.raises(ConfigError):
        directories.password(directories.find("corp", tenant="default"))


@pytest.mark.parametrize(
    "change",
    [
        {"name": "Corp Directory"}, {"base_dn": ""}, {"tls": "ssl"}, {"ca_pem": "no pem"},
        {"user_filter": "(uid=x)"}, {"name_attribute": "a)(b"}, {"groups": ("x" * 501,)},
    ],
)  # fmt: skip
def test_what_cannot_be_kept(engine: Engine, change: dict[str, object]) -> None:
    """Each fault is named."""
    with pytest.raises(Invalid):
        kept(engine).add(replace(corp(engine), **change), "x", now=NOW)  # type: ignore[arg-type]


def test_an_account_needs_a_password(engine: Engine) -> None:
    """An unauthenticated bind would search as nobody; without an account none is wanted."""
    with pytest.raises(Invalid, match="5\\.1\\.2"):
        kept(engine).add(corp(engine), "", now=NOW)
    made = kept(engine).add(replace(corp(engine, "lab"), bind_dn=""), "", now=NOW)
    assert made.sealed == ""


def test_names_are_one_directorys_or_local(engine: Engine) -> None:
    """Neither a second directory of the name, nor a local user who would be taken for one of its users."""
    directories = kept(engine)
    draft = corp(engine)
    FAST.add(engine, "ann@corp", "password1", tenant="default", now=NOW)
    with pytest.raises(NameTaken, match="local user ann@corp"):
        directories.add(draft, "x", now=NOW)
    with writing(engine) as connection:
        connection.execute(text("DELETE FROM gw_users"))
    directories.add(draft, "x", now=NOW)
    with pytest.raises(NameTaken):
        directories.add(draft, "x", now=NOW)
    with pytest.raises(NameTaken, match="directory corp"):
        FAST.add(engine, "bob@corp", "password1", tenant="default", now=NOW)


def test_removing_takes_its_users_and_what_was_theirs(engine: Engine) -> None:
    """A later directory of the same name inherits nothing; other tenants' are untouched."""
    directories = kept(engine)
    locations.create_tenant(engine, "acme", now=NOW)
    ours = directories.add(corp(engine), "x", now=NOW)
    directories.add(corp(engine, tenant="acme"), "x", now=NOW)
    draft = Draft("hers", ours.location.id, "h", 1, ["ann@corp"], groups=[("corp", STAFF)])
    resources.add(engine, draft, tenant="default", now=NOW)
    directories.remove("corp", tenant="default")
    assert users.listing(engine, tenant="default") == ()
    assert len(directories.listing(tenant="acme")) == 1
    with pytest.raises(NotFound):
        directories.remove("corp", tenant="default")
    directories.add(ours, "x", now=NOW)
    assert resources.of_user(engine, "ann@corp", tenant="default") == ()


@pytest.mark.parametrize(("where", "is_it"), [("", True), ("corp", True), ("lab", False), ("x", False)])
def test_whom_a_login_means(where: str, is_it: bool) -> None:
    """Any, by its name, by its domain; not another's."""
    site = locations.Location("l", "default", "site", NOW)
    directory = Directory("default", "main", site, "h", 1, "dc=x", domain="CORP")
    assert directory.is_meant(where) is is_it
    assert directory.is_meant("main")
