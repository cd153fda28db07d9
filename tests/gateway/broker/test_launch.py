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
    made = Launcher(engine, sta, "gw.example", 8443).launch(
        "Office Desktop", "alice", tenant="default", now=NOW
    )
    text = made.text
    assert made.file_name == "Office-Desktop.ica"
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
    assert "Address=;40;" in launcher.launch("hers", "alice", tenant="default", now=NOW).text
    with pytest.raises(Refused, match="bob may not open hers"):
        launcher.launch("hers", "bob", tenant="default", now=NOW)
    with pytest.raises(NotFound):
        launcher.launch("hers", "alice", tenant="acme", now=NOW)


KNOWN = {
    "Encoding": "InputEncoding",
    "WFClient": "Version ClientName ProxyType ProxyTimeout RemoveICAFile TransportReconnectEnabled",
    "Office": "Address SSLEnable SSLProxyHost SSLCiphers SecureChannelProtocol CGPAddress BrowserProtocol "
    "HttpBrowserAddress LocHttpBrowserAddress InitialProgram LongCommandLine SessionsharingKey Launcher "
    "TransportDriver WinStationDriver DesiredHRES DesiredVRES DesiredColor ClientAudio TWIMode",
}
"""What launch files of the wild hold, less what carries a password or a ticket for the VDA's own logon."""


def test_the_keys_that_clients_know(engine: Engine) -> None:
    """Every key of a launch file as Workspace clients take it; nothing that would hold a password."""
    make_resource(engine, "Office")
    launcher = Launcher(engine, make_sta(engine), "gw.example", 443)
    text = launcher.launch("Office", "alice", tenant="default", now=NOW).text
    ini = configparser.RawConfigParser(delimiters=("=",))
    ini.optionxform = str  # type: ignore[assignment, method-assign]
    ini.read_string(text)
    assert list(ini["ApplicationServers"]) == ["Office"]
    for section, keys in KNOWN.items():
        assert sorted(ini[section]) == sorted(keys.split())


def test_sessions_are_told_apart(engine: Engine) -> None:
    """The same user has the same client name and sharing key again, another user others."""
    make_resource(engine, "Office")
    launcher = Launcher(engine, make_sta(engine), "gw.example", 443)

    def marks(user: str) -> list[str]:
        lines = launcher.launch("Office", user, tenant="default", now=NOW).text.splitlines()
        return [line for line in lines if line.startswith(("ClientName", "SessionsharingKey"))]

    assert marks("alice") == marks("alice")
    assert not set(marks("alice")) & set(marks("bob"))
