import random

from collectors.rum.spent import SpentTokens
from collectors.rum.token import Claim, TokenFault

POP = b"12345678"


def claim(number: int, expires: int = 300) -> Claim:
    return Claim(number.to_bytes(8, "little"), expires, POP)


def test_a_token_is_used_once():
    """Another of the same second is another token."""
    spent = SpentTokens(10)
    assert spent.fault(claim(1)) is None
    spent.spend(claim(1), now=0)
    assert spent.fault(claim(1)) == TokenFault.USED
    assert spent.fault(claim(2)) is None


def test_what_expired_is_forgotten():
    """Memory follows the tokens of a life, not of a day."""
    spent = SpentTokens(1000)
    for second in range(500):
        spent.spend(claim(second, expires=second + 100), now=second)
    assert len(spent) == 101


def test_when_full_the_oldest_close():
    """The second that expires first is forgotten, and every token of it or before counts as used."""
    spent = SpentTokens(3)
    for number, expires in enumerate((300, 301, 301, 302)):
        spent.spend(claim(number, expires), now=0)
    assert len(spent) == 3
    assert spent.fault(claim(0, 300)) == TokenFault.CROWDED, "the one that was forgotten"
    assert spent.fault(claim(9, 299)) == TokenFault.CROWDED, "older ones, used or not"
    assert spent.fault(claim(9, 301)) is None
    assert spent.fault(claim(1, 301)) == TokenFault.USED


def test_no_token_counts_twice_whatever_happens():
    """Against a memory without bounds: never a second use, and never more than the bound."""
    rng = random.Random(1)
    spent, truth = SpentTokens(50), set()
    now = 0.0
    for _ in range(5000):
        now += rng.random() / 10
        one = claim(rng.randrange(400), int(now) + rng.randrange(60))
        if spent.fault(one) is None:
            assert one not in truth
            truth.add(one)
            spent.spend(one, now)
        assert len(spent) <= 50
