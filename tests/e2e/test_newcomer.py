"""What a newcomer does after `make run`: the five commands, and stopping and starting again."""

from __future__ import annotations

import json
import stat
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

from itm.simulate.pageview import PageViews
from tests.e2e.conftest import StartServer
from tests.e2e.serving import Server, itm
from tests.programs import need, wait_until

JAPAN, DUTCH, AMERICA = "133.11.0.0/24", "193.0.6.0/24", "8.8.8.0/24"


def why(server: Server, client: str) -> dict[str, object]:
    done = server.itm("why", "gw.example.net", "--client", client, "--json")
    assert done.returncode == 0, done.stderr
    story: dict[str, object] = json.loads(done.stdout)
    return story


def planned_first(server: Server, subnet: str) -> str:
    """Return the address that a page view in that subnet measures first."""
    (url, *_) = (probe["url"] for probe in PageViews(server.public).session(subnet.replace("0/24", "99")))
    return str(urlsplit(url).hostname)


def test_the_five_commands_and_a_restart(start: StartServer, tmp_path: Path) -> None:
    """Three continents get three POPs, `why` agrees with DNS, users' beacons move their network and only it,
    a drain moves within a second, and all of it survives a restart."""
    need("dig", "dnsutils")
    server = start()
    answers = {subnet: server.address_for(subnet) for subnet in (JAPAN, DUTCH, AMERICA)}
    assert len(set(answers.values())) == 3
    assert all(address.startswith("127.20.0.") for address in answers.values())

    wait_until(
        lambda: {subnet: planned_first(server, subnet) for subnet in answers} == answers,
        15,
        "plans begin with DNS' answer",
    )

    before = why(server, "133.11.0.1")["answer"]
    assert before["values"] == [answers[JAPAN]]  # type: ignore[index]
    slow = before["pop"]  # type: ignore[index]

    told = server.itm("demo", "beacons", "--from", JAPAN, "--slow", slow)
    assert told.returncode == 0, told.stdout + told.stderr
    moved = server.address_for(JAPAN)
    assert moved != answers[JAPAN]
    assert server.address_for("133.11.1.0/24") == answers[JAPAN], "a neighbour moved with it"
    story = why(server, "133.11.0.1")
    assert story["row"] == "network"

    assert server.itm("pop", "drain", slow, "--for", "1h", "--reason", "test").returncode == 0
    waited = wait_until(
        lambda: server.address_for("133.11.1.0/24") != answers[JAPAN], 3, "the POP is drained"
    )
    assert waited < 1.5, "a state change reaches the answers within a second"

    wait_until(lambda: planned_first(server, "133.11.1.0/24") != answers[JAPAN], 15, "sessions follow DNS")

    token = tmp_path / "state" / "ops.token"
    assert stat.S_IMODE(token.stat().st_mode) == 0o600
    secret = token.read_text()
    assert server.stop() == 0

    again = start()
    assert token.read_text() == secret
    assert again.address_for(JAPAN) == moved
    assert again.address_for("133.11.1.0/24") != answers[JAPAN], "the override was forgotten"
    assert again.itm("pop", "clear", slow).returncode == 0
    wait_until(lambda: again.address_for("133.11.1.0/24") == answers[JAPAN], 15, "the POP is back")


def test_static_names_and_refusals(start: StartServer) -> None:
    """The zone's static names are answered over UDP and TCP; other zones are refused."""
    server = start()
    at = ["-p", str(server.dns[1]), f"@{server.dns[0]}", "+noall", "+comments", "+answer"]
    ask = [need("dig", "dnsutils"), *at]
    soa = subprocess.run([*ask, "+tcp", "example.net", "SOA"], capture_output=True, text=True, check=True)
    assert "status: NOERROR" in soa.stdout
    assert " aa " in soa.stdout
    assert "SOA" in soa.stdout
    foreign = subprocess.run([*ask, "example.org", "A"], capture_output=True, text=True, check=True)
    assert "status: REFUSED" in foreign.stdout
    none = subprocess.run([*ask, "nothing.example.net", "A"], capture_output=True, text=True, check=True)
    assert "status: NXDOMAIN" in none.stdout
    asked = itm("query", "www.example.net", "--server", f"{server.dns[0]}:{server.dns[1]}")
    assert asked.returncode == 0, asked.stderr


def test_a_second_instance_and_a_taken_port_are_clear_errors(start: StartServer, tmp_path: Path) -> None:
    """Both are refused with one line that names the setting, before anything is started."""
    server = start()
    second = itm("serve", "--demo", *server.words)
    assert second.returncode == 2
    assert second.stderr.startswith("itm: state: ")
    other = [w.replace(f"state={tmp_path}/state", f"state={tmp_path}/other") for w in server.words]
    taken = itm("serve", "--demo", *other)
    assert taken.returncode == 2
    assert "listen: cannot listen on" in taken.stderr
    assert len(taken.stderr.splitlines()) == 1


def test_a_dead_dns_worker_and_a_dead_builder_come_back(start: StartServer) -> None:
    """Killed processes are restarted; the answers stay the same."""
    from tests.e2e.serving import children_of, kill

    server = start()
    before = server.address_for(JAPAN)
    for pid in children_of(server.process.pid):
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        if b"builder" in words or b"dns" in words:
            kill(pid)
    wait_until(lambda: server.address_for(JAPAN) == before, 15, "DNS answers again")
    wait_until(server.is_ready, 30, "the server is ready again")


def test_help_names_every_command() -> None:
    """`itm --help` and every command's own help work."""
    top = itm("--help")
    assert top.returncode == 0
    for command in (
        "serve",
        "query",
        "why",
        "pop",
        "catalog",
        "map",
        "feed",
        "token",
        "demo",
        "model",
        "geoip",
    ):
        assert command in top.stdout
        done = subprocess.run(
            [sys.executable, "-m", "itm", command, "--help"], capture_output=True, check=False
        )
        assert done.returncode == 0, command
