"""A candidate replaces the present predictor only if not worse: by what neither saw, and by live data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from models import retrain
from models.artifact import Predictor
from models.drift import Live
from models.errors import ModelRefused
from models.latency import Prediction
from models.prior import distance_km, floor_ms
from models.retrain import Comparison, candidate_of, on_folds, on_live, out_of, without
from models.sites import Sites
from models.training import TrainingTable


class Copier:
    """A predictor of the nearest nodes' round trips: quick, and as good or bad as its table."""

    def __init__(self, table: TrainingTable) -> None:
        self.table = table
        self.digest = table.digest

    def predict(self, clients: Sites, servers: Sites) -> Prediction:
        ends = [distance_km(sites, self.table.sites).argmin(axis=1) for sites in (clients, servers)]
        rtt_ms = self.table.rtt_ms[np.ix_(*ends)]
        known = np.where(np.isfinite(rtt_ms), rtt_ms, 3 * floor_ms(clients, servers) + 5).astype(np.float32)
        return Prediction(known * np.float32(0.9), known, known * np.float32(1.1))


def copied(table: TrainingTable, _: object = None) -> Predictor:
    return Copier(table)  # type: ignore[return-value]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is trained here."""
    monkeypatch.setattr(retrain, "train", copied)
    monkeypatch.setattr(retrain, "check", lambda *_: None)


def shuffled(table: TrainingTable) -> TrainingTable:
    """The same places with each other's round trips."""
    order = np.random.default_rng(1).permutation(len(table))
    return replace(table, rtt_ms=table.rtt_ms[np.ix_(order, order)], digest="shuffled")


def live_by(table: TrainingTable, places: int = 60) -> Callable[[Predictor], Live]:
    """Live data as the table has them: its clients as places, its servers as POPs."""
    clients, servers = np.flatnonzero(~table.is_server)[:places], np.flatnonzero(table.is_server)
    sites, pops = table.sites.take(clients), table.sites.take(servers)
    rtt = table.rtt_ms[np.ix_(clients, servers)] + 12.0

    def live(predictor: Predictor) -> Live:
        said = predictor.predict(sites, pops)
        return Live(
            rtt, np.stack([said.p25, said.p50, said.p75]), distance_km(sites, pops), table.group[clients]
        )

    return live


@pytest.fixture
def present(table: TrainingTable) -> Predictor:
    return copied(table)


def test_a_bad_table_is_refused_by_its_own_clients(
    table: TrainingTable, continents: dict[str, str], present: Predictor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where it makes nothing better than the nearest POP; nothing more is computed."""

    def refuse(*_: object) -> None:
        raise ModelRefused("not better than nearest: mean regret …")

    monkeypatch.setattr(retrain, "check", refuse)
    trial, candidate = candidate_of(table, shuffled(table), continents, live_by(table), present)
    assert candidate is None
    assert trial.reasons == ("its own table: not better than nearest: mean regret …",)
    assert trial.held_out is None


def test_a_bad_table_that_agrees_with_itself_is_refused_by_the_present_ones(
    table: TrainingTable, continents: dict[str, str], present: Predictor
) -> None:
    """Wrong in the same way everywhere, it passes its own check, and not that on trusted round trips."""
    trial, candidate = candidate_of(table, shuffled(table), continents, live_by(table), present)
    assert candidate is None
    assert trial.held_out is not None
    assert trial.held_out.candidate.regret_ms > trial.held_out.present.regret_ms
    assert "held out: mean regret" in trial.reasons[0]
    assert trial.live is None


def test_a_candidate_that_live_data_contradict_is_refused(
    table: TrainingTable, continents: dict[str, str], present: Predictor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the tables say."""
    fine = on_live(live_by(table)(present), live_by(table)(present))
    monkeypatch.setattr(retrain, "on_folds", lambda *_: fine)
    trial, candidate = candidate_of(table, shuffled(table), continents, live_by(table), present)
    assert candidate is None
    assert trial.reasons[0].startswith("live: mean regret")
    trial, candidate = candidate_of(table, shuffled(table), continents, live_by(table, 20), present)
    assert trial.live is None  # twenty places judge nobody
    assert candidate is not None


def test_a_good_candidate_is_accepted_with_its_numbers(
    table: TrainingTable, continents: dict[str, str], present: Predictor
) -> None:
    """Measured again; live data have moved likewise."""
    noise = np.random.default_rng(2).normal(1, 0.02, table.rtt_ms.shape)
    fresh = replace(table, rtt_ms=table.rtt_ms * noise, digest="fresh")
    trial, candidate = candidate_of(table, fresh, continents, live_by(fresh), present)
    assert trial.reasons == ()
    assert candidate is not None
    assert candidate.digest == "fresh"
    told = trial.as_dict()
    assert told["held_out"]["cases"] > 100
    assert told["live"]["candidate"]["error_ms"] < told["live"]["present"]["error_ms"]


def test_what_is_held_out_has_no_part_in_the_candidate(table: TrainingTable) -> None:
    """By group, and by spot where another table numbers its groups otherwise."""
    out = np.isin(table.group, [3, 4])
    other = replace(table, group=table.group + 1000)
    assert out_of(table, table, out)[out].all()
    assert out_of(other, table, out)[out].all()
    assert out_of(other, table, out).sum() < 3 * out.sum()
    cut = without(table, out)
    assert len(cut) == len(table) - out.sum()
    assert cut.rtt_ms.shape == (len(cut), len(cut))
    assert len(cut.sites) == len(cut.group) == len(cut.is_server) == len(cut)


def test_the_same_table_is_no_worse(table: TrainingTable, continents: dict[str, str]) -> None:
    """Both lose the same nodes to what is held out."""
    same = on_folds(table, table, continents)
    assert same.present == same.candidate
    assert same.reasons("held out") == []
    assert same.present.error_ms > 0


def test_worse_by_chance_is_not_refused_and_worse_by_much_is() -> None:
    """Certainly worse by little; perhaps worse by much; a larger error."""
    group = np.arange(40)
    rng = np.random.default_rng(4)
    present, error = rng.exponential(1.0, 40), rng.normal(0, 5, (40, 3))

    def said(candidate: np.ndarray, of: float = 1.0) -> str:  # type: ignore[type-arg]
        return "; ".join(Comparison.of((present, candidate), (error, error * of), group).reasons("here"))

    assert said(present + rng.normal(0, 0.5, 40)) == ""
    assert "worse by 0.10 ms at least" in said(present + 0.1)
    late = present.copy()
    late[0] += 60.0
    assert "worse by more than 0.50 ms" in said(late)
    assert said(present, 1.04) == ""
    assert "mean error" in said(present, 1.06)
