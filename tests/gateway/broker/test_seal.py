from __future__ import annotations

import pytest

from gateway.broker.seal import Seal
from gateway.errors import ConfigError


def test_what_is_sealed_comes_back_for_its_purpose_alone() -> None:
    """Another key, another purpose or a changed text opens nothing; the text does not show the secret."""
    seal = Seal(b"k" * 32)
    sealed = seal.close("pässword", b"corp")
    assert "pässword" not in sealed
    assert seal.open(sealed, b"corp") == "pässword"
    changed = sealed[:20] + ("A" if sealed[20] != "A" else "B") + sealed[21:]
    for key, text, purpose in (
        (b"x" * 32, sealed, b"corp"),
        (b"k" * 32, sealed, b"other"),
        (b"k" * 32, changed, b"corp"),
        (b"k" * 32, "", b"corp"),
        (b"k" * 32, "no base64", b"corp"),
    ):
        with pytest.raises(ConfigError):
            Seal(key).open(text, purpose)


def test_the_same_secret_looks_different_each_time() -> None:
    """A nonce of its own."""
    seal = Seal(b"k" * 32)
    assert seal.close("a", b"") != seal.close("a", b"")
