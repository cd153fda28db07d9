"""YAML text becomes plain values, without the surprises of YAML 1.1."""

from __future__ import annotations

import pytest

from itm.catalog.document import parse, render
from itm.errors import CatalogError


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("country: NO", {"country": "NO"}),
        ("on: off", {"on": "off"}),
        ("yes", "yes"),
        ("true", True),
        ("2026-01-01", "2026-01-01"),
        ("12:30", "12:30"),
        ("010", 10),
        ("1_000", "1_000"),
        ("0x10", "0x10"),
        ("1e3", "1e3"),
        ("-2.5", -2.5),
        (".inf", ".inf"),
        ("~", None),
        ("", None),
        ("a: &x {b: 1}\nc: {<<: *x, d: 2}", {"a": {"b": 1}, "c": {"b": 1, "d": 2}}),
    ],
)
def test_words_stay_words(text: str, value: object) -> None:
    """Country codes, dates and clock times are texts; only core-schema numbers are numbers."""
    assert parse(text, "f") == value


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("a: 1\nb: 2\na: 3", "f: a: the key stands twice (lines 1 and 3)"),
        ("a: {b: 1, b: 1}", "f: a.b: the key stands twice (lines 1 and 1)"),
        ("a: [1, {b: {c: 1,\nc: 2}}]", "f: a[1].b.c: the key stands twice (lines 1 and 2)"),
        ("a: [1", "f: line 1, column 6: "),
        ("{[a]: 1}", "f: line 1, column 2: a key must be a word"),
        ("!!python/object/apply:os.system [id]", "f: line 1, column 1: could not determine a constructor"),
        ("a: \x00", "f: not YAML: "),
        ("[" * 5000, "f: not YAML: "),
        ("a: &x {b: *x}", "f: line 1, column 4: found unconstructable recursive node"),
        ("*x", "f: line 1, column 1: found undefined alias"),
    ],
)
def test_a_fault_names_its_place(text: str, fault: str) -> None:
    """What cannot be read is refused with file, line and column."""
    with pytest.raises(CatalogError) as caught:
        parse(text, "f")
    assert caught.value.reasons[0].startswith(fault)


def test_rendered_text_reads_back() -> None:
    """Rendering and parsing are inverse for plain values."""
    value = {"services": {"gw.": {"geos": ["EU-NO", "NO"], "ttl": 20, "values": ["2001:db8::1"]}}}
    assert parse(render(value), "f") == value
