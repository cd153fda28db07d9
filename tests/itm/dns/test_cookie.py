from __future__ import annotations

import stat
from pathlib import Path

import pytest

from itm.dns.cookie import Cookies, ensure, is_well_formed, load
from itm.errors import ConfigError

SECRET = bytes.fromhex("e5e973e5a6b2a43f48e7dc849e37bfcf")
OLD = bytes.fromhex("445536bcd2513298075a5d379663c962")
PEER = "198.51.100.100"


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


VECTORS = [  # RFC 9018 appendix A: secrets, client, time, option sent, option returned, known?
    (
        (SECRET,), PEER, 1559731985,
        "2464c4abcf10c957",
        "2464c4abcf10c957010000005cf79f111f8130c3eee29480", False,
    ),
    (
        (SECRET,), PEER, 1559734385,
        "2464c4abcf10c957010000005cf79f111f8130c3eee29480",
        "2464c4abcf10c957010000005cf7a871d4a564a1442aca77", True,
    ),
    (
        (SECRET,), "203.0.113.203", 1559734700,
        "fc93fc62807ddb8601abcdef5cf78f71a314227b6679ebf5",
        "fc93fc62807ddb86010000005cf7a9acf73a7810aca2381e", False,
    ),
    (
        (OLD, bytes.fromhex("dd3bdf9344b678b185a6f5cb60fca715")),
        "2001:db8:220:1:59de:d0f4:8769:82b8", 1559741961,
        "22681ab97d52c298010000005cf7c57926556bd0934c72f8",
        "22681ab97d52c298010000005cf7c609a6bb79d16625507a", True,
    ),
]  # fmt: skip


@pytest.mark.parametrize(
    ("keys", "peer", "now", "given", "wanted", "is_known"),
    VECTORS,
    ids=["new", "renewed", "too old", "rotated"],
)
def test_the_vectors_of_the_rfc(
    keys: tuple[bytes, ...], peer: str, now: int, given: str, wanted: str, is_known: bool
) -> None:
    """Servers of other makers give the same cookies."""
    option, known = Cookies(keys, lambda: now).answer(bytes.fromhex(given), peer)
    assert (option[:4], option[4:].hex(), known) == (b"\0\x0a\0\x18", wanted, is_known)


def test_a_cookie_lasts_an_hour_and_is_renewed_after_half() -> None:
    """Kept, renewed, refused; one from the future is good for five minutes."""
    clock = Clock()
    clock.now = 1e9
    cookies = Cookies((SECRET,), clock)
    whole = cookies.answer(b"8 bytes!", PEER)[0][4:]
    for now, is_same, is_known in [
        (1e9, True, True),
        (1e9 + 1800, True, True),
        (1e9 + 1801, False, True),
        (1e9 + 3600, False, True),
        (1e9 + 3601, False, False),
        (1e9 - 300, True, True),
        (1e9 - 301, False, False),
    ]:
        clock.now = now
        option, known = cookies.answer(whole, PEER)
        assert (option[4:] == whole, known) == (is_same, is_known), now


def test_a_cookie_is_its_clients_alone() -> None:
    """Another address, another client cookie, another length: not known; IPv4 is IPv4 on any socket."""
    cookies = Cookies((SECRET,), lambda: 1e9)
    whole = cookies.answer(b"8 bytes!", PEER)[0][4:]
    assert cookies.answer(whole, f"::ffff:{PEER}")[1]
    assert not cookies.answer(whole, "198.51.100.101")[1]
    assert not cookies.answer(b"9 bytes!" + whole[8:], PEER)[1]
    assert not cookies.answer(whole + b"x", PEER)[1]


def test_secrets_rotate() -> None:
    """The first secret signs, the others verify; a secret that is gone does not."""
    before = Cookies((OLD,), lambda: 1e9).answer(b"8 bytes!", PEER)[0][4:]
    option, known = Cookies((SECRET, OLD), lambda: 1e9).answer(before, PEER)
    assert (option[4:] != before, known) == (True, True)
    assert not Cookies((SECRET,), lambda: 1e9).answer(before, PEER)[1]


@pytest.mark.parametrize(
    ("length", "fine"), [(0, 0), (7, 0), (8, 1), (9, 0), (15, 0), (16, 1), (24, 1), (40, 1), (41, 0)]
)
def test_lengths(length: int, fine: int) -> None:
    """RFC 7873 5.2.2: 8, or 16 to 40 bytes."""
    assert is_well_formed(bytes(length)) == bool(fine)


def test_the_file_of_secrets(tmp_path: Path) -> None:
    """Made once, for its owner alone; comments are fine, anything else is told."""
    path = tmp_path / "secrets"
    ensure(path)
    (made,) = load(path)
    ensure(path)
    assert load(path) == (made,)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.write_text(f"{SECRET.hex()} # new\n\n{OLD.hex()}\n")
    assert load(path) == (SECRET, OLD)
    for text in ("", "xyz", "00ff"):
        path.write_text(text)
        with pytest.raises(ConfigError, match=r"dns\.cookie_secrets"):
            load(path)
