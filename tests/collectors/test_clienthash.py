import ipaddress
import itertools

import numpy as np

from collectors.clienthash import ERAS, HASH_BITS, ClientHash, era_of
from tests.collectors.observed import DAY, Clock

ADDRESS = ipaddress.ip_address("192.0.2.77")


def keys(start: int = 1):
    """Return a source of keys that differ."""
    numbers = iter(range(start, 100))
    return lambda size: bytes([next(numbers)]) * size


def test_one_client_has_one_hash_a_day():
    """Equal addresses hash alike within the day, differently from others, and differently the next day."""
    clock = Clock()
    hashed = ClientHash(clock)
    first = hashed.of(ADDRESS)
    assert hashed.of(ADDRESS) == first
    assert hashed.of(ipaddress.ip_address("192.0.2.78")) != first
    clock.now += DAY
    assert hashed.of(ADDRESS) != first


def test_hashes_are_spread_and_name_their_era():
    """24 bits, all used, under one era; no known client is 0."""
    hashed = ClientHash(Clock(), keys())
    hashes = np.array([hashed.of(ipaddress.IPv4Address(n)) for n in range(5000)], np.uint32)
    assert len(np.unique(hashes)) > 4990
    assert set(era_of(hashes).tolist()) == {2}
    low = hashes & np.uint32((1 << HASH_BITS) - 1)
    assert 0.9 < low.max() / 2**HASH_BITS < 1
    assert 20 < np.count_nonzero(low % 64 == 0) < 200


def test_a_client_of_ipv6_is_a_64():
    """A host has all addresses of its /64 to itself: they are one client, not a crowd."""
    hashed = ClientHash(Clock())
    first, other, next_one = (
        hashed.of(ipaddress.ip_address(text)) for text in ("2001:db8::1", "2001:db8::ff:2", "2001:db8:0:1::1")
    )
    assert first == other
    assert first != next_one


def test_families_are_told_apart():
    """An IPv6 address with the digits of an IPv4 address is another client."""
    hashed = ClientHash(Clock())
    assert hashed.of(ipaddress.IPv4Address(5)) != hashed.of(ipaddress.IPv6Address(5))


def test_every_key_has_another_era():
    """A new day and a new start begin another era; it is never 0, which means a client not known."""
    clock = Clock()
    hashed = ClientHash(clock)
    eras = []
    for _ in range(ERAS + 3):
        clock.now += DAY
        eras.append(hashed.of(ADDRESS) >> HASH_BITS)
    assert all(1 <= era <= ERAS for era in eras)
    assert all(a != b for a, b in itertools.pairwise(eras))
    assert ClientHash(clock, keys(7)).of(ADDRESS) >> HASH_BITS == 8
    assert era_of(np.zeros(1, np.uint32)).tolist() == [0]


def test_a_start_makes_a_new_key():
    """Nothing of the key is kept: after a restart the same client has another hash."""
    clock = Clock()
    assert ClientHash(clock, keys()).of(ADDRESS) != ClientHash(clock, keys(9)).of(ADDRESS)
