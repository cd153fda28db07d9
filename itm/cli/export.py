"""`itm export`: the measurements of the journal as CSV or Parquet, read from the state directory.

It asks no server and may run beside one: the journal is only appended to. What is in memory is one batch.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TextIO

from collectors.export import COLUMNS, Columns, Selection, Unread, selected
from collectors.parquet import ParquetFile
from itm.cli import settings
from itm.cli.duration import parse_duration
from itm.errors import ConfigError

FORMATS = ("csv", "parquet")
SINCE_SECONDS = 7 * 86_400.0


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument("-o", "--output", default="-", metavar="FILE", help="default: -, standard output")
    parser.add_argument("--format", choices=FORMATS, help="default: by the file's suffix, else csv")
    parser.add_argument(
        "--since", type=moment, metavar="TIME", help="a duration ago or ISO 8601; default: 7d"
    )
    parser.add_argument("--until", type=moment, metavar="TIME", help="before this; default: now")
    parser.add_argument(
        "--pop", action="append", default=[], metavar="POP", help="only this; may be repeated"
    )
    settings.configure(parser)


def run(args: argparse.Namespace) -> int:
    """Write what is meant; 0 when all of the journal could be read, 1 when some of it could not."""
    now = time.time()
    since = now - SINCE_SECONDS if args.since is None else args.since
    until = now + 1 if args.until is None else args.until
    directory = settings.config_of(args).state_dir / "journal"
    if not directory.is_dir():
        raise ConfigError(f"{directory}: no journal there (`--set state=…` names the state directory)")
    unread = Unread()
    rows = selected(directory, Selection(since, until, tuple(args.pop)), unread)
    count = _write(rows, args.output, _format(args))
    print(f"{count} measurements", file=sys.stderr)
    if unread.damaged or unread.missed:
        told = f"{unread.damaged} journal files are damaged, {unread.missed} were pruned meanwhile"
        print(f"{told}; the rest is exported", file=sys.stderr)
    return 1 if unread.damaged or unread.missed else 0


def moment(text: str) -> float:
    """Return seconds since the epoch: of a duration ago, or of ISO 8601 with its offset; an option's type."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        at = None
    if at is None:
        return time.time() - parse_duration(text)
    if at.tzinfo is None:
        raise argparse.ArgumentTypeError(f"expected an offset, as in {text}Z")
    return at.timestamp()


def _format(args: argparse.Namespace) -> str:
    chosen: str = args.format or ("parquet" if args.output.endswith(".parquet") else "csv")
    if chosen == "parquet" and args.output == "-":
        raise ConfigError("--output: Parquet needs a file")
    return chosen


def _write(rows: Iterator[Columns], output: str, chosen: str) -> int:
    if output == "-":
        return _as_csv(rows, sys.stdout)
    with _replaced(Path(output)) as aside:
        if chosen == "parquet":
            return _as_parquet(rows, aside)
        with aside.open("w", encoding="ascii", newline="") as file:
            return _as_csv(rows, file)


def _as_csv(rows: Iterator[Columns], file: TextIO) -> int:
    count = 0
    file.write(",".join(COLUMNS) + "\n")
    for part in rows:
        file.write(part.csv())
        count += len(part)
    return count


def _as_parquet(rows: Iterator[Columns], path: Path) -> int:
    count = 0
    with ParquetFile(path) as file:
        for part in rows:
            file.write(part)
            count += len(part)
    return count


@contextmanager
def _replaced(path: Path) -> Iterator[Path]:
    """Yield a path to write to, which takes the file's place when all went well: no half export stays."""
    aside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        yield aside
        aside.replace(path)
    except OSError as error:
        raise ConfigError(f"--output: {path}: {error.strerror}") from error
    finally:
        aside.unlink(missing_ok=True)
