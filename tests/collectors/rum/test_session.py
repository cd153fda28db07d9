import json
import re

import pytest

from collectors.errors import SessionError
from collectors.rum.session import MOST_BYTES, Probe, answer, new_session, service_of


@pytest.mark.parametrize(
    ("body", "service"),
    [
        (b"", ""),
        (b" \n", ""),
        (b"{}", ""),
        (b'{"service": ""}', ""),
        (b'{"service": "GW.example.net"}', "gw.example.net."),
        (b'{"service": "gw.example.net.", "more": [1]}', "gw.example.net."),
    ],
)
def test_a_request_names_a_service_or_none(body: bytes, service: str):
    """Absolute and lower case; other fields are ignored."""
    assert service_of(body) == service


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"\xff",
        b"[]",
        b"7",
        b"null",
        b'{"service": 7}',
        b'{"service": null}',
        b'{"service": "a\\u0000b"}',
        b'{"service": "' + b"a" * 254 + b'"}',
        b"[" * (MOST_BYTES - 1),
        b" " * MOST_BYTES + b"{}",
    ],
)
def test_what_is_no_request_is_told(body: bytes):
    """Nothing is guessed."""
    with pytest.raises(SessionError):
        service_of(body)


def test_a_session_is_a_dns_label():
    """26 characters of base32, each time others."""
    names = {new_session() for _ in range(100)}
    assert len(names) == 100
    assert all(re.fullmatch(r"[a-z2-7]{26}", name) for name in names)


def test_the_answer():
    """As documented: URLs of the probe objects, the large one where it is offered."""
    probes = [
        Probe("fra", "current", "https://fra.example", "t1", True),
        Probe("nyc", "drawn", "http://nyc.example/x", "t2", False),
    ]
    assert json.loads(answer("s" * 26, probes)) == {
        "session": "s" * 26,
        "resolver": None,
        "timeout_ms": 4000,
        "probes": [
            {
                "pop": "fra",
                "why": "current",
                "url": "https://fra.example/probe/v1/r.gif",
                "large_url": "https://fra.example/probe/v1/l.bin",
                "token": "t1",
            },
            {
                "pop": "nyc",
                "why": "drawn",
                "url": "http://nyc.example/x/probe/v1/r.gif",
                "large_url": None,
                "token": "t2",
            },
        ],
    }
    assert json.loads(answer("s", [], "https://s.probe.example"))["resolver"] == "https://s.probe.example"
