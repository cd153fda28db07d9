"""A Plan as a person reads it."""

from __future__ import annotations

from itm.cli.plan import plan_lines
from itm.steer.plan import Plan


def test_what_moves_and_where() -> None:
    """Shares and milliseconds, then the POPs whose load changes most; what stays is not listed."""
    before = {f"p{n}": 0.1 for n in range(10)}
    after = {**before, "p3": 0.05, "p4": 0.151, "p5": 0.1001, "new": 0.002}
    plan = Plan(0.123, 0.0, 0.0, 1.5, 0.25, load=after, load_before=before)
    assert plan_lines({"class 0": plan.as_dict()}) == [
        "  class 0: 12.3% of demand changes its POP; 1.50 ms gained and 0.25 ms lost on average",
        "    p4: 10.0% -> 15.1% of demand",
        "    p3: 10.0% -> 5.0% of demand",
        "    new: 0.0% -> 0.2% of demand",
    ]


def test_what_joint_saves_is_told() -> None:
    """Where the chain has it; against choosing by the client's leg alone."""
    plan = Plan(0.0, 0.0, 0.0, 0.0, 0.0, joint_gain_ms=5.214)
    (line,) = plan_lines({"class 0": plan.as_dict()})
    assert line.endswith("; counting the leg behind the POP saves 5.21 ms of the whole way")


def test_the_list_is_short() -> None:
    """At most five POPs per class."""
    plan = Plan(1.0, 0.0, 0.0, 0.0, -0.0001, load={f"p{n}": 0.05 for n in range(20)})
    assert len(plan_lines({"class 0": plan.as_dict(), "class 1": plan.as_dict()})) == 12
    assert "-0.00" not in plan_lines({"class 0": plan.as_dict()})[0]
