"""Which POPs a connector keeps control channels to."""

from __future__ import annotations

from gateway.connector.choose import PopView, choose, is_worse


def views(**rtts: float | None) -> list[PopView]:
    return [PopView(name, name, rtt) for name, rtt in rtts.items()]


def test_the_two_nearest() -> None:
    """Nearest first."""
    assert choose(views(a=30.0, b=10.0, c=20.0), ()) == ("b", "c")


def test_a_small_gain_moves_nothing() -> None:
    """A POP in use stays until another is better by 5 ms and a fifth."""
    assert choose(views(a=30.0, b=10.0, c=27.0), ("a", "b")) == ("b", "a")
    assert choose(views(a=30.0, b=10.0, c=23.0), ("a", "b")) == ("b", "c")
    assert choose(views(a=4.0, b=1.0, c=0.1), ("a", "b")) == ("b", "a")


def test_the_name_counts_as_much_as_use() -> None:
    """What ITM answers goes before an equal that it does not answer, not before one that is far better."""
    named = PopView("c", "c", 27.0, is_named=True)
    assert choose([*views(a=30.0, b=10.0, d=26.0), named], ()) == ("b", "c")
    assert choose([*views(b=10.0, d=20.0), named], ()) == ("b", "d")


def test_when_a_pop_became_slow() -> None:
    """Both 10 ms and a half: neither jitter nor a far POP's few milliseconds."""
    assert not is_worse(10.9, 1.0)
    assert is_worse(11.1, 1.0)
    assert not is_worse(149.0, 100.0)
    assert is_worse(151.0, 100.0)


def test_silent_and_draining_come_last() -> None:
    """One that did not answer beats a draining one only in being tried first."""
    some = [PopView("a", "a", None), PopView("b", "b", 1.0, is_draining=True), PopView("c", "c", 90.0)]
    assert choose(some, ("b",)) == ("c", "a")
    assert choose(some[:2], ("b",)) == ("a", "b")


def test_two_pops_rather_than_two_addresses() -> None:
    """The second channel goes to another POP if there is one, else to another address."""
    near = [PopView("a1", "a", 1.0), PopView("a2", "a", 2.0)]
    assert choose([*near, PopView("b", "b", 50.0)], ()) == ("a1", "b")
    assert choose(near, ()) == ("a1", "a2")
