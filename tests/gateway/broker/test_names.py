from __future__ import annotations

import pytest

from gateway.broker.names import check_name, check_slug, format_address, new_id, parse_address
from gateway.errors import Invalid


@pytest.mark.parametrize(
    ("text", "expected"),
    [("a.example:22", ("a.example", 22)), ("10.0.0.1:65535", ("10.0.0.1", 65535)), ("[::1]:80", ("::1", 80))],
)
def test_addresses_round_trip(text: str, expected: tuple[str, int]) -> None:
    """Host and port, with brackets around IPv6."""
    assert parse_address("x", text) == expected
    assert format_address(*expected) == text


@pytest.mark.parametrize(
    "text",
    ["", "a", "a:", ":1", "a:0", "a:65536", "a:x", "a b:1", "a:١", "::1:80", "[a]:1", "a\n:1", "a:00001x"],
)
def test_wrong_addresses(text: str) -> None:
    """Whatever is not host:port is refused with the setting's name."""
    with pytest.raises(Invalid, match=r"^target: expected host:port"):
        parse_address("target", text)


@pytest.mark.parametrize("text", ["", "-a", "a-", "A", "a_b", "a" * 33, "a\n"])
def test_wrong_slugs(text: str) -> None:
    """Ids are lower-case letters, digits and inner hyphens."""
    with pytest.raises(Invalid):
        check_slug("tenant", text)


@pytest.mark.parametrize("text", ["", " a", "a ", "a=b", "a;b", "[a]", "a\nb", "a" * 65, "a\\b", "#a"])
def test_wrong_names(text: str) -> None:
    """Names hold nothing that INI, XML or a shell gives a meaning."""
    with pytest.raises(Invalid):
        check_name("user", text)


def test_names_of_people_are_fine() -> None:
    """Letters of any script, spaces, dots and an @."""
    for text in ("alice", "Jörg Müller", "a@example.com", "x", "東京", "a.b-c_d+e"):
        assert check_name("user", text) == text


def test_an_id_tells_what_it_is() -> None:
    """Even for a name without a single ASCII letter."""
    assert new_id("Büro 7 / Ost, second floor west", lambda _: "ab") == "b-ro-7-ost-second-fl-ab"
    assert new_id("東京", lambda _: "ab") == "x-ab"
