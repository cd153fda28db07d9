import stat
from pathlib import Path

import pytest

from collectors.errors import KeyFileError
from collectors.network import Network
from collectors.rum.keyfile import MARGIN_SECONDS, TURN_SECONDS, KeyFile, parse, turned
from collectors.rum.token import KEY_BYTES, Claim, TokenFault
from tests.collectors.observed import NOON

LIFE = 300.0
TOKYO = Network.of("133.11.0.1")


class Clock:
    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> float:
        return self.now


def ours(path: Path, clock: Clock) -> KeyFile:
    return KeyFile(path, is_ours=True, life_seconds=LIFE, clock=clock)


def test_the_first_start_makes_one_key(tmp_path: Path):
    """Mode 0600, one line; the next start reads it."""
    path, clock = tmp_path / "keys", Clock()
    token = ours(path, clock).keys.sign(TOKYO, "tyo", int(NOON), bytes(8))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len(parse(path.read_text())) == 1
    assert isinstance(ours(path, clock).keys.verify(token, TOKYO, NOON), Claim)


def test_a_key_turns_over_daily_and_its_tokens_live_out(tmp_path: Path):
    """The new key signs at once; the old one verifies as long as its tokens live, and then is gone."""
    path, clock = tmp_path / "keys", Clock()
    file = ours(path, clock)
    old = file.keys
    clock.now += TURN_SECONDS
    assert not file.look()
    clock.now += 1
    token = old.sign(TOKYO, "tyo", int(clock.now + LIFE), bytes(8))
    assert file.look()
    assert isinstance(file.keys.verify(token, TOKYO, clock.now), Claim)
    fresh = file.keys.sign(TOKYO, "tyo", int(clock.now), bytes(8))
    assert old.verify(fresh, TOKYO, clock.now) == TokenFault.FORGED
    clock.now += LIFE + MARGIN_SECONDS + 1
    assert file.look()
    assert file.keys.verify(token, TOKYO, clock.now - LIFE) == TokenFault.FORGED
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_file_of_the_operators_is_read_and_never_written(tmp_path: Path):
    """It counts as soon as it changes, and no clock turns it over."""
    path, clock = tmp_path / "keys", Clock()
    path.write_text(f"{'ab' * KEY_BYTES}  # since Monday\n\n")
    path.chmod(0o640)
    file = KeyFile(path, is_ours=False, life_seconds=LIFE, clock=clock)
    before = file.keys.sign(TOKYO, "tyo", int(NOON), bytes(8))
    clock.now += 10 * TURN_SECONDS
    assert not file.look()
    path.write_text(f"{'cd' * KEY_BYTES}\n{'ab' * KEY_BYTES}\n")
    assert file.look()
    assert isinstance(file.keys.verify(before, TOKYO, NOON), Claim)


@pytest.mark.parametrize(
    ("text", "mode", "reason"),
    [
        ("", 0o600, "64 hexadecimal digits"),
        ("# nothing\n", 0o600, "64 hexadecimal digits"),
        ("abcd\n", 0o600, "64 hexadecimal digits"),
        ("zz" * KEY_BYTES, 0o600, "64 hexadecimal digits"),
        ("ab" * KEY_BYTES, 0o644, "everybody may read it"),
        (None, 0, "No such file"),
    ],
)
def test_an_unusable_file_is_named_and_changes_nothing(
    tmp_path: Path, text: str | None, mode: int, reason: str
):
    """At start it is an error; later the keys that were read stay in force."""
    path = tmp_path / "keys"
    path.write_text("ab" * KEY_BYTES)
    path.chmod(0o600)
    file = KeyFile(path, is_ours=False, life_seconds=LIFE)
    path.unlink()
    if text is not None:
        path.write_text(text)
        path.chmod(mode)
    with pytest.raises(KeyFileError, match=rf"keys: .*{reason}"):
        KeyFile(path, is_ours=False, life_seconds=LIFE)
    for _ in range(2):
        with pytest.raises(KeyFileError, match=reason):
            file.look()
    assert file.keys.sign(TOKYO, "tyo", 1, bytes(8))


def test_a_damaged_file_of_ours_is_made_anew(tmp_path: Path):
    """No session hangs on a file that can be made."""
    path = tmp_path / "keys"
    path.write_text("rubbish")
    assert ours(path, Clock()).keys
    assert len(parse(path.read_text())) == 1


def test_what_a_file_is_to_hold():
    """Nothing changes before a day, and none of two keys goes while its tokens live."""

    def fresh(size: int) -> bytes:
        return b"n" * size

    old, new = b"o" * KEY_BYTES, b"n" * KEY_BYTES
    assert turned((old,), TURN_SECONDS, LIFE, fresh) == ()
    assert turned((old,), TURN_SECONDS + 1, LIFE, fresh) == (new, old)
    assert turned((new, old), LIFE + MARGIN_SECONDS, LIFE, fresh) == ()
    assert turned((new, old), LIFE + MARGIN_SECONDS + 1, LIFE, fresh) == (new,)
