"""docs/onboarding.md, run as it stands: five commands, then the picture of an xrdp."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.e2e.gateway.desktops import rdp_desktop
from tests.e2e.gateway.screens import client_screen
from tests.e2e.serving import ROOT
from tests.programs import missing, need, tail, wait_until

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


class Shell:
    """A shell in namespaces of its own: the page's addresses are free there, and nothing outlives it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        self._popen = subprocess.Popen(
            [need("unshare", "util-linux"), "--net", "--pid", "--fork", "--kill-child", "bash"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=folder,
            env=os.environ | {"PATH": path, "HOME": str(folder)},
        )
        self.run("ip link set lo up && ip address add 10.0.0.5/32 dev lo")

    @property
    def inside(self) -> list[str]:
        """What starts a program in the same namespace."""
        return [need("nsenter", "util-linux"), f"--net=/proc/{self._popen.pid}/ns/net"]

    def run(self, words: str) -> str:
        """Run a line to its end, or start it if it ends with `&`; return what it printed."""
        assert self._popen.stdin is not None
        assert self._popen.stdout is not None
        background = words.removesuffix("&").strip()
        if background != words:
            name = background.removeprefix("itm-gateway ").split()[0]
            words = f"{background} >>{name}.log 2>&1 &"
        self._popen.stdin.write(f"{words}\necho $?=status\n")
        self._popen.stdin.flush()
        printed = ""
        watchdog = threading.Timer(60, self._popen.kill)
        watchdog.start()
        while not re.search(r"^\d+=status$", printed, re.M):
            line = self._popen.stdout.readline()
            assert line, f"the shell ended in {words}:\n{printed}"
            printed += line
        watchdog.cancel()
        output, status = re.split(r"^(?=\d+=status$)", printed, flags=re.M)
        assert status.startswith("0="), f"{words}: {output}"
        return output

    def close(self) -> None:
        """End the shell, and with its process namespace all that runs in it."""
        self._popen.kill()
        self._popen.wait()


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    """Run a broker and a POP where the page expects them."""
    if os.geteuid() != 0:
        missing("network namespaces need root")
    shell = Shell(tmp_path)
    try:
        state = tmp_path / "state" / "broker"
        shell.run(f"mkdir -p {state} && echo 'gateway = \"localhost:9443\"' >{state}/broker.toml")
        shell.run("itm-gateway broker &")
        wait_for(shell, "broker.log", "broker.ready")
        token = shell.run("itm-gateway pop token pop-a --address 127.0.0.1:9443").split()[0]
        shell.run(
            "itm-gateway pop --state state/pop-a --listen 127.0.0.1:9443 --broker https://127.0.0.1:8443"
            f" --ca {state}/ca.pem --token {token} &"
        )
        wait_for(shell, "pop.log", "signal.standing")
        yield shell
    finally:
        shell.close()


def wait_for(shell: Shell, log: str, event: str) -> None:
    path = shell.folder / log
    wait_until(lambda: path.exists() and event in path.read_text(), 30, f"{event}: {tail(path)}")


@pytest.mark.long
def test_the_page_leads_to_a_desktop(shell: Shell, tmp_path: Path) -> None:
    """Every command of the page works and prints what the page says; xfreerdp then shows xrdp's picture."""
    page = commands(PAGE.read_text())
    assert len(page) == 8, "five commands, and three of the user's"
    state, token = tmp_path / "state", ""
    with client_screen(tmp_path) as screen, rdp_desktop(tmp_path, "10.0.0.5:3389", shell.inside) as desktop:
        shell.run(f"export DISPLAY={screen.name}")
        for command in page:
            words = TOKEN.sub(token, command.words)
            printed = shell.run(f"{words} <<<'{PASSWORD}'" if " user add " in words else words)
            assert general(printed, state.parent) == general(command.output, state.parent)
            token = found[0] if (found := TOKEN.search(printed)) else token
            if " connector --" in words:
                wait_for(shell, "connector.log", "control.standing")
            if " --listen " in words:
                wait_for(shell, "launch.log", "listening")
        number = screen.wait_for_number()
        screen.wait_for_number(number + 10)
        screen.keep(tmp_path / "client.png")
        assert desktop.connections == 1
