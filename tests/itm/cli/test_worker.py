import argparse
import os
import subprocess
from pathlib import Path

import pytest

from itm.cli import worker
from itm.config import ROOT
from itm.dns import node
from itm.dns.amplification import Factors
from itm.dns.certificate import Pair
from itm.dns.ratelimit import Rates
from tests.programs import python_for_all


def parsed(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    worker.configure(parser)
    return parser.parse_args(words)


def test_a_dns_worker_is_told_its_files_and_limits(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Each worker reports in a file of its own; all follow one directory of maps."""
    seen: list[node.NodeConfig] = []
    monkeypatch.setattr(node, "run", lambda config, _: seen.append(config))
    monkeypatch.setattr("itm.log.configure", lambda _: None)
    words = ("dns", "--index", "2", "--set", f"state={tmp_path}", "--set", "dns.tcp_connections=7")
    words += ("--set", "dns.tls_listen=[::1]:853", "--set", "dns.tls_certificate=tls.pem")
    words += ("--set", "dns.proxy_from=192.0.2.0/24")
    monkeypatch.chdir(ROOT)
    assert worker.run(parsed(*words)) == 0
    assert seen == [
        node.NodeConfig(
            listen=("127.0.0.1:5300",),
            maps=tmp_path / "maps",
            health=tmp_path / "health.table",
            stats=tmp_path / "dns-2.json",
            signatures=tmp_path / "signatures",
            tcp_connections=7,
            tcp_exempt=("127.0.0.0/8", "::1/128"),
            tls_listen=("[::1]:853",),
            certificate=Pair(ROOT / "tls.pem", ROOT / "tls.pem"),
            proxy_from=("192.0.2.0/24",),
            cookie_secrets=tmp_path / "cookie.secrets",
            rates=Rates(exempt=("127.0.0.0/8", "::1/128")),
            factors=Factors(5, 10),
            state=tmp_path,
            queries=tmp_path / "queries",
        )
    ]


def test_a_worker_whose_supervisor_is_gone_begins_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is tied before it reads a setting; a supervisor that died meanwhile is status 1."""
    tied: list[int] = []

    def tie(supervisor: int) -> bool:
        tied.append(supervisor)
        return False

    monkeypatch.setattr("itm.tether.tie", tie)
    assert worker.run(parsed("builder", "--supervisor", "77", "--set", "no.such=setting")) == 1
    assert tied == [77]


@pytest.mark.skipif(os.getuid() != 0, reason="becoming someone else needs root")
def test_a_worker_that_became_another_user_is_still_tied() -> None:
    """The kernel unties a process that changes who it is: it is tied again, as that user."""
    code = """
import ctypes, os
from itm.cli.worker import _become
from itm.privileges import user_of
from itm.tether import tie
libc, signal = ctypes.CDLL(None), ctypes.c_int()
tie(os.getppid())
_become(user_of('nobody'), os.getppid())
libc.prctl(2, ctypes.byref(signal))  # PR_GET_PDEATHSIG
print(signal.value, os.getuid() != 0)
"""
    done = subprocess.run(
        [*python_for_all(), "-c", code], capture_output=True, text=True, check=False, timeout=30
    )
    assert done.stdout.split() == ["9", "True"], done.stderr


def test_an_unknown_kind_is_a_usage_error() -> None:
    """Only the kinds that `serve` starts exist."""
    with pytest.raises(SystemExit):
        parsed("cook")
