"""What the broker's commands print: rows as aligned columns, times, and the next step."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import UTC, datetime


def columns(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return the header in capitals and the rows, each column as wide as its longest text."""
    lines = [[name.upper() for name in header], *([cell or "-" for cell in row] for row in rows)]
    widths = [max(len(line[index]) for line in lines) for index in range(len(header))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def show_time(seconds: float | None) -> str:
    """Return a Unix time as `2026-01-31 12:00:00Z`, or an empty text for None."""
    return "" if seconds is None else datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%SZ")


def next_step(text: str) -> None:
    """Tell people what comes next, on stderr: stdout holds the command's product for programs."""
    print(f"next: {text}", file=sys.stderr)
