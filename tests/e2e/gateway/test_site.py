"""A site behind the connector: its applications on the page, opened where its controller says, now."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.gateway.browser import chromium
from tests.e2e.gateway.stack import COMMAND, Stack
from tests.e2e.gateway.test_workspace import button_of, log_in
from tests.e2e.serving import ROOT
from tests.gateway.broker.farm import Farm, Published, serving


@pytest.fixture(scope="module")
def farm(stack: Stack) -> Iterator[Farm]:
    """A controller that publishes the echo VDA, to ann also as a desktop; known to the broker as `farm`."""
    echo = f"127.0.0.1:{stack.ports['echo']}"
    published = [
        Published("Notes", echo, folder="Office", description="Says what you say"),
        Published("Ann's desk", echo, users=("ann",), is_desktop=True),
        Published("Elsewhere", "192.0.2.1:1494"),
    ]
    with serving(Farm(published, {"ann": "her secret"})) as served:
        controller = f"127.0.0.1:{served.port}"
        stack.desk(
            "site", "add", "farm", "--location", "site", "--controller", controller, "--domain", "CORP"
        )
        yield served


def test_the_operator_checks_it(stack: Stack, farm: Farm) -> None:
    """Through broker, POP and connector: what anybody may open, what a user may, and a password."""
    anybody = stack.desk("site", "check", "farm")
    assert [line.split()[0] for line in anybody.splitlines()] == ["NAME", "Elsewhere", "Notes"]
    hers = stack.desk("site", "check", "farm", "--user", "ann", "--password", stdin="her secret\n")
    assert re.search(r"Ann's desk +desktop", hers)
    assert farm.asked[-2].count(b"RequestValidateCredentials") == 2
    with pytest.raises(AssertionError, match="site_refused: the controller refused: bad-credentials"):
        stack.desk("site", "check", "farm", "--user", "ann", "--password", stdin="wrong\n")


def test_a_launch_file_of_the_api(stack: Stack, farm: Farm, tmp_path: Path) -> None:
    """The ticket leads to the VDA that the controller named."""
    file = tmp_path / "notes.ica"
    words = ["curl", "--silent", "--show-error", "--fail", "--cacert", str(stack.ca), "-u", f"ann:{PASSWORD}"]
    url = f"https://localhost:{stack.ports['api']}/launch"
    subprocess.run([*words, "-o", str(file), "--json", '{"resource": "Notes"}', url], check=True, timeout=60)
    assert echoed(stack, file, b"over the site\n") == (0, b"over the site\n")


PASSWORD = "a long enough password"


def echoed(stack: Stack, file: Path, data: bytes) -> tuple[int, bytes]:
    """Open a launch file, say something, and return the status and what came back."""
    words = [*COMMAND, "launch", str(file), "--stdio", "--ca", str(stack.ca)]
    done = subprocess.run(words, input=data, capture_output=True, check=False, cwd=ROOT, timeout=60)
    return done.returncode, done.stdout


@pytest.mark.long
def test_on_the_page(stack: Stack, farm: Farm, tmp_path: Path) -> None:
    """Beside the broker's own; the connector's allow-list and the controller have the last word."""
    with chromium(tmp_path, stack.ca) as browser:
        browser.open(f"https://localhost:{stack.ports['api']}/")
        log_in(browser)
        assert {"Ann's desk", "Notes", "echo"} <= {each.text for each in browser.all(".offer h2")}
        place = button_of(browser, "Notes")
        assert browser.all(".offer")[place].text.splitlines()[1:3] == [
            "Application at site",
            "Says what you say",
        ]
        browser.all(".offer button")[button_of(browser, "Ann's desk")].click()
        file = browser.downloaded()
        assert file.name == "taken-Ann_s-desk.ica"
        assert echoed(stack, file, b"a desk\n") == (0, b"a desk\n")
        browser.all(".offer button")[button_of(browser, "Elsewhere")].click()
        denied = browser.downloaded()
        status, got = echoed(stack, denied, b"")
        assert (status, got) == (2, b"")
        farm.status = 500
        browser.follow(browser.all(".offer button")[button_of(browser, "Notes")])
        assert "does not answer at the moment" in browser.text("[role=alert]")
        farm.status = 200


@pytest.mark.long
def test_a_controller_that_is_down(stack: Stack, farm: Farm, tmp_path: Path) -> None:
    """A notice stands for it, and the rest can still be opened."""
    stack.desk("site", "add", "dead", "--location", "site", "--controller", "127.0.0.1:1")
    try:
        with chromium(tmp_path, stack.ca) as browser:
            browser.open(f"https://localhost:{stack.ports['api']}/")
            log_in(browser)
            assert browser.text("[role=status]") == "What dead offers cannot be listed at the moment."
            browser.all(".offer button")[button_of(browser, "echo")].click()
            assert echoed(stack, browser.downloaded(), b"still\n") == (0, b"still\n")
    finally:
        stack.desk("site", "remove", "dead")
