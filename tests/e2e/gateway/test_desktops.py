"""Real desktops: unmodified clients, a picture that is read, keys that are typed, and POPs that die."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.gateway.clients import launched, stunnel
from tests.e2e.gateway.desktops import Desktop, rdp_desktop, running, vnc_desktop, vncviewer, xfreerdp
from tests.e2e.gateway.knocks import Knock, Knocks, count, revive
from tests.e2e.gateway.screens import Screen, client_screen
from tests.e2e.gateway.stack import Stack
from tests.programs import tail, wait_until

pytestmark = pytest.mark.long

KNOCKS: tuple[Knock, ...] = ("kill", "kill", "stop", "kill")
BEHIND = 10
"""Numbers (a tenth of a second each) that the client's picture may lag behind the desktop's own."""


def check_is_live(screen: Screen, desktop: Desktop) -> int:
    """The client's picture goes on and keeps up with the desktop's own; return the number it shows."""
    own = desktop.screen.wait_for_number()
    screen.wait_for_number(own - BEHIND, 5)
    own = desktop.screen.wait_for_number(own + 5)
    return screen.wait_for_number(own - BEHIND, 1)


def check_typing(screen: Screen, file: Path, word: str, meanwhile: Callable[[], None] = lambda: None) -> None:
    """What is typed at the client arrives in the desktop's shell: every key, once, in order."""
    typing = screen.typing(f"echo {word} >>{file}", delay_ms=25)
    meanwhile()
    assert typing.wait(timeout=20) == 0

    def has_arrived() -> bool:
        return file.exists() and file.read_text().splitlines()[-1:] == [word]

    wait_until(has_arrived, 10, f"{word} was typed; the desktop has {file.exists() and file.read_text()}")


def use_through_knocks(
    stack: Stack, desktop: Desktop, folder: Path, client: Callable[[int], list[str]]
) -> None:
    """Look and type while the POP in use dies again and again: one client, one connection at the desktop."""
    name = folder.name
    stack.add_resource(name, desktop.port)
    log, typed, words = folder / "client.log", folder / "typed", ["before"]
    with client_screen(folder) as screen, launched(stack, name) as launcher:
        knocks = Knocks(stack, launcher.log)
        with running(client(launcher.port), log, DISPLAY=screen.name, HOME=str(folder)) as viewer:
            screen.wait_for_number()
            check_typing(screen, typed, words[0])
            for how in KNOCKS:
                check_is_live(screen, desktop)
                words.append(f"0123456789-{how}-{knocks.done}")
                check_typing(screen, typed, words[-1], lambda how=how: knocks.knock(how))
            last = check_is_live(screen, desktop)
            screen.keep(folder / "client.png")
            assert viewer.poll() is None, tail(log)
    assert desktop.connections == 1, tail(desktop.log)
    assert typed.read_text().split() == words
    assert count(launcher.log, "session.resumed") == len(KNOCKS)
    print(f"{name}: {knocks.done} knocks, the picture shows {last}")


def test_tigervnc_lives_through_its_pops_deaths(stack: Stack, tmp_path: Path) -> None:
    """vncviewer to a TigerVNC server."""
    with vnc_desktop(tmp_path) as desktop:
        use_through_knocks(stack, desktop, tmp_path, vncviewer)


def test_xfreerdp_lives_through_its_pops_deaths(stack: Stack, tmp_path: Path) -> None:
    """Xfreerdp to an xrdp that shows a VNC server."""
    with rdp_desktop(tmp_path) as desktop:
        use_through_knocks(stack, desktop, tmp_path, lambda port: xfreerdp(f"/v:127.0.0.1:{port}"))


def test_xfreerdp_without_a_launcher_ends_with_its_pop(stack: Stack, tmp_path: Path) -> None:
    """The ticket as the RDP server's name, SOCKS5 and stunnel: a desktop that dies with its POP."""
    with rdp_desktop(tmp_path) as desktop, client_screen(tmp_path) as screen:
        stack.add_resource("native", desktop.port)
        with stunnel(stack, "pop-b", tmp_path) as port:
            words = xfreerdp(f"/proxy:socks5://127.0.0.1:{port}", f"/v:{stack.ticket('native')}")
            log = tmp_path / "client.log"
            with running(words, log, DISPLAY=screen.name, HOME=str(tmp_path)) as viewer:
                check_is_live(screen, desktop)
                check_typing(screen, tmp_path / "typed", "native")
                stack.running["pop-b"].kill()
                try:
                    assert viewer.wait(timeout=15) != 0, tail(log)
                finally:
                    revive(stack, "pop-b")
