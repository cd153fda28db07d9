"""Layout of the resumable stream's frames."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.protocol import rspframe as frames
from gateway.protocol.codes import CloseCode
from gateway.protocol.rspframe import Notice, Resume


def test_the_bytes_are_those_of_the_document() -> None:
    """docs/protocol.md gives the same layout."""
    fields = Resume(bytes(16), 1, 2, 3, fin_seen=True, is_keyed=False).fields
    assert fields == bytes(16) + b"\0\0\0\1" + b"\0" * 7 + b"\2" + b"\0" * 7 + b"\3" + b"\1"
    assert frames.RESUME_BYTES == len(fields) + 32 == 69
    assert frames.encode_ack(1, 2, fin_seen=True) == b"\3\0\0\0\x11" + b"\0" * 7 + b"\1" + b"\0" * 7 + b"\2\1"
    assert frames.encode_reset(CloseCode.VDA_RESET, "x") == b"\5\0\0\0\3\1\xf9x"
    assert frames.DATA_HEADER.pack(frames.DATA, 5, 9) == b"\2\0\0\0\5" + b"\0" * 7 + b"\x09"


@given(
    st.binary(min_size=16, max_size=16), st.integers(0, 2**32 - 1), st.integers(0, 2**64 - 1), st.booleans()
)
def test_a_resume_comes_back(session: bytes, epoch: int, offset: int, flag: bool) -> None:
    """All fields and the proof."""
    resume = Resume(session, epoch, offset, offset, flag, not flag, bytes(32))
    assert frames.parse_resume(resume.fields + resume.proof) == resume


@given(st.text(max_size=20), st.text(max_size=300), st.integers(0, 2**40))
def test_a_notice_comes_back(kind: str, text: str, delay_ms: int) -> None:
    """Any text."""
    notice = Notice(kind, text, delay_ms)
    assert frames.parse_notice(frames.encode_notice(notice)[frames.HEADER.size :]) == notice


def test_long_words_are_bounded() -> None:
    """A reset's text is cut, a notice that is too long is refused."""
    assert frames.parse_reset(frames.encode_reset(CloseCode.VDA_RESET, "é" * 500)[5:])[1].startswith(
        "é" * 100
    )
    assert len(frames.encode_reset(CloseCode.VDA_RESET, "é" * 500)) == 5 + 2 + 200
    with pytest.raises(ValueError, match="NOTICE"):
        frames.encode_notice(Notice("x", "y" * 5000))
    with pytest.raises(ValueError, match="NOTICE"):
        frames.parse_notice(b"[" * 4000)
