from __future__ import annotations

import pytest

from gateway.workspace.origin import form_token, is_form_token, is_ours

HOST = {"Host": "gw.example:8443"}


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"Origin": "https://gw.example:8443"}, True),
        ({"Origin": "https://GW.example:8443", "Sec-Fetch-Site": "same-origin"}, True),
        ({"Sec-Fetch-Site": "same-origin"}, True),
        ({}, False),
        ({"Origin": "null"}, False),
        ({"Origin": "https://gw.example"}, False),
        ({"Origin": "http://gw.example:8443"}, False),
        ({"Origin": "https://gw.example:8443.evil.example"}, False),
        ({"Origin": "https://[", "Sec-Fetch-Site": "same-origin"}, False),
        ({"Origin": "https://gw.example:8443", "Sec-Fetch-Site": "cross-site"}, False),
        ({"Sec-Fetch-Site": "same-site"}, False),
        ({"Sec-Fetch-Site": "none"}, False),
    ],
)
def test_only_our_own_page_sends_forms(headers: dict[str, str], expected: bool) -> None:
    """The host and the port must be ours, and at least one header must say so."""
    assert is_ours(HOST | headers) is expected


def test_a_token_is_one_logins() -> None:
    """Another login's token, an empty one and nonsense are refused."""
    assert is_form_token(form_token("a"), "a")
    for text in (form_token("b"), "", "ä\udcff"):
        assert not is_form_token(text, "a")
