import asyncio
from typing import Any
from unittest.mock import AsyncMock

import pytest

from itm.errors import Refused
from itm.ops import body

CHECKS = {
    "name": body.text(3),
    "state": body.one_of(("up", "down")),
    "seconds": body.number(1, 60),
    "version": body.whole(1),
    "force": body.truth,
    "scopes": body.words(("a", "b")),
    "files": body.files,
}


def read(content: bytes, *required: str) -> dict[str, Any]:
    request = AsyncMock()
    request.read.return_value = content
    return asyncio.run(body.read_object(request, CHECKS, required))


def test_a_good_body_comes_back_as_it_is() -> None:
    """Null stands for not stated where a number is optional."""
    text = b'{"name": "abc", "state": "up", "seconds": null, "version": 1, "force": false, "scopes": ["a"]}'
    assert read(text) == {
        "name": "abc", "state": "up", "seconds": None, "version": 1, "force": False, "scopes": ["a"],
    }  # fmt: skip
    assert read(b"") == {}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("name", '"abcd"'),
        ("name", "1"),
        ("state", '"sideways"'),
        ("seconds", "0"),
        ("seconds", "61"),
        ("seconds", "true"),
        ("seconds", "NaN"),
        ("seconds", '"5"'),
        ("version", "0"),
        ("version", "1.5"),
        ("version", "true"),
        ("force", '"yes"'),
        ("scopes", "[]"),
        ("scopes", '["c"]'),
        ("scopes", '"a"'),
        ("scopes", "[[]]"),
        ("files", "{}"),
        ("files", '{"a": 1}'),
        ("files", '"a"'),
    ],
)
def test_a_wrong_value_is_refused_with_its_name(name: str, value: str) -> None:
    """Whatever JSON can say instead of what was expected."""
    with pytest.raises(Refused, match=f"^{name}: expected ") as caught:
        read(f'{{"{name}": {value}}}'.encode())
    assert caught.value.status == 400


def test_all_faults_are_told_together() -> None:
    """Unknown, missing and wrong in one answer."""
    with pytest.raises(Refused) as caught:
        read(b'{"nmae": 1, "version": 0}', "name")
    assert str(caught.value).split("; ")[1:] == [
        "name: is missing",
        "version: expected a whole number of at least 1",
    ]
    assert str(caught.value).startswith("nmae: no such key")


@pytest.mark.parametrize("content", [b"[]", b"7", b"{", b"\xff", b"[" * 100_000])
def test_what_is_no_object_is_refused(content: bytes) -> None:
    """Arrays, numbers, torn text, bad UTF-8, nesting without end."""
    with pytest.raises(Refused) as caught:
        read(content)
    assert caught.value.status == 400
