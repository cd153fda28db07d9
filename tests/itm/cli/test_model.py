from __future__ import annotations

import json
from pathlib import Path

import pytest

from itm.__main__ import main
from itm.cli import model
from models.bars import GEOIP, GEOIP_LIGHT, NAMED, RANDOM
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
    options: list[str], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Every way to choose in every world, coverage, bars; the exit status tells whether they hold."""
    (tmp_path / "pops.csv").write_text("pop,node\n" + "".join(f"p{n},{n}\n" for n in (0, 18, 54, 72, 90)))
    numbers = tmp_path / "numbers.json"
    rounds = ["--shuffles", "1", "--subsets", "2"]
    files = ["--world", str(tmp_path / "pops.csv"), "--json", str(numbers)]
    status = main(["model", "evaluate", *rounds, *files, *options])
    printed, written = capsys.readouterr().out, json.loads(numbers.read_text())
    assert set(written["worlds"]) >= {NAMED, RANDOM, GEOIP, GEOIP_LIGHT, "aws regions", "cloud regions"}
    for title, world in written["worlds"].items():
        assert title in printed
        for name in ("round robin", "nearest", "5 neighbours", "plain boosting", "model", "oracle"):
            assert f"{name:15}{world['by_name'][name]['regret_ms']:8.2f}" in printed
        assert world["by_name"]["round robin"]["error_ms"] is None
    assert f"inside the 90 % interval {written['coverage']['all servers']['inside']:.1%}" in printed
    for bar in written["bars"]:
        assert f"{'pass' if bar['held'] else 'FAIL'}  {bar['bar']}" in printed
    assert status == (0 if all(bar["held"] for bar in written["bars"]) else 1)


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
