"""Who a process runs as: root binds the ports, a user of its own does everything else.

The supervisor works as the user and keeps root in reserve (its real user id), because workers that are
restarted bind anew. A worker gives root up for good, right after binding or at once if it binds no DNS port.
Nothing here happens to a server that was not started as root, but that capabilities end with binding.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import pwd
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from itm.errors import ConfigError

CAPABILITY_VERSION_3: Final = 0x20080522  # linux/capability.h
CAPABILITY_WORDS: Final = 6  # two sets of effective, permitted, inheritable


@dataclass(frozen=True, slots=True)
class User:
    """A user to become, from a process that has root or has it in reserve."""

    name: str
    uid: int
    gid: int

    def work_as(self) -> None:
        """Act as this user from now on, with root in reserve.

        Raises `ConfigError` if Python or this package are out of the user's reach.
        """
        os.initgroups(self.name, self.gid)
        os.setegid(self.gid)
        os.seteuid(self.uid)
        for path in (os.__file__, __file__):
            if not os.access(path, os.R_OK, effective_ids=True):
                raise ConfigError(
                    f"user: {self.name} cannot read {path}: install Python and itm where it can"
                )

    @contextlib.contextmanager
    def as_root(self) -> Iterator[None]:
        """Act as root inside the block, as this user after it."""
        os.seteuid(0)
        try:
            yield
        finally:
            os.seteuid(self.uid)

    def become(self) -> None:
        """Be this user for good. Raises `PermissionError` if root could be had back: that must never be."""
        os.seteuid(0)
        os.initgroups(self.name, self.gid)
        os.setresgid(self.gid, self.gid, self.gid)
        os.setresuid(self.uid, self.uid, self.uid)
        if _can_be_root():
            raise PermissionError(f"user: {self.name} could become root again")

    def own(self, directory: Path) -> None:
        """Make a directory for the user alone, if there is none. Raises `ConfigError`."""
        try:
            directory.mkdir(mode=0o700, parents=True)
            os.chown(directory, self.uid, self.gid)
        except FileExistsError:
            return
        except OSError as error:
            raise ConfigError(f"state: cannot make {directory}: {error.strerror}") from error


def user_of(name: str) -> User | None:
    """Return whom a process started as root is to become, None: it stays who it is. Raises `ConfigError`."""
    if not name:
        return None
    try:
        found = pwd.getpwnam(name)
    except KeyError:
        raise ConfigError(f"user: no user is called {name!r}") from None
    if os.getuid() != 0:
        if os.getuid() == found.pw_uid:
            return None
        raise ConfigError(f"user: only root can become {name}; start as root, or leave the setting empty")
    if found.pw_uid == 0:
        raise ConfigError(f"user: {name} is root itself")
    return User(name, found.pw_uid, found.pw_gid)


def _can_be_root() -> bool:
    """Say whether there is a way back to root, by trying it."""
    try:
        os.setresuid(-1, 0, -1)
    except PermissionError:
        return False
    return True


def shed_capabilities() -> None:
    """Give up what a service manager granted for binding (ambient CAP_NET_BIND_SERVICE, CAP_SYS_NICE).

    Root keeps its own. Raises `OSError` when the kernel refuses.
    """
    if os.geteuid() == 0:
        return
    libc = ctypes.CDLL(None, use_errno=True)
    header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION_3, 0)
    if libc.capset(header, (ctypes.c_uint32 * CAPABILITY_WORDS)()) != 0:
        raise OSError(ctypes.get_errno(), "capset")
