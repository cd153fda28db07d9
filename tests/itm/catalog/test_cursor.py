"""A cursor collects every fault with its path and goes on with a harmless value."""

from __future__ import annotations

import pytest

from itm.catalog.cursor import Cursor, suggest


def at(value: object) -> Cursor:
    return Cursor(value, "f", "a.b", [])


def test_paths_of_keys_and_items() -> None:
    """Keys join with a dot, positions do not."""
    cursor = Cursor({"rules": [1]}, "f", "", [])
    cursor.entries()["rules"].items()[0].refuse("no")
    assert cursor.reasons == ["f: rules[0]: no"]


def test_unknown_key_gets_a_suggestion() -> None:
    """A misspelt key is refused with the key that was probably meant."""
    cursor = at({"healthchek": 1})
    assert cursor.fields(("healthcheck", "lat")) == {}
    assert cursor.reasons == [
        "f: a.b.healthchek: no such key (did you mean 'healthcheck'?); known: healthcheck, lat"
    ]


def test_missing_and_null_keys() -> None:
    """A required key that is absent or null is missing."""
    cursor = at({"x": None})
    cursor.fields(("x", "y"), ("x", "y"))
    assert cursor.reasons == ["f: a.b: `x` is missing", "f: a.b: `y` is missing"]


@pytest.mark.parametrize(
    ("value", "read", "stand_in", "fault"),
    [
        ([], lambda c: c.entries(), {}, "expected a mapping, got []"),
        ({1: 2}, lambda c: c.entries(), {}, "expected words as keys, got 1 (quote it?)"),
        ("x", lambda c: c.items(), [], "expected a list, got 'x'"),
        ([], lambda c: c.items(least=1), [], "expected at least one value, got an empty list"),
        (5, lambda c: c.text(), "", "expected a text, got 5"),
        ("a\tb", lambda c: c.text(), "", "holds characters that cannot be printed"),
        ("aaaa", lambda c: c.text(3), "", "longer than 3 characters"),
        (True, lambda c: c.number(1, 2), 1, "expected a number, got True"),
        (float("nan"), lambda c: c.number(1, 2), 1, "expected a number, got nan"),
        (9, lambda c: c.number(1, 2), 1, "expected 1 to 2, got 9"),
        (1.5, lambda c: c.integer(1, 2), 1, "expected a whole number, got 1.5"),
        ("fastst", lambda c: c.one_of(("up", "fastest")), "", "'fastst' is none of up, fastest"),
    ],
)
def test_wrong_values(value: object, read: object, stand_in: object, fault: str) -> None:
    """Each reader refuses what it does not expect and yields a stand-in."""
    cursor = at(value)
    assert read(cursor) == stand_in  # type: ignore[operator]
    assert cursor.reasons[0].startswith(f"f: a.b: {fault}")


def test_shown_values_are_short() -> None:
    """A message never carries a whole document, however large or nested the wrong value is."""
    bomb: object = "x" * 10_000
    for _ in range(30):
        bomb = [bomb] * 9
    cursor = at(bomb)
    cursor.number(0, 1)
    assert len(cursor.reasons[0]) < 2000


def test_one_text_stands_for_a_list() -> None:
    """`ipv4: 192.0.2.1` and `ipv4: [192.0.2.1]` are the same."""
    assert [c.value for c in at("x").texts()] == [c.value for c in at(["x"]).texts()] == ["x"]


def test_no_far_fetched_suggestion() -> None:
    """Nothing is suggested when nothing is near."""
    assert suggest("zzz", ("up", "fastest")) == ""
