from __future__ import annotations

import os
import select
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from itm.errors import OwnStepFailed
from itm.steer.own.runner import NoOwnSteps, OwnRunner
from itm.steer.own.view import View
from itm.steer.steps import Running
from tests.itm.steer.facts import facts
from tests.itm.steer.own.packages import install
from tests.itm.steer.worlds import world


def view() -> View:
    """Japan and the Netherlands before any step; the last POP is out for the first row."""
    f = facts([5, 12, 240, 160], [230, 235, 6, 84], tiers=[[0, 0, 0, 255], [0, 0, 0, 0]], previous=[0, 2])
    running = Running.start(f).but(tier=f.tiers, score=f.estimate.rtt)
    return View.of(world(), f, running, np.array([1, 2]))


@pytest.fixture
def runner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[OwnRunner]:
    install(tmp_path, monkeypatch, bad=True)
    with OwnRunner(20.0, 512) as own:
        yield own


def test_a_step_of_an_installed_package_runs_in_a_process_of_its_own(runner: OwnRunner) -> None:
    """It sees the POPs and the rows, and its change comes back; a second view goes to the same process."""
    for _ in range(2):
        change = runner.run("own:at-home", view())
        assert change.add_ms.tolist() == [
            [0, 0, 0, 0],
            [15, 15, 15, 15],
        ]  # all POPs of that world are in Japan
        assert not change.drop.any()
    assert runner.spent["own:at-home"] > 0


@pytest.mark.parametrize(
    ("step", "fault"),
    [
        ("raises", "ValueError: no such shift"),
        ("leaves", "ended with status 3"),
        ("dies", "ended with status -11"),
        ("shapeless", "add_ms: expected the shape (2, 4) (rows, POPs), got (3,)"),
        ("infinite", "add_ms: holds values that are not finite"),
        ("huge", "add_ms: expected at most 10000 either way, got 1e+06"),
        ("wordy", "returned 'rank'; known: add_ms, drop"),
        ("untrue", "drop: expected truth values, got float64"),
        ("bare", "drop: leaves 2 rows without any POP, the first of them row 0"),
        ("listless", "TypeError: expected a mapping of names to arrays, got list"),
        ("textual", "TypeError: add_ms: expected numbers or truth values, got <U4"),
        ("writes", "ValueError: assignment destination is read-only"),
        ("gone", "AttributeError: module 'bad_steps' has no attribute 'gone'"),
        (
            "nobody",
            "LookupError: no package offers a step 'nobody' in the group itm.steps (offered: at-home,",
        ),
        ("eats", "MemoryError: Unable to allocate"),
        ("hoards", "MemoryError: "),
    ],
)
def test_what_a_step_does_wrong_is_its_fault(runner: OwnRunner, step: str, fault: str) -> None:
    """Told exactly; and it is not asked again in that build."""
    with pytest.raises(OwnStepFailed) as caught:
        runner.run(f"own:{step}", view())
    assert str(caught.value).startswith(fault)
    spent = runner.spent[f"own:{step}"]
    with pytest.raises(OwnStepFailed):
        runner.run(f"own:{step}", view())
    assert runner.spent[f"own:{step}"] == spent


@pytest.mark.parametrize("step", ["hangs", "burns"])
def test_a_step_that_does_not_come_back_is_killed(
    step: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After its time by the clock, whether it sleeps or computes."""
    install(tmp_path, monkeypatch, bad=True)
    with OwnRunner(0.7, 512) as own, pytest.raises(OwnStepFailed, match=r"took (longer|more) than 0.7 s"):
        own.run(f"own:{step}", view())


def test_a_build_that_begins_gives_every_step_its_time_again(runner: OwnRunner) -> None:
    """And another process: neither a fault nor what was spent is carried over."""
    for _ in range(2):
        runner.begin()
        with pytest.raises(OwnStepFailed, match="no such shift"):
            runner.run("own:raises", view())
        (before,) = runner._processes.values()
        assert list(runner.faults) == ["own:raises"]
    runner.begin()
    assert (runner.faults, runner.spent, runner._processes) == ({}, {}, {})
    assert before._process.returncode is not None


def test_nobody_is_invented(runner: OwnRunner) -> None:
    """A POP that is out stays out, however it is praised."""
    change = runner.run("own:inventive", view())
    assert change.add_ms[0, 3] == -9000
    assert not change.drop.any()


def test_prints_and_secrets_stay_outside(runner: OwnRunner, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a step prints spoils no answer; the server's environment is not its business."""
    monkeypatch.setenv("SECRET", "x")
    assert runner.run("own:nosy", view()).add_ms.max() == 0
    assert runner.run("own:chatty", view()).add_ms.min() == 1


def test_no_process_is_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The children of a build end with it."""
    install(tmp_path, monkeypatch)
    with OwnRunner(20.0, 512) as own:
        own.run("own:at-home", view())
        (process,) = own._processes.values()
        pid = process._process.pid
        os.kill(pid, 0)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


@pytest.mark.parametrize(
    ("step", "seconds", "fault"), [("strands", 20.0, "ended with status 3"), ("forks", 1.0, "took longer")]
)
def test_nothing_that_a_step_started_outlives_it(
    step: str, seconds: float, fault: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not even where it died before; nor is one waited for that keeps its pipe open."""
    install(tmp_path, monkeypatch, bad=True)
    held = tmp_path / "bad_steps.py.held"
    os.mkfifo(held)
    reader = os.open(held, os.O_RDONLY | os.O_NONBLOCK)
    try:
        with OwnRunner(seconds, 512) as own, pytest.raises(OwnStepFailed, match=fault):
            own.run(f"own:{step}", view())
        left = select.poll()
        left.register(reader, select.POLLHUP)
        left.poll(5000)
        assert os.read(reader, 1) == b""  # nobody has it open
    finally:
        os.close(reader)


def test_elsewhere_own_steps_are_not_asked() -> None:
    """A simulation decides as if they were not there, and says so."""
    with pytest.raises(OwnStepFailed, match="own steps run in the builder"):
        NoOwnSteps().run("own:x", view())
