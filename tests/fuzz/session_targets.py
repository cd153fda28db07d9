"""Sessions, tokens and beacons, and the files that the edge follows for them.

As in `targets`: a function takes bytes, holds what must be true of the outcome and lets only promised errors
pass. Files of arrays get a fitting checksum first.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from functools import cache
from pathlib import Path
from typing import Final

from collectors import placeruns
from collectors.errors import ArraysError, SessionError
from collectors.network import Network
from collectors.rum import beacon, exploration, keyfile, session
from collectors.rum.register import TokenRegister
from collectors.rum.token import KEY_BYTES, TOKEN_CHARACTERS, Claim, TokenKeys
from tests.collectors.rum.test_exploration import table
from tests.collectors.test_places import small_table
from tests.fuzz.target import Target, text

NOW: Final = 1_700_000_000.0
TOKYO: Final = Network.of("133.11.0.1")
KEYS: Final = TokenKeys([b"k" * KEY_BYTES])
POPS: Final = frozenset({"tyo", "fra"})


def _register() -> TokenRegister:
    return TokenRegister(KEYS, life_seconds=300, most_spent=4)


def read_beacon(raw: bytes) -> None:
    """Every item is accepted or refused; nothing counts without a token, and no token a second time."""
    tokens = _register()
    first = beacon.parse(raw, network=TOKYO, client=1, now=NOW, pops=POPS, tokens=tokens)
    assert len(first.accepted) <= beacon.MAX_ITEMS
    assert bool(first.claims) == bool(first.accepted)
    tokens.spend(first.claims, NOW)
    again = beacon.parse(raw, network=TOKYO, client=1, now=NOW, pops=POPS, tokens=tokens)
    assert again.accepted == ()
    elsewhere = beacon.parse(raw, network=Network(4, 1), client=1, now=NOW, pops=POPS, tokens=_register())
    assert elsewhere.accepted == ()


def read_session_token(raw: bytes) -> None:
    """Only what we signed is good: the seed itself, however it may be spelled."""
    token = text(raw)
    found = KEYS.verify(token, TOKYO, NOW)
    if isinstance(found, Claim):
        assert len(token) == TOKEN_CHARACTERS
        assert token.replace("-", "+").replace("_", "/") == TOKEN.replace("-", "+").replace("_", "/")


def read_session_request(raw: bytes) -> None:
    name = session.service_of(raw)
    assert name == name.lower()
    assert not name or name.endswith(".")
    assert len(name) <= session.NAME_CHARACTERS + 1


def read_token_keys(raw: bytes) -> None:
    assert TokenKeys(keyfile.parse(text(raw))).sign(TOKYO, "tyo", 1, bytes(8))


@cache
def _folder() -> Path:
    return Path(tempfile.mkdtemp())


def _file(raw: bytes) -> Path:
    path = _folder() / "file"
    path.write_bytes(raw + hashlib.sha256(raw).digest())
    return path


def read_exploration(raw: bytes) -> None:
    """What is loaded can be asked about any network, and leads to POPs that it has."""
    found = exploration.load(_file(raw))
    for near in (found.of_place(0), found.of_network(TOKYO), found.of_network(Network(6, 1))):
        assert {one.pop for one in near} <= set(found.pops)


def read_place_runs(raw: bytes) -> None:
    found = placeruns.load(_file(raw))
    for network in (TOKYO, Network(4, 0), Network(6, (1 << 48) - 1)):
        assert 0 <= found.place_of(network) < found.places


TOKEN: Final = KEYS.sign(TOKYO, "tyo", int(NOW) + 300, b"nonce678")
_ITEM: Final = {"pop": "tyo", "metric": "rtt_ms", "value": 23.5, "coarse": True, "token": TOKEN}
_BEACONS: Final = (_ITEM, [_ITEM, {**_ITEM, "metric": "availability", "value": 1}], {"measurements": [_ITEM]})


@cache
def _runs() -> bytes:
    path = _folder() / "runs"
    placeruns.save(small_table(), path)
    return path.read_bytes()[: -hashlib.sha256().digest_size]


TARGETS: Final[dict[str, Target]] = {
    "beacon": Target(read_beacon, tuple(json.dumps(one).encode() for one in _BEACONS), ()),
    "session_token": Target(read_session_token, (TOKEN.encode(),), ()),
    "session_request": Target(read_session_request, (b'{"service": "GW.example.net"}', b""), (SessionError,)),
    "token_keys": Target(read_token_keys, (b"ab" * KEY_BYTES + b"  # one\n",), (ValueError,)),
    "exploration": Target(
        read_exploration, (exploration.pack(table())[: -hashlib.sha256().digest_size],), (ArraysError,)
    ),
    "place_runs": Target(read_place_runs, (_runs(),), (ArraysError,)),
}
