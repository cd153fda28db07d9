"""Network namespaces of one test: made with their links, and gone afterwards whatever happened."""

from __future__ import annotations

import contextlib
import os
import secrets
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass

from tests.programs import missing, need


@dataclass(frozen=True)
class Namespace:
    """One namespace; `within` is what a command is run with to be in it."""

    name: str

    @property
    def within(self) -> tuple[str, ...]:
        return (need("ip", "iproute2"), "netns", "exec", self.name)

    def ip(self, *words: str) -> None:
        """Run `ip` for this namespace."""
        _ip("-n", self.name, *words)

    def run(self, *words: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
        """Run a command in it to its end."""
        return subprocess.run(
            [*self.within, *words], capture_output=True, text=True, check=False, input=stdin, timeout=60
        )


@contextlib.contextmanager
def namespaces(count: int) -> Iterator[tuple[Namespace, ...]]:
    """Make namespaces with loopback up; they vanish with their links at the end."""
    if os.geteuid() != 0:
        missing("network namespaces need root")
    tag = secrets.token_hex(3)
    made: list[Namespace] = []
    try:
        for number in range(count):
            made.append(Namespace(f"hdx-{tag}-{number}"))
            _ip("netns", "add", made[-1].name)
            made[-1].ip("link", "set", "lo", "up")
        yield tuple(made)
    finally:
        for each in made:
            subprocess.run([need("ip", "iproute2"), "netns", "delete", each.name], check=False)


def link(left: Namespace, left_address: str, right: Namespace, right_address: str) -> None:
    """Join two namespaces by a pair of interfaces with these addresses, each with its length."""
    tag = secrets.token_hex(4)
    names = (f"l{tag}", f"r{tag}")
    _ip("link", "add", names[0], "type", "veth", "peer", "name", names[1])
    ends = ((left, names[0], left_address), (right, names[1], right_address))
    for namespace, name, address in ends:
        _ip("link", "set", name, "netns", namespace.name)
        namespace.ip("address", "add", address, "dev", name)
        namespace.ip("link", "set", name, "up")


def _ip(*words: str) -> None:
    done = subprocess.run([need("ip", "iproute2"), *words], capture_output=True, text=True, check=False)
    if done.returncode != 0 and "permitted" in done.stderr:
        missing(f"ip {' '.join(words)}: {done.stderr.strip()}")
    assert done.returncode == 0, f"ip {' '.join(words)}: {done.stderr}"
