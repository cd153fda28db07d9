"""Looks for full addresses in files and logs: as text, as a number, packed in either byte order."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence
from pathlib import Path


def texts(address: str) -> list[bytes]:
    """Return the forms in which an address is written."""
    parsed = ipaddress.ip_address(address)
    forms = [str(parsed), parsed.exploded, parsed.reverse_pointer.rpartition(".ip6")[0], str(int(parsed))]
    forms += [parsed.packed.hex(), parsed.packed.hex(":"), parsed.exploded.upper()]
    return [form.encode() for form in dict.fromkeys(forms) if form]


def packed(address: str) -> list[bytes]:
    """Return the forms in which an address stands in bytes and in numpy's integers."""
    whole = ipaddress.ip_address(address).packed
    halves = [whole[at : at + 8] for at in range(0, len(whole), 8)]
    swapped = b"".join(half[::-1] for half in halves)
    return [whole, whole[::-1], swapped]


def found(files: Iterable[Path], addresses: Sequence[str]) -> list[str]:
    """Say where an address stands, one line each; empty: nowhere.

    Four bytes may stand in a large file by chance: an IPv4 address counts as packed in a file only if all the
    IPv4 addresses do, since all went the same ways.
    """
    fours = [a for a in addresses if ipaddress.ip_address(a).version == 4]
    hits = []
    for path in files:
        data = path.read_bytes()
        lower = data.lower()
        hits += [f"{path}: {form!r}" for a in addresses for form in texts(a) if form.lower() in lower]
        sixes = [a for a in addresses if a not in fours]
        hits += [f"{path}: {a} packed" for a in sixes if any(form in data for form in packed(a))]
        if len(fours) > 1 and all(any(form in data for form in packed(a)) for a in fours):
            hits.append(f"{path}: IPv4 addresses, packed")
    return hits


def files_of(*folders: Path) -> list[Path]:
    """Return every file below the folders."""
    return [path for folder in folders for path in sorted(folder.rglob("*")) if path.is_file()]
