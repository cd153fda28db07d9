from __future__ import annotations

import resource
import sys

import pytest

from itm.dns import openfiles


@pytest.mark.parametrize(
    ("wanted", "room", "given"),
    [
        ((10_000, 2_000), 20_000, (10_000, 2_000)),
        ((10_000, 2_000), 12_000, (10_000, 2_000)),
        ((10_000, 2_000), 896, (746, 149)),
        ((10_000, 0), 500, (500, 1)),
    ],
)
def test_too_little_room_is_shared(wanted: tuple[int, ...], room: int, given: tuple[int, ...]) -> None:
    """In proportion, one at least."""
    assert openfiles.shared(wanted, room) == given


def test_the_soft_limit_is_raised() -> None:
    """To the hard one, less what the process needs itself."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    hard = before[1]
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
        room = openfiles.raise_limit()
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == (hard, hard)
        assert room == (sys.maxsize if hard == resource.RLIM_INFINITY else hard - openfiles.OWN_FILES)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
