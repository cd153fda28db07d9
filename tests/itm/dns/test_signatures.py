from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest

from itm.dns.name import encode
from itm.dns.rdata import CDS, DNSKEY, Rdata
from itm.dns.signatures import MAGIC, Signatures, ZoneKeys, read, write
from itm.errors import SnapshotError

ORIGIN = encode("example.net.")
MADE = Signatures(
    {ORIGIN: ZoneKeys(3600, {DNSKEY: (Rdata(b"key"), Rdata(b"other")), CDS: (Rdata(b"cds"),)}, 7, b"digest")},
    {b"b" * 16: (Rdata(b"one"),), b"a" * 16: (Rdata(b"two"), Rdata(b"three"))},
    1.5e9,
)


def test_what_is_written_is_read(tmp_path: Path) -> None:
    """Keys, signatures (several for one RRset) and the end come back; nothing is left aside."""
    path = tmp_path / "signatures"
    write(path, MADE)
    again = read(path)
    assert (again.rrsigs, again.ends_at) == (MADE.rrsigs, MADE.ends_at)
    assert (again.zones[ORIGIN].ttl, again.zones[ORIGIN].rdatas) == (3600, MADE.zones[ORIGIN].rdatas)
    assert (again.zones[ORIGIN].serial, again.zones[ORIGIN].content) == (7, b"digest")
    assert [file.name for file in tmp_path.iterdir()] == ["signatures"]


def test_an_empty_file_is_fine(tmp_path: Path) -> None:
    """No signed zone: an empty set."""
    write(tmp_path / "s", Signatures())
    assert read(tmp_path / "s").rrsigs == {}


DAMAGE: list[Callable[[bytes], bytes]] = [
    lambda d: d[:-1],
    lambda d: b"x" + d[1:],
    lambda d: d[:40] + b"!" + d[41:],
    lambda d: d[:0],
]


@pytest.mark.parametrize("change", DAMAGE)
def test_a_damaged_file_is_refused(tmp_path: Path, change: Callable[[bytes], bytes]) -> None:
    """Cut, changed or empty: an error that names the file."""
    path = tmp_path / "s"
    write(path, MADE)
    path.write_bytes(change(path.read_bytes()))
    with pytest.raises(SnapshotError, match="not a whole signatures file"):
        read(path)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    """The reason names the path."""
    with pytest.raises(SnapshotError, match="none"):
        read(tmp_path / "none")


@pytest.mark.parametrize(
    "head", [b"[", b"[]", b'{"zones": 1}', b'{"zones": {"zz": {}}, "ends_at": 1}', b"[" * 9000]
)
def test_a_fitting_sum_is_not_enough(tmp_path: Path, head: bytes) -> None:
    """What stands inside is checked as well: one error for every damage, so that a worker goes on."""
    body = MAGIC + len(head).to_bytes(4, "little") + head
    (tmp_path / "signatures").write_bytes(body + hashlib.sha256(body).digest())
    with pytest.raises(SnapshotError):
        read(tmp_path / "signatures")
