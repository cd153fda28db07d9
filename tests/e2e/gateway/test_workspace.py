"""A person's way, in a real browser: log in, see, click, open the file; and what the browser holds back."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.gateway.browser import Browser, chromium
from tests.e2e.gateway.stack import COMMAND, Stack
from tests.e2e.serving import ROOT
from tests.programs import wait_until

pytestmark = pytest.mark.long

PASSWORD = "a long enough password"
TAB, ENTER = "\ue004", "\ue007"


@pytest.fixture
def browser(stack: Stack, tmp_path: Path) -> Iterator[Browser]:
    """Return a browser at the Workspace's address, its certificate verified."""
    with chromium(tmp_path, stack.ca) as opened:
        opened.open(f"https://localhost:{stack.ports['api']}/")
        yield opened


def log_in(browser: Browser, password: str = PASSWORD, user: str = "ann") -> None:
    browser.one("#user").type(user)
    browser.one("#password").type(password)
    browser.follow(browser.one("main button"))


def button_of(browser: Browser, name: str) -> int:
    """Return the place of a resource in the list."""
    return [each.text for each in browser.all(".offer h2")].index(name)


def test_log_in_click_and_open(stack: Stack, browser: Browser) -> None:
    """The downloaded file opens the session with our launcher, and only once."""
    log_in(browser)
    assert browser.address.endswith("/apps")
    place = button_of(browser, "echo")
    assert browser.all(".offer .facts")[place].text == "Service at site"
    browser.all(".offer button")[place].click()
    file = browser.downloaded()
    words = [*COMMAND, "launch", str(file), "--stdio", "--ca", str(stack.ca)]
    copy = file.read_bytes()
    for status, answer in ((0, b"from the browser\n"), (2, b"")):
        file.write_bytes(copy)
        done = subprocess.run(
            words, input=b"from the browser\n", capture_output=True, check=False, cwd=ROOT, timeout=60
        )
        assert (done.returncode, done.stdout) == (status, answer), done.stderr.decode() + stack.logs()
    assert browser.text("h1") == "Your resources"


def test_wrong_password_then_log_out(browser: Browser) -> None:
    """The page says what is wrong and keeps the name; after the log-out the way back leads to the login."""
    log_in(browser, "not this one")
    assert browser.text("[role=alert]") == "The user name or the password is wrong."
    assert browser.script("return document.querySelector('#user').value") == "ann"
    log_in(browser)
    (cookie,) = browser.cookies()
    assert (cookie["secure"], cookie["httpOnly"], cookie["sameSite"]) == (True, True, "Strict")
    browser.follow(browser.one("header button"))
    wait_until(lambda: browser.text("[role=status]") == "You are logged out.", 10, "the log-out")
    assert browser.cookies() == []
    browser.script("history.back()")
    wait_until(lambda: "been logged out" in browser.text("[role=alert]"), 10, "no page from the history")
    assert browser.address.endswith("/apps")
    browser.add_cookie({name: value for name, value in cookie.items() if name != "domain"})
    assert browser.cookies()[0]["value"] == cookie["value"]
    browser.open(browser.address)
    assert browser.text("h1") == "Log in"


def test_by_keyboard_and_by_ear(browser: Browser) -> None:
    """Without a mouse; fields and buttons say to a screen reader what they are."""
    assert (browser.active().label, browser.active().role) == ("User name", "textbox")
    browser.press(*"ann", TAB)
    assert browser.active().label == "Password"
    browser.press(*PASSWORD, ENTER)
    wait_until(lambda: browser.address.endswith("/apps"), 10, "the resources")
    browser.press(TAB)
    assert browser.active().label == "Skip to the content"
    browser.press(TAB)
    assert browser.active().label == "Log out"
    buttons = browser.all(".offer button")
    assert f"Open {browser.all('.offer h2')[0].text}" == buttons[0].label


def test_nothing_runs_and_nothing_comes_from_elsewhere(browser: Browser) -> None:
    """The browser enforces the page's policy: no script, no style, no picture of others."""
    log_in(browser)
    browser.script(
        "window.caught = [];"
        "document.addEventListener('securitypolicyviolation', e => caught.push(e.effectiveDirective));"
        "let s = document.createElement('script'); s.textContent = 'window.ran = 1'; document.body.append(s);"
        "let i = document.createElement('img'); i.src = 'https://127.0.0.1:1/x.png'; document.body.append(i);"
        "document.body.setAttribute('style', 'color: red');"
    )
    wait_until(lambda: len(set(browser.script("return caught"))) == 3, 10, "three violations")
    assert sorted(set(browser.script("return caught"))) == ["img-src", "script-src-elem", "style-src-attr"]
    assert browser.script("return window.ran === undefined")
    loaded = browser.script("return performance.getEntriesByType('resource').map(e => e.name)")
    assert all(
        name.startswith(browser.address.removesuffix("/apps")) for name in loaded if "127.0.0.1:1" not in name
    )


@pytest.mark.parametrize(("width", "scheme"), [(1000, "light"), (1000, "dark"), (500, "light")])
def test_it_fits(browser: Browser, width: int, scheme: str) -> None:
    """Nothing sticks out of the window, and the ground follows the colour scheme the user prefers."""
    browser.prefer(scheme)
    browser.size(width, 760)
    for _ in ("the login", "the resources"):
        assert browser.script("return document.documentElement.scrollWidth <= window.innerWidth")
        ground = browser.script("return getComputedStyle(document.body).backgroundColor")
        assert ground == {"light": "rgb(243, 245, 250)", "dark": "rgb(16, 20, 31)"}[scheme]
        if browser.all("#user"):
            log_in(browser)
