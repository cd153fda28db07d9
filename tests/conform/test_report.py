"""What `make conform` makes of verdicts: a table, and a list of what may not be."""

from __future__ import annotations

from tests.conform.judges import JUDGES, Verdict
from tests.conform.report import BEGIN, END, faults_of, table

CLEAN = dict.fromkeys(JUDGES, Verdict())
PAGE = f"# Page\n{BEGIN}\n| `not.here` | a table's row explains nothing |\n{END}\n\n| `KNOWN` | because |\n"


def test_errors_and_what_is_not_explained() -> None:
    """Any error about us, any warning whose tag has no row below the results."""
    assert faults_of(CLEAN, PAGE) == []
    ours = CLEAN | {"dnsviz": Verdict(("BOGUS",), ("KNOWN", "NEW", "not.here"))}
    assert faults_of(ours, PAGE) == [
        "dnsviz: BOGUS",
        "dnsviz: NEW is not explained in docs/conformance.md",
        "dnsviz: not.here is not explained in docs/conformance.md",
    ]


def test_the_table() -> None:
    """A row per tester, a column per server, errors in bold."""
    found = {"itm": CLEAN, "other": CLEAN | {"dnsviz": Verdict(("BAD",), ("ODD",))}}
    lines = table(found).splitlines()
    assert lines[0] == "| tester | itm | other |"
    assert "| dnsviz | nothing | **BAD**<br>`ODD` |" in lines
    assert len(lines) == 2 + len(JUDGES)
