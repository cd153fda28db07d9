from __future__ import annotations

import pytest

from itm.dns.framing import Messages


def _framed(*messages: bytes) -> bytes:
    return b"".join(len(message).to_bytes(2, "big") + message for message in messages)


@pytest.mark.parametrize("step", [1, 3, 1000])
def test_messages_come_out_whole_however_they_arrive(step: int) -> None:
    """Byte by byte or all at once: the same messages."""
    stream = _framed(b"a" * 12, b"b" * 700, b"c" * 13)
    messages = Messages()
    found = []
    for place in range(0, len(stream), step):
        messages.feed(stream[place : place + step])
        found += list(messages)
    assert found == [b"a" * 12, b"b" * 700, b"c" * 13]
    assert not messages.is_broken


@pytest.mark.parametrize("length", [0, 11])
def test_a_length_no_query_has(length: int) -> None:
    """What stands before it is answered, nothing after it."""
    messages = Messages()
    messages.feed(_framed(b"a" * 12) + length.to_bytes(2, "big") + b"x" * 20)
    assert list(messages) == [b"a" * 12]
    assert messages.is_broken
    assert list(messages) == []


@pytest.mark.parametrize(
    ("stream", "has_next"),
    [
        (b"", False),
        (b"\0", False),
        (b"\0\x0c", False),
        (_framed(b"a" * 12)[:-1], False),
        (_framed(b"a" * 12), True),
        (b"\0\0", True),  # what shows that it is broken
        (b"\0\x0b", True),
    ],
)
def test_whether_something_is_to_be_done(stream: bytes, has_next: bool) -> None:
    """A whole message or a length no query has; nothing more once it is broken."""
    messages = Messages()
    messages.feed(stream)
    assert messages.has_next is has_next
    assert len(messages) == len(stream)
    list(messages)
    assert not messages.has_next
