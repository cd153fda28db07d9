from collectors.network import Network
from collectors.rum.register import TokenRegister
from collectors.rum.token import KEY_BYTES, Claim, TokenFault, TokenKeys
from tests.collectors.observed import NOON

TOKYO = Network.of("133.11.0.1")


def register(key: bytes = b"k") -> TokenRegister:
    return TokenRegister(TokenKeys([key * KEY_BYTES]), life_seconds=300, most_spent=100)


def test_issued_judged_spent():
    """A token admits until it is spent; looking at it uses nothing up."""
    tokens = register()
    token = tokens.issue(TOKYO, "tyo", NOON)
    found = tokens.judge(token, TOKYO, NOON + 300)
    assert found == tokens.judge(token, TOKYO, NOON)
    assert isinstance(found, Claim)
    tokens.spend([found], NOON)
    assert tokens.judge(token, TOKYO, NOON) == TokenFault.USED


def test_no_two_tokens_are_alike():
    """Two probes of one POP in one second are two tokens."""
    tokens = register()
    assert len({tokens.issue(TOKYO, "tyo", NOON) for _ in range(100)}) == 100


def test_keys_are_replaced_while_running():
    """Tokens of a key that stays among them stay good."""
    tokens = register(b"o")
    token = tokens.issue(TOKYO, "tyo", NOON)
    tokens.replace(TokenKeys([b"n" * KEY_BYTES, b"o" * KEY_BYTES]))
    assert isinstance(tokens.judge(token, TOKYO, NOON), Claim)
    tokens.replace(TokenKeys([b"n" * KEY_BYTES]))
    assert tokens.judge(token, TOKYO, NOON) == TokenFault.FORGED


def test_edges_with_the_same_keys_take_each_others_tokens():
    """What one edge issued, another with the same file admits."""
    token = register().issue(TOKYO, "tyo", NOON)
    assert isinstance(register().judge(token, TOKYO, NOON), Claim)
