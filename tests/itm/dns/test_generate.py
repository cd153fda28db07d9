from __future__ import annotations

import pytest

from itm.dns.generate import expand


@pytest.mark.parametrize(
    ("words", "made"),
    [
        ("1-2 h$ A 192.0.2.$", [["h1", "A", "192.0.2.1"], ["h2", "A", "192.0.2.2"]]),
        ("1-5/4 ${-1} PTR $.${0,4,x}", [["0", "PTR", "1.0001"], ["4", "PTR", "5.0005"]]),
        ("255-255 a TXT ${0,0,X}${0,3,o}", [["a", "TXT", "FF377"]]),
        (r"7-7 a TXT \$", [["a", "TXT", "$"]]),
    ],
)
def test_templates(words: str, made: list[list[str]]) -> None:
    """The number, offsets, widths and bases of BIND's directive."""
    assert list(expand(words.split())) == made


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ("1-2 a", "expected range"),
        ("1 a A b", "expected a range"),
        ("1-2/0 a A b", "is empty"),
        ("0-65536 a A b", "more than 65536"),
        ("1-2 ${-2} A b", "negative at 1"),
    ],
)
def test_reasons(words: str, reason: str) -> None:
    """What is no directive says why."""
    with pytest.raises(ValueError, match=reason):
        list(expand(words.split()))
