from __future__ import annotations

from itm.dns.zonelines import read


def test_lines_of_words() -> None:
    """A logical line begins where its first word stands and ends with its parentheses."""
    faults: list[str] = []
    lines = list(read('a ( b ; x\n "c d" )\n  e\n\n;\nf', faults))
    assert [(line.number, line.has_owner, line.words) for line in lines] == [
        (1, True, ["a", "b", '"c d"']),
        (3, False, ["e"]),
        (6, True, ["f"]),
    ]
    assert faults == []


def test_faults_have_their_line() -> None:
    """Quotes and parentheses that do not fit are told where they stand."""
    faults: list[str] = []
    assert [line.words for line in read('a "b\n)\n(', faults)] == [["a", "b"]]
    assert faults == [
        "line 1: unexpected '\"'",
        "line 2: unexpected ')'",
        "line 3: a parenthesis is not closed",
    ]
