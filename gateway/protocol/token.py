"""The routing token: what lets any POP bring a session back to its Resource Location without asking anybody.

Signed by the broker with Ed25519, verified offline. It says where a session lives and until when; it opens
nothing by itself: the connector asks for the proof of the resume secret (`secret.py`), which no POP knows.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from gateway.protocol.codes import CloseCode
from gateway.protocol.control import is_session
from gateway.protocol.errors import ProtocolError

MOST_BYTES = 2048
_CONTEXT = b"hdx-token/1 "


@dataclass(frozen=True, slots=True)
class RoutingToken:
    """Where a session lives.

    In Unix seconds: `expires` is the token's own end, long before the session's, which is `ends`: whoever
    holds the session is given the next one in time. `pops` are the names allowed to carry it, empty for any.
    """

    session: str
    location: str
    tenant: str
    user: str
    expires: int
    ends: int
    pops: tuple[str, ...] = ()
    idle_seconds: int = 0


def key_id(key: Ed25519PublicKey) -> str:
    """Return the name under which a token says who signed it: 6 bytes of the public key, as text."""
    return base64.urlsafe_b64encode(key.public_bytes_raw()[:6]).decode()


def sign(token: RoutingToken, key: Ed25519PrivateKey) -> str:
    """Return the token as text: key id, payload, signature, parted by dots; at most 2,048 characters."""
    payload = json.dumps(asdict(token), separators=(",", ":")).encode()
    text = ".".join((key_id(key.public_key()), _pack(payload), _pack(key.sign(_CONTEXT + payload))))
    if len(text) > MOST_BYTES:
        raise ProtocolError(CloseCode.BROKER_INTERNAL, "routing token too long")
    return text


def keyring(keys: Iterable[Ed25519PublicKey]) -> dict[str, Ed25519PublicKey]:
    """Return the keys by their id, for `verify`: the current one and those being retired."""
    return {key_id(key): key for key in keys}


def verify(text: str, keys: Mapping[str, Ed25519PublicKey], now: float) -> RoutingToken:
    """Return the token; raises `ProtocolError`.

    `client_token_refused`, `client_token_expired`, or `client_session_expired` when that is why.
    """
    signer, _, rest = text.partition(".")
    payload, _, signature = rest.partition(".")
    key = keys.get(signer)
    if key is None or len(text) > MOST_BYTES:
        raise ProtocolError(CloseCode.CLIENT_TOKEN_REFUSED, "signed by nobody we know")
    try:
        raw = _unpack(payload)
        key.verify(_unpack(signature), _CONTEXT + raw)
        token = _read(json.loads(raw))
    except (InvalidSignature, binascii.Error, ValueError, TypeError, RecursionError) as error:
        raise ProtocolError(CloseCode.CLIENT_TOKEN_REFUSED, f"not a token: {type(error).__name__}") from None
    if now >= token.ends:
        raise ProtocolError(CloseCode.CLIENT_SESSION_EXPIRED)
    if now >= token.expires:
        raise ProtocolError(CloseCode.CLIENT_TOKEN_EXPIRED)
    return token


def _read(fields: object) -> RoutingToken:
    if not isinstance(fields, dict) or not is_session(str(fields.get("session"))):
        raise ValueError("not an object, or session")
    pops = fields.pop("pops", ())
    if not isinstance(pops, list) or not all(isinstance(pop, str) for pop in pops):
        raise ValueError("pops")
    read = RoutingToken(pops=tuple(pops), **fields)
    texts, numbers = (read.location, read.tenant, read.user), (read.expires, read.ends, read.idle_seconds)
    if not all(isinstance(one, str) for one in texts) or not all(type(one) is int for one in numbers):
        raise ValueError("a field's type")
    return read


def _pack(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _unpack(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
