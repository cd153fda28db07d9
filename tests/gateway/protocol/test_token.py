"""Routing tokens."""

from __future__ import annotations

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway.protocol.codes import CloseCode
from gateway.protocol.errors import ProtocolError
from gateway.protocol.token import RoutingToken, keyring, sign, verify

KEY, OLD_KEY, STRANGER = (Ed25519PrivateKey.from_private_bytes(bytes((seed,)) * 32) for seed in (1, 2, 3))
KEYS = keyring((KEY.public_key(), OLD_KEY.public_key()))
TOKEN = RoutingToken(
    "ab" * 16, "loc", "tenant", "user", expires=1000, ends=2000, pops=("p1", "p2"), idle_seconds=60
)


def test_any_pop_verifies_it_offline() -> None:
    """By the current key and by one that is being retired."""
    for key in (KEY, OLD_KEY):
        assert verify(sign(TOKEN, key), KEYS, 999.9) == TOKEN


def test_it_expires() -> None:
    """At its second."""
    with pytest.raises(ProtocolError) as refused:
        verify(sign(TOKEN, KEY), KEYS, 1000)
    assert refused.value.code is CloseCode.CLIENT_TOKEN_EXPIRED


WRONG = b'"location":"l","tenant":"t","user":"u","expires":"soon","ends":2}'


def signed(payload: bytes) -> str:
    head = sign(TOKEN, KEY).partition(".")[0]
    parts = (payload, KEY.sign(b"hdx-token/1 " + payload))
    return ".".join((head, *(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)))


def test_any_change_is_refused() -> None:
    """A stranger's signature, a changed character anywhere, rubbish, and signed rubbish."""
    good = sign(TOKEN, KEY)
    changed = [good[:at] + ("A" if good[at] != "A" else "B") + good[at + 1 :] for at in range(len(good) - 1)]
    rubbish = ["", ".", "..", "a.b.c", good[:-9], good + "A" * 2048, "é" + good]
    foreign = [signed(b"[]"), signed(b"{}"), signed(b'{"pops":[],"session":"x"}'), signed(b"\xff")]
    foreign += [
        signed(b"1"),
        signed(b"[" * 900),
        signed(b'{"session":"' + b"ab" * 16 + b'","pops":[],' + WRONG),
    ]
    for text in (sign(TOKEN, STRANGER), *changed, *rubbish, *foreign):
        with pytest.raises(ProtocolError) as refused:
            verify(text, KEYS, 0)
        assert refused.value.code is CloseCode.CLIENT_TOKEN_REFUSED


def test_it_is_bounded() -> None:
    """What would not fit a hello is not signed."""
    with pytest.raises(ProtocolError):
        sign(RoutingToken("ab" * 16, "l" * 2000, "t", "u", 1, 1), KEY)
