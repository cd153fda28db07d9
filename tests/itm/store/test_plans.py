"""Catalogs whose Plan is asked for."""

from __future__ import annotations

from sqlalchemy import Engine

from itm.store import plans


def test_asked_and_answered_in_turn(engine: Engine) -> None:
    """The oldest waits first; an answer is kept with its question."""
    first, second = (plans.ask(engine, {"catalog.yaml": text}, author="anna", now=1.0) for text in "ab")
    waits = plans.waiting(engine)
    assert waits is not None
    assert (waits.id, waits.files, waits.author) == (first, {"catalog.yaml": "a"}, "anna")
    plans.answer(engine, first, {"classes": []}, now=5.0)
    plans.answer(engine, second, None, now=6.0, reason="no map")
    assert plans.waiting(engine) is None
    found = [plans.get(engine, number) for number in (first, second)]
    assert [(one.answered_at, one.answer, one.reason) for one in found if one] == [
        (5.0, {"classes": []}, ""), (6.0, None, "no map"),
    ]  # fmt: skip


def test_the_oldest_answers_are_forgotten(engine: Engine) -> None:
    """Those that wait are not."""
    waits = plans.ask(engine, {}, author="x", now=0.0)
    numbers = [plans.ask(engine, {}, author="x", now=0.0) for _ in range(plans.KEPT + 3)]
    for number in numbers:
        plans.answer(engine, number, None, now=1.0)
    assert [number for number in numbers if plans.get(engine, number) is None] == numbers[:3]
    assert plans.get(engine, waits) is not None
