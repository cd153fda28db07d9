"""Other people's testers, each asked about one served zone; what they complain of, as short tags.

An error is what the tester calls one; everything milder that it still names is a warning.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.conform.world import NAMES, Served
from tests.e2e.internet import Internet
from tests.programs import dig, need

SEVERE: Final = {"ERROR", "CRITICAL"}
BIN: Final = Path(".venv/bin")


@dataclass(frozen=True)
class Verdict:
    """What a tester found: tags, sorted, each once."""

    errors: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def verdict(errors: Iterator[str] | list[str], warnings: Iterator[str] | list[str]) -> Verdict:
    """Return the tags of both kinds in order."""
    return Verdict(tuple(sorted(set(errors))), tuple(sorted(set(warnings))))


def zonemaster(one: Served, world: Internet, folder: Path) -> Verdict:
    """The whole test plan of the .se and .fr registries, from the fake root down."""
    words = (
        "--hints",
        str(world.hints),
        "--no-ipv6",
        "--no-progress",
        "--level",
        "NOTICE",
        "--json",
        "--raw",
    )
    done = _run(need("zonemaster-cli", "zonemaster-cli"), *words, one.zone)
    (folder / f"{one.name}.zonemaster").write_text(done.stdout + done.stderr)
    found = json.loads(done.stdout)
    found = found["results"] if isinstance(found, dict) else found
    assert isinstance(found, list), done.stderr
    severe = [entry["tag"] for entry in found if entry["level"] in SEVERE]
    return verdict(severe, [entry["tag"] for entry in found if entry["level"] not in SEVERE])


def dnsviz(one: Served, world: Internet, folder: Path) -> Verdict:
    """Every kind of name of the zone, asked of each server with EDNS probes; judged from the root's key."""
    probed, anchor, judged = (folder / f"{one.name}.{end}" for end in ("probe", "anchor", "grok"))
    keys = dig(".", "DNSKEY", server=world.root, port=53)
    anchor.write_text("".join(f". 3600 IN DNSKEY {key}\n" for key in keys))
    names = [f"{name}.{one.zone}".lstrip(".") for name in NAMES]
    root = ("-a", ".", "-x", f".:a.root-servers={world.root}")
    _done(str(BIN / "dnsviz"), "probe", "-4", "-A", "-E", *root, "-o", str(probed), *names)
    trust = ("-t", str(anchor)) if one.delegation.ds else ()  # with a key it breaks below unsigned zones
    _done(str(BIN / "dnsviz"), "grok", *trust, "-r", str(probed), "-o", str(judged), *names)
    found = json.loads(judged.read_text())
    below = {name: part for name, part in found.items() if name.rstrip(".").endswith(one.zone)}
    status = found[f"{one.zone}."]["delegation"]["status"]
    broken = [f"DELEGATION_{status}"] if status != ("SECURE" if one.delegation.ds else "INSECURE") else []
    return verdict([*_tags(below, "errors"), *broken], _tags(below, "warnings"))


def _tags(part: Any, kind: str) -> Iterator[str]:
    if isinstance(part, dict):
        for key, inner in part.items():
            if key == kind:
                yield from (entry["code"] if isinstance(entry, dict) else str(entry) for entry in inner)
            else:
                yield from _tags(inner, kind)
    elif isinstance(part, list):
        for inner in part:
            yield from _tags(inner, kind)


def checkzone(one: Served, world: Internet, folder: Path) -> Verdict:
    """BIND's reader on the zone as a transfer gives it."""
    path = exported(one, folder)
    done = _run(need("named-checkzone", "bind9-utils"), "-i", "full-sibling", one.zone, str(path))
    lines = [line for line in (done.stdout + done.stderr).splitlines() if line.startswith("zone ")]
    notes = [re.sub(r"^zone \S+: ", "", line) for line in lines if "loaded serial" not in line]
    return verdict([] if done.returncode == 0 else [(done.stdout + done.stderr).strip()], notes)


def verify(one: Served, world: Internet, folder: Path) -> Verdict:
    """ldns' validator on the same file: every signature, every denial, the whole chain."""
    if not one.delegation.ds:
        return Verdict(warnings=("not signed",))
    done = _run(need("ldns-verify-zone", "ldnsutils"), str(exported(one, folder)))
    return verdict([] if done.returncode == 0 else [(done.stdout + done.stderr).strip()], [])


def exported(one: Served, folder: Path) -> Path:
    """Write the zone as a transfer gives it to a file."""
    path = folder / f"{one.name}.zone"
    if not path.exists():
        program = str(BIN / "itm") if one.export[0] == "itm" else one.export[0]
        done = _done(program, *one.export[1:])
        path.write_text(f"$ORIGIN {one.zone}.\n{done.stdout}")
    return path


def _run(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(words, capture_output=True, text=True, check=False, timeout=200)


def _done(*words: str) -> subprocess.CompletedProcess[str]:
    done = _run(*words)
    assert done.returncode == 0, f"{' '.join(words)}: {done.stderr}"
    return done


Judge = Callable[[Served, Internet, Path], Verdict]
JUDGES: Final[dict[str, Judge]] = {
    "zonemaster": zonemaster,
    "dnsviz": dnsviz,
    "named-checkzone": checkzone,
    "ldns-verify-zone": verify,
}
