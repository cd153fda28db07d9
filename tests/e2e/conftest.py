"""What end-to-end tests share: one trained predictor, and servers started with it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from collectors.geography import continents
from itm.config import Config
from models.train import load_or_train
from tests.e2e.serving import Server, serving

StartServer = Callable[..., Server]


@pytest.fixture(scope="session")
def predictor(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Train once; every server of the session finds the artifact in its state directory."""
    path = tmp_path_factory.mktemp("predictor") / "predictor.skops"
    load_or_train(Path(Config().model.training), path, continents())
    return path


@pytest.fixture
def start(tmp_path: Path, predictor: Path) -> Iterator[StartServer]:
    """Start servers on ports of their own; all are stopped at the end."""
    with ExitStack() as stack:

        def one(name: str = "state", **sets: str) -> Server:
            state = tmp_path / name
            state.mkdir(exist_ok=True)
            if not (state / predictor.name).exists():
                shutil.copy(predictor, state)
            return stack.enter_context(serving(state, sets))

        yield one
