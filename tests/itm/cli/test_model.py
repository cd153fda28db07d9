from __future__ import annotations

import json
from pathlib import Path

import pytest

from itm.__main__ import main
from itm.cli import model
from models import evaluate
from models.baseline import NearestModel
from models.coverage import Coverage
from models.errors import ModelRefused
from tests.models.conftest import invent
from tests.models.test_train import write


@pytest.fixture(scope="module")
def options(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Settings that point at an invented table and an empty state directory."""
    folder = tmp_path_factory.mktemp("model")
    training = write(invent(detour=True), folder / "training")
    return ["--set", f"model.training={training}", "--set", f"state={folder / 'state'}"]


def test_show_train_show(options: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing at first; then the numbers of the check; then the artifact's origin."""
    assert main(["model", "show", *options]) == 1
    assert "no artifact" in capsys.readouterr().out
    assert main(["model", "train", *options]) == 0
    trained = capsys.readouterr().out
    assert "5 neighbours" in trained
    assert main(["model", "show", *options]) == 0
    shown = capsys.readouterr().out
    digest = next(line.split()[1] for line in shown.splitlines() if line.startswith("digest"))
    assert digest[:16] in trained
    assert "scikit-learn" in shown


def test_evaluate_prints_and_writes_the_same_numbers(
    options: list[str], capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every way to choose, both kinds of world, the bars; the exit status tells whether they hold."""
    ways = {"nearest": NearestModel(), "5 neighbours": NearestModel(), "model": evaluate.MedianModel()}
    monkeypatch.setattr(evaluate, "estimators", lambda: ways)
    monkeypatch.setattr(model, "coverage", lambda *_: Coverage(0.25, 0.5, 0.75, 1234))
    (tmp_path / "pops.csv").write_text("pop,node\n" + "".join(f"p{n},{n}\n" for n in (0, 18, 54, 72, 90)))
    numbers = tmp_path / "numbers.json"
    words = [
        "--shuffles",
        "1",
        "--subsets",
        "2",
        "--world",
        str(tmp_path / "pops.csv"),
        "--json",
        str(numbers),
    ]
    status = main(["model", "evaluate", *words, *options])
    printed, written = capsys.readouterr().out, json.loads(numbers.read_text())
    for name in ("round robin", "nearest", "5 neighbours", "model", "oracle"):
        assert f"{written['world14']['by_name'][name]['regret_ms']:8.2f}" in printed
        assert name in written["random_worlds"]["by_name"]
    for bar in written["bars"]:
        assert f"{'pass' if bar['held'] else 'FAIL'}  {bar['bar']}" in printed
    assert status == (0 if all(bar["held"] for bar in written["bars"]) else 1)
    assert written["world14"]["by_name"]["round robin"]["error_ms"] is None
    assert "p75 75.0% (1,234 pairs)" in printed


def test_a_refused_model_is_an_error_with_numbers(
    options: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One line, exit status 2, nothing written."""

    def refuse(*_: object) -> None:
        raise ModelRefused("not better than nearest: mean regret nearest 1.00 ms, model 2.00 ms")

    monkeypatch.setattr(model, "check", refuse)
    assert main(["model", "train", *options, "--set", "state=nowhere"]) == 2
    assert "model 2.00 ms" in capsys.readouterr().err
    assert not Path("nowhere").exists()


def test_no_shuffles_are_no_evaluation(capsys: pytest.CaptureFixture[str]) -> None:
    """The number of rounds is checked at the edge."""
    with pytest.raises(SystemExit):
        main(["model", "evaluate", "--shuffles", "0"])
    assert "--shuffles" in capsys.readouterr().err
