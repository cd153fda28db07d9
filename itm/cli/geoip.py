"""`itm geoip info|compact`: look into GeoIP files, and make a place table from them.

Talks to no server. A place table is what the server reads (`geoip.places`), made of .mmdb files.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from collectors import geoip, places
from itm.config import Geoip


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the sub-commands."""
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    info = commands.add_parser("info", help="describe a place table or an .mmdb file")
    info.add_argument(
        "file", nargs="?", type=Path, default=Path(Geoip().places), help="default: the bundled place table"
    )
    info.set_defaults(geoip=_info)
    compact = commands.add_parser("compact", help="make a place table from City and ASN databases")
    compact.add_argument(
        "--city",
        action="append",
        required=True,
        type=Path,
        metavar="FILE",
        help="City database; again for the other address family",
    )
    compact.add_argument("--asn", required=True, type=Path, metavar="FILE", help="ASN database")
    compact.add_argument("-o", "--output", required=True, type=Path, metavar="FILE")
    compact.add_argument("--edition", default="", help="default: what the databases say of themselves")
    compact.add_argument("--credit", default="", help="default: that of the databases we know")
    compact.add_argument("--loss", action="store_true", help="measure what the table loses")
    compact.add_argument("--sample", type=int, default=20_000, metavar="N", help="addresses for --loss")
    compact.set_defaults(geoip=_compact)


def run(args: argparse.Namespace) -> int:
    """Run the chosen sub-command; return the exit status."""
    status: int = args.geoip(args)
    return status


def _info(args: argparse.Namespace) -> int:
    if args.file.suffix == ".mmdb":
        _print(_database_lines(geoip.info(args.file)))
    else:
        started = time.perf_counter()
        table = places.load(args.file)
        _print(_table_lines(table, args.file, time.perf_counter() - started))
    return 0


def _compact(args: argparse.Namespace) -> int:
    started = time.perf_counter()
    table = geoip.compact(args.city, args.asn, edition=args.edition, credit=args.credit)
    places.save(table, args.output)
    _print((("made in", f"{time.perf_counter() - started:.0f} s"),))
    # what the server will read is what is described
    table = places.load(args.output)
    _print(_table_lines(table, args.output))
    if args.loss:
        print(geoip.loss(table, args.city, args.asn, args.sample))
    return 0


def _table_lines(
    table: places.PlaceTable, path: Path, load_seconds: float | None = None
) -> Iterable[tuple[str, str]]:
    announced = int(np.diff(table.v4_start, append=np.uint32(1 << 24))[table.asn[table.v4_place] != 0].sum())
    yield "file", f"{path} ({path.stat().st_size:,} bytes)"
    yield "edition", table.edition
    yield "digest", table.digest
    yield "places", f"{len(table):,} in {int(table.cell[-1]):,} cells of {len(table.countries) - 1} countries"
    yield "IPv4", f"{len(table.v4_start):,} runs of /24s; {announced:,} /24s announced"
    yield "IPv6", f"{len(table.v6_start):,} runs of /48s"
    if load_seconds is not None:
        yield "loaded in", f"{load_seconds:.2f} s"
    if table.credit:
        yield "credit", table.credit


def _database_lines(database: geoip.DatabaseInfo) -> Iterable[tuple[str, str]]:
    yield "file", f"{database.path} ({database.size_bytes:,} bytes)"
    yield "type", f"{database.database_type}, schema {database.schema}"
    yield "edition", database.edition
    yield "built", str(database.built)
    yield "tree", f"IPv{database.ip_version}"
    if database.credit:
        yield "credit", database.credit


def _print(lines: Iterable[tuple[str, str]]) -> None:
    for name, text in lines:
        print(f"{name:<10} {text}")
