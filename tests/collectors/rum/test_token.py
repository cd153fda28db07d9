import base64

import pytest

from collectors.network import Network
from collectors.rum.token import KEY_BYTES, TOKEN_CHARACTERS, Claim, TokenFault, TokenKeys, mark_of
from tests.collectors.observed import NOON

TOKYO = Network.of("133.11.0.1")
KEYS = TokenKeys([b"k" * KEY_BYTES])
EXPIRES = int(NOON) + 300
TOKEN = KEYS.sign(TOKYO, "tyo", EXPIRES, b"nonce678")


def test_a_token_says_what_it_admits():
    """64 characters that a JSON text needs not escape; good to the end of its last second."""
    assert len(TOKEN) == TOKEN_CHARACTERS
    assert TOKEN.replace("-", "").replace("_", "").isalnum()
    for now in (NOON, EXPIRES + 0.99):
        assert KEYS.verify(TOKEN, TOKYO, now) == Claim(b"nonce678", EXPIRES, mark_of("tyo"))
    assert KEYS.verify(TOKEN, TOKYO, EXPIRES + 1) == TokenFault.EXPIRED


@pytest.mark.parametrize("address", ["133.11.1.1", "2001:db8::1", "::133.11.0.1"])
def test_another_network_is_told(address: str):
    """A /24 or /48 beside the one it was given to, and the same number in the other family."""
    assert KEYS.verify(TOKEN, Network.of(address), NOON) == TokenFault.FOREIGN


def test_any_changed_bit_is_a_forgery():
    """Every bit of the token is covered, the MAC's own too."""
    raw = base64.urlsafe_b64decode(TOKEN)
    for bit in range(8 * len(raw)):
        changed = bytearray(raw)
        changed[bit // 8] ^= 1 << bit % 8
        token = base64.urlsafe_b64encode(changed).decode()
        assert KEYS.verify(token, TOKYO, NOON) == TokenFault.FORGED


@pytest.mark.parametrize(
    "token", ["", TOKEN[:-1], TOKEN + "A", "=" * 64, "é" * 64, TOKEN[:-1] + "\n", 7, None, []]
)
def test_what_is_no_token_is_malformed(token: object):
    """Nothing is guessed, and nothing raised."""
    assert KEYS.verify(token, TOKYO, NOON) == TokenFault.MALFORMED


def test_the_first_key_signs_and_all_verify():
    """A key that was turned over still verifies; one that is gone does not."""
    old, new = b"o" * KEY_BYTES, b"n" * KEY_BYTES
    token = TokenKeys([old]).sign(TOKYO, "tyo", EXPIRES, b"nonce678")
    both = TokenKeys([new, old])
    assert isinstance(both.verify(token, TOKYO, NOON), Claim)
    assert TokenKeys([new]).verify(token, TOKYO, NOON) == TokenFault.FORGED
    assert isinstance(
        TokenKeys([new]).verify(both.sign(TOKYO, "tyo", EXPIRES, b"nonce678"), TOKYO, NOON), Claim
    )


@pytest.mark.parametrize("keys", [[], [b"short"], [b"k" * KEY_BYTES, b""]])
def test_keys_have_one_length(keys: list[bytes]):
    """None, or a short one, is no key."""
    with pytest.raises(ValueError, match="32 bytes"):
        TokenKeys(keys)


def test_no_address_is_in_a_token():
    """Two clients of one network get the same bytes where the network stands."""
    one, other = (
        KEYS.sign(Network.of(a), "tyo", EXPIRES, b"nonce678") for a in ("133.11.0.1", "133.11.0.254")
    )
    assert one == other
