"""The order in which POP addresses are tried."""

from __future__ import annotations

from gateway.launch.paths import Path, Paths

A, B, C = (Path("gw.example", f"192.0.2.{n}", 443) for n in (1, 2, 3))


def test_alternates_queue_behind() -> None:
    """What the POP names is added once, in its order."""
    paths = Paths([A])
    paths.learn([B, A, C, B])
    assert paths.in_order() == (A, B, C)
    paths.learn([C, B])
    assert paths.in_order() == (A, B, C)


def test_a_failed_path_goes_last_and_can_return() -> None:
    """The failed one is tried again after the others."""
    paths = Paths([A])
    paths.learn([B, C])
    paths.failed(A)
    assert paths.in_order() == (B, C, A)
    paths.used(C)
    assert paths.in_order() == (C, B, A)


def test_a_race_uses_another_path() -> None:
    """The path in doubt is raced by the others; alone, it is tried again."""
    paths = Paths([A])
    assert paths.in_order(without=A) == (A,)
    paths.learn([B])
    assert paths.in_order(without=A) == (B, A)


def test_a_draining_path_is_a_last_resort() -> None:
    """Until it was used again with success."""
    paths = Paths([A])
    paths.learn([B, C])
    paths.leave(A)
    assert paths.in_order() == (B, C, A)
    paths.used(A)
    assert paths.in_order() == (A, B, C)
