"""A real Chromium tells a real collector that a POP has failed it, without a script on any page."""

from __future__ import annotations

import contextlib
import re
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from collectors.journal import JournalReader
from collectors.measurement import METRICS, SOURCES
from collectors.network import Network
from itm.config import Config
from itm.store import migrate
from itm.store.engine import open_engine
from tests.e2e.gateway.browser import chromium
from tests.e2e.serving import ROOT, free_ports
from tests.gateway.certificates import Certificates
from tests.itm.ops.harness import FILES, make_live
from tests.programs import wait_until

NAMES = "--host-resolver-rules=MAP pop.test 127.0.0.1, MAP collector.test 127.0.0.1"
AT_ONCE = "--short-reporting-delay"
"""Chromium waits a minute by default."""


@pytest.mark.long
def test_chromium_reports_a_pop_that_is_gone(tmp_path: Path) -> None:
    """It learns the policy from a POP, which then dies; its report is that POP's failure in the journal."""
    made = Certificates(tmp_path)
    pem = made.server(names=("pop.test", "collector.test"))
    port, public, tls, ops = free_ports(4)
    state = tmp_path / "state"
    state.mkdir()
    _apply(state, f"https://pop.test:{port}")
    sets = {
        "state": state,
        "public.listen": f"127.0.0.1:{public}",
        "public.tls_listen": f"127.0.0.1:{tls}",
        "public.tls_certificate": pem,
        "ops.listen": f"127.0.0.1:{ops}",
    }
    edge = [
        "worker",
        "edge",
        *(word for name, value in sets.items() for word in ("--set", f"{name}={value}")),
    ]
    with (
        _running(edge, "edge.ready", tmp_path / "edge.log"),
        chromium(tmp_path, made.ca, AT_ONCE, NAMES) as browser,
    ):
        page = f"https://pop.test:{port}/probe/v1/r.gif?secret"
        policy = ["--report-to", f"https://collector.test:{tls}/rum/v1/nel", "--success-fraction", "1"]
        target = ["probe-target", "--listen", f"127.0.0.1:{port}", "--certificate", str(pem), *policy]
        with _running(target, "target.ready", tmp_path / "target.log"):
            browser.open(page)
            wait_until(lambda: 1.0 in _journaled(state), 60, "the success is reported")
        assert 0.0 not in _journaled(state)
        with pytest.raises(AssertionError, match="ERR_CONNECTION_REFUSED"):
            browser.open(page)
        wait_until(lambda: 0.0 in _journaled(state), 60, "the failure is reported")
        with urllib.request.urlopen(f"http://127.0.0.1:{ops}/metrics") as metrics:
            told = metrics.read().decode()
        assert 'itm_nel_availability_total{outcome="failed",pop="paris"}' in told
        refused = set(re.findall(r'refused_total\{reason="(\w+)",source="nel"', told))
        assert refused <= {"not_about_the_pop"}, "there is no /favicon.ico"
    left = b"".join(
        path.read_bytes() for path in (*state.rglob("*"), tmp_path / "edge.log") if path.is_file()
    )
    assert not any(word in left for word in (b"secret", b"HeadlessChrome"))


def _apply(state: Path, probe_url: str) -> None:
    """Make a catalog live in which one POP, paris, is measured at this URL."""
    url = Config(state=str(state)).store_url
    migrate.upgrade(url)
    engine = open_engine(url)
    main = FILES["catalog.yaml"].replace("https://paris.example", probe_url)
    make_live(engine, {**FILES, "catalog.yaml": main}, 0.0)
    engine.dispose()


def _journaled(state: Path) -> list[float]:
    """Return the values in the journal, all of them availability of paris from here by NEL."""
    records = JournalReader(state / "journal").read()
    for record in records:
        assert Network(int(record["family"]), int(record["unit"])) == Network.of("127.0.0.0/24")
        assert (METRICS[record["metric"]], SOURCES[record["source"]]) == ("availability", "nel")
        assert record["pop"] == b"paris"
        assert record["client"] != 0
    return [float(value) for value in records["value"]]


@contextlib.contextmanager
def _running(words: list[str], ready: str, log: Path) -> Iterator[None]:
    """Run an `itm` command until the end of the block, then kill it."""
    argv = [sys.executable, "-m", "itm", *words]
    with (
        log.open("wb") as output,
        subprocess.Popen(argv, cwd=ROOT, stdin=subprocess.PIPE, stdout=output, stderr=output) as process,
    ):
        try:
            wait_until(lambda: ready in log.read_text(), 30, ready)
            yield
        finally:
            process.kill()
