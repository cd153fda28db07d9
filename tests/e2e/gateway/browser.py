"""A real headless Chromium, driven through chromedriver by the W3C WebDriver protocol (JSON over HTTP)."""

from __future__ import annotations

import base64
import contextlib
import json
import subprocess
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.e2e.serving import free_ports
from tests.programs import need, wait_until

ELEMENT: Final = "element-6066-11e4-a52e-4f735466cecf"  # W3C WebDriver 11, "web element identifier"
FLAGS: Final = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--window-size=1000,760",
)  # fmt: skip
SECONDS: Final = 60


@dataclass(frozen=True)
class Browser:
    """One window. `url` is chromedriver's session; downloads land in `downloads`."""

    url: str
    downloads: Path

    def open(self, address: str) -> None:
        self._call("POST", "/url", {"url": address})

    @property
    def address(self) -> str:
        return str(self._call("GET", "/url"))

    def all(self, selector: str) -> list[Element]:
        """Return the elements of a CSS selector, in the order of the page."""
        found = self._call("POST", "/elements", {"using": "css selector", "value": selector})
        return [Element(self, each[ELEMENT]) for each in found]

    def one(self, selector: str) -> Element:
        (found,) = self.all(selector)
        return found

    def text(self, selector: str = "body") -> str:
        """Return what the first such element says, of whichever page stands there now."""
        return str(self.script(f"return document.querySelector({selector!r})?.innerText ?? ''"))

    def follow(self, element: Element) -> None:
        """Click what leads to another page, and wait until that stands."""
        self.script("window.isBefore = true")
        element.click()
        arrived = "return !window.isBefore && document.readyState === 'complete'"
        wait_until(lambda: bool(self.script(arrived)), SECONDS, "the next page")

    def active(self) -> Element:
        """Return the element that has the keyboard."""
        return Element(self, self._call("GET", "/element/active")[ELEMENT])

    def press(self, *keys: str) -> None:
        """Press and release keys, wherever the keyboard is."""
        actions = [{"type": kind, "value": key} for key in keys for kind in ("keyDown", "keyUp")]
        self._call("POST", "/actions", {"actions": [{"type": "key", "id": "keys", "actions": actions}]})

    def script(self, code: str) -> Any:
        return self._call("POST", "/execute/sync", {"script": code, "args": []})

    def cookies(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self._call("GET", "/cookie")
        return found

    def add_cookie(self, cookie: dict[str, Any]) -> None:
        self._call("POST", "/cookie", {"cookie": cookie})

    def prefer(self, scheme: str) -> None:
        """Prefer the colour scheme `dark` or `light`."""
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        command = {"cmd": "Emulation.setEmulatedMedia", "params": {"features": features}}
        self._call("POST", "/goog/cdp/execute", command)

    def size(self, width: int, height: int) -> None:
        self._call("POST", "/window/rect", {"width": width, "height": height})

    def screenshot(self) -> bytes:
        return base64.b64decode(self._call("GET", "/screenshot"))

    def downloaded(self) -> Path:
        """Wait for one finished download; return it, out of the way of the next."""
        wait_until(lambda: any(self.downloads.glob("*.ica")), SECONDS, "a launch file is downloaded")
        (found,) = self.downloads.glob("*.ica")
        return found.rename(self.downloads.parent / f"taken-{found.name}")

    def _call(self, method: str, path: str, body: Any = None) -> Any:
        return ask(f"{self.url}{path}", method, body)


@dataclass(frozen=True)
class Element:
    """One element of the page."""

    browser: Browser
    id: str

    def click(self) -> None:
        self._call("POST", "/click", {})

    def type(self, text: str) -> None:
        self._call("POST", "/clear", {})
        self._call("POST", "/value", {"text": text})

    @property
    def text(self) -> str:
        return str(self._call("GET", "/text"))

    @property
    def role(self) -> str:
        """What a screen reader says it is."""
        return str(self._call("GET", "/computedrole"))

    @property
    def label(self) -> str:
        """What a screen reader calls it."""
        return str(self._call("GET", "/computedlabel"))

    def _call(self, method: str, path: str, body: Any = None) -> Any:
        return self.browser._call(method, f"/element/{self.id}{path}", body)


def ask(url: str, method: str = "GET", body: Any = None) -> Any:
    """Make one request of the WebDriver protocol; return its value."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"}, method=method)
    try:
        with urllib.request.urlopen(request, timeout=SECONDS) as response:
            return json.load(response)["value"]
    except urllib.error.HTTPError as error:
        raise AssertionError(f"{method} {url}: {error.read().decode()}") from error


@contextlib.contextmanager
def chromium(folder: Path, ca: Path, *flags: str) -> Iterator[Browser]:
    """Run a browser with a profile of its own that trusts this authority as if its user had imported it.

    Chromium on Linux reads `$HOME/.pki/nssdb`. `flags` are added to its command line.
    """
    home = folder / "home"
    nss = home / ".pki" / "nssdb"
    nss.mkdir(parents=True)
    certutil = need("certutil", "libnss3-tools")
    database = f"sql:{nss}"
    subprocess.run([certutil, "-d", database, "-N", "--empty-password"], check=True, timeout=SECONDS)
    trust = ["-A", "-t", "C,,", "-n", "gateway", "-i", str(ca)]
    subprocess.run([certutil, "-d", database, *trust], check=True, timeout=SECONDS)
    with driver(home, folder / "chromedriver.log") as url:
        downloads = folder / "downloads"
        downloads.mkdir()
        wanted = capabilities(folder / "profile", downloads, *flags)
        opened = ask(f"{url}/session", "POST", {"capabilities": wanted})
        browser = Browser(f"{url}/session/{opened['sessionId']}", downloads)
        try:
            yield browser
        finally:
            ask(browser.url, "DELETE")


@contextlib.contextmanager
def driver(home: Path, log: Path) -> Iterator[str]:
    """Run chromedriver with this HOME; return its address."""
    need("chromium", "chromium")
    (port,) = free_ports(1)
    words = [need("chromedriver", "chromium-driver"), f"--port={port}"]
    environment = {"HOME": str(home), "PATH": "/usr/bin:/bin:/usr/sbin:/sbin"}
    with log.open("wb") as output:
        process = subprocess.Popen(words, stdout=output, stderr=output, env=environment)
    try:
        wait_until(lambda: "started successfully" in log.read_text(), SECONDS, "chromedriver listens")
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


def capabilities(profile: Path, downloads: Path, *flags: str) -> dict[str, Any]:
    preferences = {"download.default_directory": str(downloads), "download.prompt_for_download": False}
    options = {"args": [*FLAGS, *flags, f"--user-data-dir={profile}"], "prefs": preferences}
    return {"alwaysMatch": {"browserName": "chrome", "goog:chromeOptions": options}}
