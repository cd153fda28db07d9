"""Reading launch files."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.errors import Invalid
from gateway.launch.file import parse_launch_file, read_launch_file

TICKET = ";40;STA475DE9C8ABDA;6C0EE48D2E8CADFEE6D1EB93BFB52A57"
TEXT = f"""\
[Encoding]
InputEncoding=UTF-8
[WFClient]
Version=2
RemoveICAFile=yes
[ApplicationServers]
My Desktop=
[My Desktop]
Address={TICKET}
SSLEnable=On
SSLProxyHost=gw.example:8443
CGPAddress=*:2598
InitialProgram=#My Desktop
"""


def test_what_is_read() -> None:
    """The ticket and the gateway; percent signs and unknown keys do not matter."""
    launch = parse_launch_file((TEXT + "ClientName=100%me\n").encode())
    assert (launch.application, str(launch.ticket)) == ("My Desktop", TICKET)
    assert (launch.host, launch.port, launch.is_used_once) == ("gw.example", 8443, True)


def test_defaults() -> None:
    """Without a port it is 443; without RemoveICAFile the file stays; a BOM is passed over."""
    text = TEXT.replace(":8443", "").replace("RemoveICAFile=yes\n", "")
    launch = parse_launch_file(text.encode("utf-8-sig"))
    assert (launch.port, launch.is_used_once) == (443, False)


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("My Desktop=", "Other=", "no application"),
        ("My Desktop=", "My Desktop\n continued=", "not an INI file"),
        ("[ApplicationServers]", "[Else]", "no application"),
        ("SSLEnable=On", "SSLEnable=Off", "SSLEnable"),
        (TICKET, "10.0.0.1:1494", "Address"),
        ("gw.example:8443", "gw.example:none", "SSLProxyHost"),
        ("SSLProxyHost=gw.example:8443", "", "SSLProxyHost"),
        ("[Encoding]", "Encoding", "INI"),
        ("Version=2", "Version=" + "2" * 70_000, "more than"),
    ],
)
def test_what_is_refused(old: str, new: str, reason: str) -> None:
    """The key at fault is named."""
    with pytest.raises(Invalid, match=reason):
        parse_launch_file(TEXT.replace(old, new).encode())


def test_removed_when_read(tmp_path: Path) -> None:
    """RemoveICAFile is obeyed, and a missing file is named."""
    path = tmp_path / "desktop.ica"
    path.write_text(TEXT)
    read_launch_file(path)
    with pytest.raises(Invalid, match=r"desktop\.ica: No such file"):
        read_launch_file(path)


def test_a_link_stays(tmp_path: Path) -> None:
    """`/dev/stdin` is a link: RemoveICAFile takes neither it nor what it leads to."""
    path, link = tmp_path / "desktop.ica", tmp_path / "stdin"
    path.write_text(TEXT)
    link.symlink_to(path)
    assert read_launch_file(link).is_used_once
    assert link.is_symlink()
    assert path.exists()


def test_a_file_that_cannot_be_removed_is_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder one may not write in is no reason to refuse a good ticket."""
    path = tmp_path / "desktop.ica"
    path.write_text(TEXT)

    def refuse(self: Path, missing_ok: bool = False) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "unlink", refuse)
    assert str(read_launch_file(path).ticket) == TICKET
