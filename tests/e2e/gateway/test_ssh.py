"""ssh to a real sshd behind the connector: through `launch --stdio`, and without a launcher of ours."""

from __future__ import annotations

import contextlib
import getpass
import hashlib
import os
import random
import shlex
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.e2e.gateway.clients import stunnel
from tests.e2e.gateway.feed import fed
from tests.e2e.gateway.knocks import Knocks, count, revive, wait_for
from tests.e2e.gateway.stack import COMMAND, Stack
from tests.e2e.serving import ROOT, free_ports
from tests.programs import need, tail, wait_until


@contextlib.contextmanager
def sshd(folder: Path) -> Iterator[int]:
    """Run an sshd of our own with throw-away keys, which stay in the folder; return its port."""
    for name in ("host", "user"):
        words = [need("ssh-keygen", "openssh-client"), "-q", "-t", "ed25519", "-N", "", "-f"]
        subprocess.run([*words, str(folder / name)], check=True)
    (port,) = free_ports(1)
    config = folder / "sshd_config"
    config.write_text(
        f"ListenAddress 127.0.0.1:{port}\nHostKey {folder}/host\nAuthorizedKeysFile {folder}/user.pub\n"
        "PidFile none\nStrictModes no\nUsePAM no\nPasswordAuthentication no\nPermitRootLogin yes\n"
    )
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)  # sshd's own privilege separation wants it
    log = folder / "sshd.log"
    with log.open("wb") as output:
        popen = subprocess.Popen(
            [need("sshd", "openssh-server"), "-D", "-e", "-f", str(config)], stdout=output, stderr=output
        )
    try:
        wait_until(lambda: b"Server listening" in log.read_bytes(), 10, f"sshd listens: {tail(log)}")
        yield port
    finally:
        popen.kill()
        popen.wait()


def options(folder: Path, **more: str) -> list[str]:
    """Return ssh's options for the keys of a folder."""
    chosen = {
        "IdentityFile": str(folder / "user"),
        "IdentitiesOnly": "yes",
        "StrictHostKeyChecking": "no",
        "UserKnownHostsFile": "/dev/null",
        "LogLevel": "ERROR",
        **more,
    }
    return [word for name, value in chosen.items() for word in ("-o", f"{name}={value}")]


@dataclass
class SocksProxy:
    """`ssh -D`: a SOCKS5 proxy."""

    popen: subprocess.Popen[bytes]
    port: int


@contextlib.contextmanager
def sshing_through(folder: Path, port: int) -> Iterator[SocksProxy]:
    """Run a SOCKS5 proxy whose connections leave at the sshd of the port."""
    (listen,) = free_ports(1)
    words = ["-N", "-D", f"127.0.0.1:{listen}", "-p", str(port), f"{getpass.getuser()}@127.0.0.1"]
    popen = subprocess.Popen([need("ssh", "openssh-client"), *options(folder), *words])
    try:
        wait_until(lambda: is_open(listen), 10, "the SOCKS5 proxy listens")
        yield SocksProxy(popen, listen)
    finally:
        popen.kill()
        popen.wait()


def is_open(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture(scope="module")
def keys(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Run an sshd as the resource `shell`; return the folder of its keys."""
    folder = tmp_path_factory.mktemp("ssh")
    with sshd(folder) as port:
        stack.add_resource("shell", port)
        yield folder


def ssh_words(stack: Stack, keys: Path, *words: str, verbose: bool = False) -> list[str]:
    """Return an ssh whose transport is a launch file."""
    launch = [*COMMAND, "launch", str(stack.launch_file("shell")), "--stdio", "--ca", str(stack.ca)]
    return ssh_over(shlex.join([*launch, *(["--verbose"] if verbose else [])]), keys, *words)


def ssh_over(proxy: str, keys: Path, *words: str) -> list[str]:
    """Return an ssh whose transport is a program."""
    me = f"{getpass.getuser()}@desk"
    return [need("ssh", "openssh-client"), *options(keys, ProxyCommand=proxy), me, *words]


def ssh(stack: Stack, keys: Path, *words: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    """Run a command over ssh whose transport is a launch file."""
    return subprocess.run(
        ssh_words(stack, keys, *words), input=stdin, capture_output=True, check=False, cwd=ROOT, timeout=25
    )


def test_a_command_and_its_status(stack: Stack, keys: Path) -> None:
    """Output and exit status come back as without a gateway."""
    done = ssh(stack, keys, "echo", "from", "the", "desk;", "exit", "7")
    assert (done.stdout, done.returncode) == (b"from the desk\n", 7), done.stderr.decode() + stack.logs()


def test_many_bytes_both_ways(stack: Stack, keys: Path) -> None:
    """20 MB through `cat` on the far side come back byte for byte."""
    data = random.Random(5).randbytes(20_000_000)
    done = ssh(stack, keys, "cat", stdin=data)
    assert done.returncode == 0, done.stderr.decode() + stack.logs()
    assert hashlib.sha256(done.stdout).digest() == hashlib.sha256(data).digest()


SUM_AND_TICK = """
(n=0; while sleep 0.05; do n=$((n + 1)); echo tick $n; done) & ticker=$!
sha256sum; kill $ticker"""
"""A remote command that talks while it listens."""


@pytest.mark.long
def test_ssh_lives_through_its_pops_deaths(stack: Stack, keys: Path, tmp_path: Path) -> None:
    """30 MB go in and lines come out while the POP in use is killed four times: each once, in order."""
    with fed(ssh_words(stack, keys, SUM_AND_TICK, verbose=True), tmp_path) as (popen, feed):
        wait_for(tmp_path / "out", "tick", 3)
        knocks = Knocks(stack, tmp_path / "err")
        for how in ("kill", "stop", "kill", "kill"):
            knocks.knock(how)
            before = count(tmp_path / "out", "tick")
            wait_for(tmp_path / "out", "tick", before + 10)
        feed.enough.set()
        assert popen.wait(timeout=30) == 0, tail(tmp_path / "err")
    *ticks, total = (tmp_path / "out").read_text().splitlines()
    assert total.split()[0] == feed.sha256.hexdigest()
    assert feed.sent >= 30_000_000
    assert ticks == [f"tick {n}" for n in range(1, len(ticks) + 1)]
    assert count(tmp_path / "err", "session.resumed") == 4


def test_ssh_without_a_launcher_ends_with_its_pop(stack: Stack, keys: Path, tmp_path: Path) -> None:
    """The ticket as SOCKS5 domain through `nc` and stunnel: an honest session that dies with its POP."""
    with stunnel(stack, "pop-b", tmp_path) as port:

        def proxy() -> str:
            words = [need("nc", "netcat-openbsd"), "-X", "5", "-x", f"127.0.0.1:{port}"]
            return shlex.join([*words, stack.ticket("shell"), "22"])

        done = subprocess.run(ssh_over(proxy(), keys, "echo", "hello"), capture_output=True, check=False)
        assert (done.returncode, done.stdout) == (0, b"hello\n"), done.stderr
        with fed(ssh_over(proxy(), keys, SUM_AND_TICK), tmp_path) as (popen, _):
            wait_for(tmp_path / "out", "tick", 3)
            stack.running["pop-b"].kill()
            try:
                assert popen.wait(timeout=10) == 255
            finally:
                revive(stack, "pop-b")
