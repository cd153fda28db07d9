"""The verdicts as the table of docs/conformance.md, and whether they are good enough.

Good is: no error about us, every warning about us explained on that page, by its tag, below the table, and an
error from every tester about the control.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from tests.conform.judges import JUDGES, Verdict

PAGE: Final = Path(__file__).resolve().parents[2] / "docs" / "conformance.md"
BEGIN, END = "<!-- results: make conform -->", "<!-- end of results -->"
US: Final = "itm"
CONTROL: Final = "control"
"""The server that is wrong on purpose."""
Found = Mapping[str, Mapping[str, Verdict]]


def judge(found: Found, *, write: bool) -> int:
    """Compare with the page, or write it; 1 when something is wrong, said on standard error."""
    page = PAGE.read_text()
    fresh = _with_results(page, table({name: some for name, some in found.items() if name != CONTROL}))
    faults = faults_of(found[US], page)
    faults += [
        f"{t}: finds nothing wrong in the control" for t, one in found[CONTROL].items() if not one.errors
    ]
    if write:
        PAGE.write_text(fresh)
    elif fresh != page:
        faults.append("docs/conformance.md does not say what was found: `make conform CONFORM=--write`")
    for fault in faults:
        print(f"conform: {fault}", file=sys.stderr)
    return 1 if faults else 0


def faults_of(ours: Mapping[str, Verdict], page: str) -> list[str]:
    """Return what may not be: an error about us, a warning that the page does not explain."""
    explained = set(re.findall(r"^\| `([^`]+)` \|", page.partition(END)[2], re.MULTILINE))
    found = [f"{tester}: {error}" for tester, verdict in ours.items() for error in verdict.errors]
    for tester, verdict in ours.items():
        unexplained = [tag for tag in verdict.warnings if tag not in explained]
        found += [f"{tester}: {tag} is not explained in docs/conformance.md" for tag in unexplained]
    return found


def table(found: Found) -> str:
    """Return the results: a row per tester, a column per server."""
    head = f"| tester | {' | '.join(found)} |\n|---|{'---|' * len(found)}\n"
    rows = [f"| {t} | {' | '.join(cell(found[name][t]) for name in found)} |\n" for t in JUDGES]
    return head + "".join(rows)


def cell(verdict: Verdict) -> str:
    """Return a verdict in one cell."""
    errors = [f"**{tag}**" for tag in verdict.errors]
    return "<br>".join([*errors, *(f"`{tag}`" for tag in verdict.warnings)]) or "nothing"


def _with_results(page: str, text: str) -> str:
    before, _, rest = page.partition(BEGIN)
    return f"{before}{BEGIN}\n\n{text}\n{END}{rest.partition(END)[2]}"
