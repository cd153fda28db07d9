"""nmap, whose citrix scripts real controllers answer, judges the stand-in and our requests."""

from __future__ import annotations

import subprocess
from pathlib import Path
from xml.etree import ElementTree

from gateway.broker import nfuse
from gateway.broker.nfuse import User
from tests.gateway.broker.farm import Farm, Published, serving
from tests.programs import need

ADDRESS_SCRIPT = """
local citrixxml = require "citrixxml"
description = "asks where an application runs"
categories = {"safe"}
portrule = function() return true end
action = function(host, port)
  local answer = citrixxml.request_address(host, port, nil, "Notepad-id")
  return answer:match("<ServerAddress.->(.-)</ServerAddress>")
end
"""


def nmap(farm: Farm, script: str, *words: str) -> str:
    """Run one script, whatever the port's number, and return what it found."""
    done = subprocess.run(
        [
            need("nmap", "nmap"),
            "-Pn",
            "-n",
            "-p",
            str(farm.port),
            "--script",
            f"+{script}",
            *words,
            "127.0.0.1",
        ],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return done.stdout


def farm_of_two() -> Farm:
    apps = [Published("Notepad", "10.0.0.5:1494"), Published("Ledger", "10.0.0.7:1494", users=("bob",))]
    return Farm(apps, {"bob": "secret"})


def test_applications() -> None:
    """nmap lists what anybody may open; with our credentials beside it, its request and ours are the same."""
    with serving(farm_of_two()) as farm:
        assert "Application: Notepad; Users: Anonymous" in nmap(farm, "citrix-enum-apps-xml")
        assert "Ledger" not in nmap(farm, "citrix-enum-apps-xml")
        same(farm.asked[0], nfuse.request_applications(None))
    ours = ElementTree.fromstring(nfuse.request_applications(User("bob", "CORP")))
    credentials = ours[0].find("Credentials")
    assert credentials is not None
    ours[0].remove(credentials)
    assert ElementTree.tostring(ours) == ElementTree.tostring(
        ElementTree.fromstring(nfuse.request_applications(None))
    )


def test_the_address(tmp_path: Path) -> None:
    """nmap's library finds the VDA in the stand-in's answer."""
    script = tmp_path / "citrix-address.nse"
    script.write_text(ADDRESS_SCRIPT)
    with serving(farm_of_two()) as farm:
        assert "citrix-address: 10.0.0.5:1494" in nmap(farm, str(script))
        same(farm.asked[0], nfuse.request_address("Notepad-id", None))


def test_passwords(tmp_path: Path) -> None:
    """nmap's guesser finds the right one, and asks as we do."""
    (tmp_path / "users").write_text("bob\n")
    (tmp_path / "passwords").write_text("wrong\nsecret\n")
    arguments = f"ntdomain=CORP,userdb={tmp_path / 'users'},passdb={tmp_path / 'passwords'}"
    with serving(farm_of_two()) as farm:
        found = nmap(farm, "citrix-brute-xml", "--script-args", arguments)
        assert "bob:secret => Login was successful" in found
        same(farm.asked[-1], nfuse.request_validation(User("bob", "CORP"), "secret"))


def same(theirs: bytes, ours: bytes) -> None:
    """Compare elements, attributes and texts, in their order, and the document type."""
    assert ElementTree.canonicalize(theirs.decode()) == ElementTree.canonicalize(ours.decode())
    assert b'<!DOCTYPE NFuseProtocol SYSTEM "NFuse.dtd">' in theirs
    assert b'<!DOCTYPE NFuseProtocol SYSTEM "NFuse.dtd">' in ours
