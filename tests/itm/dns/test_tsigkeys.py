from __future__ import annotations

import base64
import os
from pathlib import Path

import pytest

from itm.dns.name import encode
from itm.dns.tsigkeys import KeyFile, load
from itm.errors import ConfigError

SECRET = base64.b64encode(bytes(32)).decode()


def file(folder: Path, text: str, mode: int = 0o600) -> Path:
    path = folder / "keys"
    path.write_text(text)
    path.chmod(mode)
    return path


def test_a_line_is_a_key(tmp_path: Path) -> None:
    """Names in any case, with the final dot or without; comments and blank lines are nobody's."""
    text = f"# secondaries\nNS2.Example hmac-sha256 {SECRET}\n\nother. HMAC-SHA512. {SECRET} # ours\n"
    keys = load(file(tmp_path, text, 0o640))
    assert set(keys) == {encode("ns2.example."), encode("other.")}
    assert keys[encode("other.")].secret == bytes(32)


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("k hmac-sha256", "line 1: expected NAME ALGORITHM BASE64"),
        (f"k hmac-md5 {SECRET}", "line 1: 'hmac-md5' is none of hmac-sha256, hmac-sha384, hmac-sha512"),
        ("k hmac-sha256 not64!", "line 1: "),
        ("k hmac-sha256 AAAA", "line 1: a secret of 3 bytes; expected 16 or more"),
        (f"k..x hmac-sha256 {SECRET}", "line 1: 'k..x.' has an empty label"),
        (f"k hmac-sha256 {SECRET}\nK. hmac-sha256 {SECRET}", "line 2: the key K. stands twice"),
    ],
)
def test_faults(tmp_path: Path, line: str, fault: str) -> None:
    """Told with the setting, the file and the line; a secret is never repeated."""
    with pytest.raises(ConfigError) as caught:
        load(file(tmp_path, line + "\n"))
    assert str(caught.value).startswith(f"dns.tsig_keys: {tmp_path / 'keys'}: {fault}")
    assert SECRET not in str(caught.value)


def test_a_file_for_everybody_is_refused(tmp_path: Path) -> None:
    """Keys that all users can read are none."""
    with pytest.raises(ConfigError, match="mode 0644 lets everybody read the keys"):
        load(file(tmp_path, f"k hmac-sha256 {SECRET}\n", 0o644))


def test_the_file_is_followed(tmp_path: Path) -> None:
    """New keys are taken up, a broken file leaves the old ones, a mended one is read; none: no keys."""
    assert KeyFile(None).look() == {}
    path = file(tmp_path, f"k hmac-sha256 {SECRET}\n")
    following = KeyFile(path)
    assert set(following.look()) == {encode("k.")}
    file(tmp_path, f"k hmac-sha256 {SECRET}\nnew hmac-sha384 {SECRET}\n")
    os.utime(path, ns=(1, 1))
    assert set(following.look()) == {encode("k."), encode("new.")}
    file(tmp_path, "nonsense\n")
    assert set(following.look()) == {encode("k."), encode("new.")}
    path.unlink()
    assert set(following.look()) == {encode("k."), encode("new.")}
    file(tmp_path, f"k hmac-sha256 {SECRET}\n")
    os.utime(path, ns=(2, 2))
    assert set(following.look()) == {encode("k.")}
