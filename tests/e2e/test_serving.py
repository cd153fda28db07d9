"""What the stories that run servers rely on."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.e2e.serving import ROOT

TAKE = "from tests.e2e.serving import free_ports; print(*(p for _ in range(20) for p in free_ports(5)))"


def test_ports_are_given_once() -> None:
    """Three test runs at a time: no port twice, none that the kernel gives to a connection meanwhile."""
    runs = [
        subprocess.Popen([sys.executable, "-c", TAKE], cwd=ROOT, stdout=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    ports = [int(word) for run in runs for word in run.communicate(timeout=60)[0].split()]
    least = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    assert len(set(ports)) == len(ports) == 300
    assert max(ports) < least
