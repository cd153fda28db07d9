from __future__ import annotations

import configparser

import pytest
from sqlalchemy import Engine

from gateway.broker import locations, resources
from gateway.broker.launch import Launcher
from gateway.broker.resources import Draft
from gateway.errors import NotFound, Refused
from gateway.launch.file import parse_launch_file
from tests.gateway.broker.world import FAST, NOW, make_resource, make_sta


def test_the_file_opens_the_resource(engine: Engine) -> None:
    """Our launcher reads it, a plain INI reader finds the keys that clients know, the ticket redeems."""
    resource = make_resource(engine, "Office Desktop")
    sta = make_sta(engine)
    text = Launcher(engine, sta, "gw.example", 8443).launch(
        "Office Desktop", "alice", tenant="default", now=NOW
    )
    launch = parse_launch_file(text.encode())
    assert (launch.host, launch.port, launch.is_used_once) == ("gw.example", 8443, True)
    ini = configparser.ConfigParser(interpolation=None, delimiters=("=",), comment_prefixes=("#",))
    ini.read_string(text)
    keys = ini["Office Desktop"]
    assert keys["Address"] == str(launch.ticket)
    assert keys["SSLProxyHost"] == "gw.example:8443"
    assert keys["CGPAddress"] == "*:2598"
    grant = sta.redeem(launch.ticket, "fra", now=NOW)
    assert (grant.resource, grant.user) == (resource, "alice")


def test_only_who_may(engine: Engine) -> None:
    """A resource for named users, of another tenant, or of nobody is not launched."""
    FAST.add(engine, "alice", "password1", tenant="default", now=NOW)
    site = locations.create(engine, "site", tenant="default", now=NOW).id
    resources.add(engine, Draft("hers", site, "h", 1, ["alice"]), tenant="default", now=NOW)
    launcher = Launcher(engine, make_sta(engine), "gw.example", 443)
    assert "Address=;40;" in launcher.launch("hers", "alice", tenant="default", now=NOW)
    with pytest.raises(Refused, match="bob may not open hers"):
        launcher.launch("hers", "bob", tenant="default", now=NOW)
    with pytest.raises(NotFound):
        launcher.launch("hers", "alice", tenant="acme", now=NOW)
