"""docs/onboarding.md, run as it stands: five commands, then the picture of an xrdp."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.e2e.gateway.desktops import rdp_desktop
from tests.e2e.gateway.namespaces import namespaces
from tests.e2e.gateway.screens import client_screen
from tests.e2e.gateway.shell import Shell, shell_in
from tests.e2e.serving import ROOT

PAGE = ROOT / "docs" / "onboarding.md"
TOKEN = re.compile(r"hdxe_[\w-]+")
PASSWORD = "a long enough password"


@dataclass(frozen=True)
class Command:
    """A command of the page and what the page says it prints."""

    words: str
    output: str


def commands(page: str) -> list[Command]:
    """Return the page's commands: indented lines behind a `$`, with the indented lines that follow."""
    found = []
    for block in re.findall(r"(?:^    .*\n)+", page, re.M):
        for part in re.split(r"^    \$ ", block, flags=re.M)[1:]:
            words, _, output = part.partition("\n")
            found.append(Command(words, re.sub("^    ", "", output, flags=re.M)))
    return found


def general(output: str, state: Path) -> str:
    """Return an output without what differs from run to run: tokens, ids, the state's place."""
    output = TOKEN.sub("TOKEN", output.replace(f"{state}/", ""))
    return re.sub(r"\b(office|desk)-[0-9a-f]{8}\b", r"\1-ID", output)


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    """Run a broker and a POP where the page expects them."""
    with namespaces(1) as (inside,), shell_in(inside, tmp_path) as shell:
        inside.ip("address", "add", "10.0.0.5/32", "dev", "lo")
        state = tmp_path / "state" / "broker"
        shell.run(f"mkdir -p {state} && echo 'gateway = \"localhost:9443\"' >{state}/broker.toml")
        shell.run("itm-gateway broker &")
        shell.wait_for("broker.log", "broker.ready")
        token = shell.run("itm-gateway pop token pop-a --address 127.0.0.1:9443").split()[0]
        shell.run(
            "itm-gateway pop --state state/pop-a --listen 127.0.0.1:9443 --broker https://127.0.0.1:8443"
            f" --ca {state}/ca.pem --token {token} &"
        )
        shell.wait_for("pop.log", "signal.standing")
        yield shell


@pytest.mark.long
def test_the_page_leads_to_a_desktop(shell: Shell, tmp_path: Path) -> None:
    """Every command of the page works and prints what the page says; xfreerdp then shows xrdp's picture."""
    page = commands(PAGE.read_text())
    assert len(page) == 8, "five commands, and three of the user's"
    state, token = tmp_path / "state", ""
    with (
        client_screen(tmp_path) as screen,
        rdp_desktop(tmp_path, "10.0.0.5:3389", shell.namespace.within) as desktop,
    ):
        shell.run(f"export DISPLAY={screen.name}")
        for command in page:
            words = TOKEN.sub(token, command.words)
            printed = shell.run(f"{words} <<<'{PASSWORD}'" if " user add " in words else words)
            assert general(printed, state.parent) == general(command.output, state.parent)
            token = found[0] if (found := TOKEN.search(printed)) else token
            if " connector --" in words:
                shell.wait_for("connector.log", "control.standing")
            if " --listen " in words:
                shell.wait_for("launch.log", "listening")
        number = screen.wait_for_number()
        screen.wait_for_number(number + 10)
        screen.keep(tmp_path / "client.png")
        assert desktop.connections == 1
