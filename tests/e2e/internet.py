"""A fake Internet: a signed root and top-level domain on real nsds, delegating zones to servers under test.

Signing is ldns', so that no validator sees a signature of ours above our own zone. Everything listens on
port 53 of addresses that the caller has.
"""

from __future__ import annotations

import contextlib
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from tests.programs import dig, need, need_port_53, wait_until

SOA: Final = "300 IN SOA a.nic.{tld}. hostmaster.nic.{tld}. 1 3600 900 1209600 60"
AN_HOUR: Final = 3600
NSD: Final = """\
server:
{addresses}
  do-ip6: no
  username: ""
  chroot: ""
  zonesdir: "{folder}"
  database: ""
  zonelistfile: "{folder}/zone.list"
  pidfile: "{folder}/nsd.pid"
  xfrdfile: "{folder}/xfrd.state"
  logfile: "{folder}/nsd.log"
remote-control:
  control-enable: no
"""


@dataclass(frozen=True)
class Delegation:
    """A zone below the top-level domain: its servers by name, with their addresses, and its DS records."""

    zone: str
    servers: Mapping[str, str]
    ds: Sequence[str] = ()

    def lines(self) -> Iterator[str]:
        """Give the records of the parent's side."""
        for name, address in self.servers.items():
            yield f"{self.zone}. 300 IN NS {name}."
            yield f"{name}. 300 IN A {address}"
        for ds in self.ds:
            yield f"{self.zone}. 300 IN DS {ds}"


@dataclass(frozen=True)
class Internet:
    """What a resolver must be told: the root's address (as a hints file too) and its DS."""

    root: str
    hints: Path
    anchor: str


@contextlib.contextmanager
def internet(
    folder: Path, root: str, parents: Sequence[str], tld: str, delegations: Sequence[Delegation]
) -> Iterator[Internet]:
    """Serve the root on one address and `tld` on others until the end."""
    folder.mkdir()
    above = Delegation(tld, {f"{letter}.nic.{tld}": one for letter, one in zip("ab", parents, strict=False)})
    inner = [
        f"{tld}. {SOA.format(tld=tld)}",
        *above.lines(),
        *(x for one in delegations for x in one.lines()),
    ]
    above = replace(above, ds=(sign(folder, f"{tld}.", inner),))
    hints = [". 300 IN NS a.root-servers.", f"a.root-servers. 300 IN A {root}"]
    anchor = sign(folder, ".", [f". {SOA.format(tld=tld)}", *hints, *above.lines()])
    (folder / "hints").write_text("\n".join([*hints, ""]))
    with nsd(folder, [root], {".": "root.signed"}), nsd(folder, parents, {tld: f"{tld}.signed"}):
        for address, name in ((root, "."), *((one, tld) for one in parents)):
            wait_until(lambda: bool(dig(name, "SOA", server=address, port=53)), 10, f"nsd answers {name}")  # noqa: B023
        yield Internet(root, folder / "hints", anchor)


@contextlib.contextmanager
def nsd(folder: Path, addresses: Sequence[str], zones: Mapping[str, str], more: str = "") -> Iterator[None]:
    """Run nsd with these zones (name, file in the folder) on port 53 of the addresses; `more` is for each."""
    for address in addresses:
        need_port_53(address)
    folder = folder / f"nsd-{addresses[0]}"
    folder.mkdir()
    text = NSD.format(addresses="\n".join(f"  ip-address: {a}@53" for a in addresses), folder=folder)
    text += "".join(
        f'zone:\n  name: "{name}"\n  zonefile: "../{file}"\n{more}' for name, file in zones.items()
    )
    (folder / "nsd.conf").write_text(text)
    with running([need("nsd", "nsd"), "-d", "-c", str(folder / "nsd.conf")], folder / "out"):
        yield


def sign(folder: Path, origin: str, lines: Sequence[str]) -> str:
    """Sign a zone with a fresh key of ldns into `NAME.signed`; return its DS data."""
    name = origin.rstrip(".") or "root"
    (folder / name).write_text("\n".join([*lines, ""]))
    key = _run(folder, need("ldns-keygen", "ldnsutils"), "-a", "ECDSAP256SHA256", "-k", origin).strip()
    begin = time.strftime("%Y%m%d%H%M%S", time.gmtime(time.time() - AN_HOUR))
    words = ("-i", begin, "-o", origin, "-f", f"{name}.signed", name, key)
    _run(folder, need("ldns-signzone", "ldnsutils"), *words)
    return (folder / f"{key}.ds").read_text().split("DS")[1].strip()


def _run(folder: Path, *words: str) -> str:
    done = subprocess.run(words, capture_output=True, text=True, check=False, cwd=folder, timeout=30)
    assert done.returncode == 0, f"{' '.join(words)}: {done.stdout}{done.stderr}"
    return done.stdout


@contextlib.contextmanager
def running(command: Sequence[str], log: Path, cwd: Path | None = None) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program beside us, its output in a file, until the end."""
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, cwd=cwd)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(timeout=10)
