import ipaddress
from pathlib import Path

import pytest

from collectors.clienthash import ClientHash
from tests.collectors.observed import DAY, Clock

ADDRESS = ipaddress.ip_address("192.0.2.77")


def keys(start: int = 1):
    """Return a source of keys that differ."""
    numbers = iter(range(start, 100))
    return lambda size: bytes([next(numbers)]) * size


def test_one_client_has_one_hash_a_day():
    """Equal addresses hash alike within the day, differently from others, and differently the next day."""
    clock = Clock()
    hashed = ClientHash(clock=clock)
    first = hashed.of(ADDRESS)
    assert hashed.of(ADDRESS) == first
    assert hashed.of(ipaddress.ip_address("192.0.2.78")) != first
    clock.now += DAY
    assert hashed.of(ADDRESS) != first


def test_hashes_are_spread_and_never_zero():
    """32 bits, all used; 0 is left for a client not known."""
    hashed = ClientHash(clock=Clock(), random_bytes=keys())
    hashes = [hashed.of(ipaddress.IPv4Address(n)) for n in range(5000)]
    assert len(set(hashes)) > 4990
    assert min(hashes) > 0
    assert 2**31 < max(hashes) < 2**32
    assert 20 < sum(h % 64 == 0 for h in hashes) < 200


def test_families_are_told_apart():
    """An IPv6 address with the digits of an IPv4 address is another client."""
    hashed = ClientHash(clock=Clock())
    assert hashed.of(ipaddress.IPv4Address(5)) != hashed.of(ipaddress.IPv6Address(5))


def test_a_restart_within_the_day_keeps_the_key(tmp_path: Path):
    """The key is on disk for its owner alone, and only until it is replaced."""
    clock, path = Clock(), tmp_path / "client.key"
    first = ClientHash(path, clock, keys()).of(ADDRESS)
    assert path.stat().st_mode & 0o777 == 0o600
    assert ClientHash(path, clock, keys(9)).of(ADDRESS) == first
    before = path.read_bytes()
    clock.now += DAY
    assert ClientHash(path, clock, keys(9)).of(ADDRESS) != first
    assert before not in path.read_bytes()


@pytest.mark.parametrize(
    "content", [b"", b"nonsense", b"{}", b'{"day": 1, "key": "zz"}', b'{"day": 19675, "key": "00"}', b"[]"]
)
def test_an_unusable_key_file_is_replaced(tmp_path: Path, content: bytes):
    """Damage costs the day's count of distinct clients, never the start."""
    path = tmp_path / "client.key"
    path.write_bytes(content)
    hashed = ClientHash(path, Clock(), keys())
    assert hashed.of(ADDRESS) == ClientHash(path, Clock(), keys(5)).of(ADDRESS)
