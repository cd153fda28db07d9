"""The client's network changes under a running transfer: another address, a cable that is pulled."""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.e2e.gateway.namespaces import Namespace, namespaces
from tests.e2e.gateway.stack import COMMAND, Stack, gateway
from tests.e2e.serving import ROOT
from tests.programs import need, tail, wait_until

OURS, FIRST, SECOND = "10.213.77.1", "10.213.77.2", "10.213.77.3"
BLOCK = 32 * 1024
BLOCKS_PER_SECOND = 100


@dataclass
class Client:
    """A client's namespace: its interface, and how names resolve in it."""

    stack: Stack
    namespace: Namespace
    device: str

    def set_address(self, old: str, new: str) -> None:
        """Have another address from now on, as after a change of the network."""
        self.namespace.ip("address", "del", f"{old}/24", "dev", self.device)
        self.namespace.ip("address", "add", f"{new}/24", "dev", self.device)

    def pull(self, state: str) -> None:
        """Set the link up or down."""
        self.namespace.ip("link", "set", self.device, state)


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """A gateway here, two POPs of it reachable over one cable to the client's namespace."""
    tag = secrets.token_hex(3)
    near, far = f"n{tag}", f"f{tag}"
    with (
        namespaces(1) as (namespace,),
        gateway(tmp_path_factory.mktemp("cable"), pops=(), with_connector=False) as stack,
    ):
        names = Path("/etc/netns") / namespace.name
        subprocess.run(
            [need("ip", "iproute2"), "link", "add", near, "type", "veth", "peer", "name", far], check=True
        )
        subprocess.run(["ip", "link", "set", far, "netns", namespace.name], check=True)
        subprocess.run(["ip", "address", "add", f"{OURS}/24", "dev", near], check=True)
        subprocess.run(["ip", "link", "set", near, "up"], check=True)
        namespace.ip("address", "add", f"{FIRST}/24", "dev", far)
        namespace.ip("link", "set", far, "up")
        names.mkdir(parents=True)
        (names / "hosts").write_text(f"{OURS} localhost\n")  # the gateway's name, as the client resolves it
        try:
            alternates = [f"localhost@{OURS}:{stack.ports[pop]}" for pop in ("pop-a", "pop-b")]
            for pop in ("pop-a", "pop-b"):
                words = [word for one in alternates for word in ("--alternate", one)]
                stack.start_pop(
                    pop, "--address", f"127.0.0.1:{stack.ports[pop]}",
                    "--listen", f"{OURS}:{stack.ports[pop]}", *words,
                )  # fmt: skip
            connector = stack.start_connector()
            wait_until(lambda: connector.text().count("control.standing") >= 2, 60, "channels at both POPs")
            yield Client(stack, namespace, far)
        finally:
            shutil.rmtree(names)
            subprocess.run(["ip", "link", "del", near], check=False)


class Transfer:
    """Sends pseudo-random blocks through `launch --stdio` in the client's namespace and takes the echo."""

    def __init__(self, client: Client) -> None:
        file = client.stack.launch_file("echo")
        self.log = file.with_suffix(".log")
        words = ["launch", str(file), "--stdio", "--ca", str(client.stack.ca), "--verbose"]
        with self.log.open("wb") as log:
            self.popen = subprocess.Popen(
                [*client.namespace.within, *COMMAND, *words],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, cwd=ROOT, bufsize=0,
            )  # fmt: skip
        self.sent = self.got = 0
        self.enough = threading.Event()
        self._sent, self._got = hashlib.sha256(), hashlib.sha256()
        self._threads = [threading.Thread(target=one, daemon=True) for one in (self._send, self._receive)]
        for thread in self._threads:
            thread.start()

    @property
    def resumes(self) -> int:
        return self.log.read_text().count("session.resumed")

    def _send(self) -> None:
        assert self.popen.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            while not self.enough.is_set():
                data = hashlib.shake_128(self.sent.to_bytes(8, "big")).digest(BLOCK)
                for start in range(0, BLOCK, 4096):
                    self.popen.stdin.write(data[start : start + 4096])
                self._sent.update(data)
                self.sent += BLOCK
                time.sleep(1 / BLOCKS_PER_SECOND)
            self.popen.stdin.close()

    def _receive(self) -> None:
        assert self.popen.stdout is not None
        while data := os.read(self.popen.stdout.fileno(), 1 << 20):
            self._got.update(data)
            self.got += len(data)

    def check(self) -> None:
        """Let it end in order; every byte came back, once, in order."""
        self.enough.set()
        assert self.popen.wait(timeout=30) == 0, tail(self.log)
        for thread in self._threads:
            thread.join(10)
        print(f"{self.sent} bytes, {self.resumes} resumes")
        assert self.got == self.sent
        assert self._got.digest() == self._sent.digest()


@contextlib.contextmanager
def transfer(client: Client) -> Iterator[Transfer]:
    """Run one, and end it whatever happens."""
    one = Transfer(client)
    try:
        wait_until(lambda: one.got > 10 * BLOCK, 20, "bytes come back")
        yield one
    finally:
        one.enough.set()
        one.popen.kill()
        one.popen.wait()


@pytest.mark.long
def test_a_changed_client_address(client: Client) -> None:
    """Twice, there and back: the old connections lead nowhere any more, the stream goes on."""
    with transfer(client) as one:
        for number, (old, new) in enumerate(((FIRST, SECOND), (SECOND, FIRST)), 1):
            client.set_address(old, new)
            wait_until(lambda number=number: one.resumes >= number, 15, tail(one.log))
            before = one.got
            wait_until(lambda before=before: one.got > before + 20 * BLOCK, 15, "bytes come back again")
        one.check()


@pytest.mark.long
@pytest.mark.parametrize("seconds", [2, 5, 12])
def test_a_network_that_is_cut_and_comes_back(client: Client, seconds: int) -> None:
    """Nothing passes for a while; then it goes on, on the old wire or a new one."""
    with transfer(client) as one:
        client.pull("down")
        time.sleep(seconds)
        stalled = one.got
        client.pull("up")
        wait_until(lambda: one.got > stalled + 20 * BLOCK, 20, "bytes come back again:\n" + tail(one.log))
        one.check()
        assert one.resumes >= one.log.read_text().count("wire.lost")
        assert one.resumes or seconds <= 5, "after the patience is over there is a new wire"
