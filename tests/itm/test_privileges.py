"""Who a process runs as. What needs root is played by a child of its own: there is no way back."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from itm.errors import ConfigError
from itm.privileges import user_of
from tests.programs import python_for_all

as_root = pytest.mark.skipif(os.getuid() != 0, reason="becoming someone else needs root")


def played(code: str) -> list[str]:
    """Run the code in another process and return what it printed."""
    head = "import os\nfrom itm.privileges import user_of, shed_capabilities\nuser = user_of('nobody')\n"
    done = subprocess.run(
        [*python_for_all(), "-c", head + code], capture_output=True, text=True, check=False, timeout=30
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_who_is_named() -> None:
    """Nobody: it stays who it is. A name must be a user's."""
    assert user_of("") is None
    with pytest.raises(ConfigError, match=r"^user: no user is called 'no-such-user'"):
        user_of("no-such-user")


@pytest.mark.skipif(os.getuid() == 0, reason="root may become anybody")
def test_only_root_can_become_another() -> None:
    """Refused with the setting's name."""
    with pytest.raises(ConfigError, match=r"^user: only root"):
        user_of("root")


@as_root
def test_root_is_nobody_to_become() -> None:
    """It would be no change at all."""
    with pytest.raises(ConfigError, match=r"^user: root is root"):
        user_of("root")


@as_root
def test_a_worker_gives_root_up_for_good() -> None:
    """All ids and groups are the user's, and there is no way back."""
    code = """
user.work_as()
with user.as_root():
    print(os.geteuid())
print(os.geteuid(), os.getuid())
user.become()
print(*os.getresuid(), *os.getresgid(), len(os.getgroups()))
for name, id in (('seteuid', 0), ('setuid', 0), ('setegid', 0), ('setgroups', [0])):
    try:
        getattr(os, name)(id)
        print('back')
    except PermissionError:
        print('no')
"""
    user = user_of("nobody")
    assert user is not None
    ids = [str(user.uid)] * 3 + [str(user.gid)] * 3
    assert played(code) == ["0", str(user.uid), "0", *ids, "1", *["no"] * 4]


@as_root
def test_a_user_owns_the_state_it_lacks(tmp_path: Path) -> None:
    """A directory is made for it alone; one that is there is left as it is."""
    state = tmp_path / "a" / "state"
    assert played(f"from pathlib import Path\nuser.own(Path({str(state)!r}))\nuser.own(Path('/'))") == []
    found = state.stat()
    user = user_of("nobody")
    assert user is not None
    assert (found.st_uid, found.st_gid, found.st_mode & 0o777) == (user.uid, user.gid, 0o700)


@as_root
def test_an_installation_out_of_reach_is_one_clear_line(tmp_path: Path) -> None:
    """Python in root's home: told at the start, not by an import that fails later."""
    (tmp_path / "os.py").touch(mode=0o600)
    code = (
        f"os.__file__ = {str(tmp_path / 'os.py')!r}\ntry:\n user.work_as()\nexcept Exception as e:\n print(e)"
    )
    assert " ".join(played(code)).startswith(f"user: nobody cannot read {tmp_path / 'os.py'}: install Python")


@as_root
def test_granted_capabilities_end_with_binding() -> None:
    """What a service manager lent is gone from all sets, also from what children would inherit."""
    code = """
import ctypes
libc = ctypes.CDLL(None)
libc.prctl(8, 1, 0, 0, 0)  # PR_SET_KEEPCAPS
os.setresuid(user.uid, user.uid, user.uid)
header, bind = (ctypes.c_uint32 * 2)(0x20080522, 0), 1 << 10
libc.capset(header, (ctypes.c_uint32 * 6)(bind, bind, bind, 0, 0, 0))
libc.prctl(47, 2, 10, 0, 0)  # PR_CAP_AMBIENT_RAISE, CAP_NET_BIND_SERVICE
def shown():
    words = dict(line.split(':') for line in open('/proc/thread-self/status'))
    return [int(words[name], 16) for name in ('CapInh', 'CapPrm', 'CapEff', 'CapAmb')]
print(*shown())
shed_capabilities()
print(*shown())
"""
    assert played(code) == ["1024"] * 4 + ["0"] * 4
