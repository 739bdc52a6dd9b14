"""A model that was never trained and a real evaluation of made-up risks: what ``flows.evaluate`` hands to the report."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vitals.alerting.bootstrap import intervals, paired_difference
from vitals.alerting.curve import operating_curve, recall_at_burden
from vitals.alerting.evaluation import evaluate
from vitals.alerting.stays import Risks, Stays
from vitals.report.record import Record, read_record
from vitals.scoring.model import Model
from vitals.spec.policy import AlertPolicy
from vitals.spec.settings import Settings

HOUR = 3_600_000_000
SETTINGS = Path(__file__).parents[3] / "settings"
ABOUT = {
    "data_digest": "da7a" * 16,
    "part_digests": {"held_out": "be1d" * 8, "train": "7ea1" * 8},
    "stays": {"train": 84, "validation": 12, "tuning": 12, "held_out": 12},
    "sites": ["A", "B"],
    "onsets": 30,
}
RUN = {"versions": {"vitals": "0.1.0", "torch": "2.13.0"}, "cohorts": ["cohorts/icu"]}
METRICS = {
    "parity": {"stays": 12, "rows": 576, "torch_onnx": 8.9e-8, "torch_step": 1.2e-7, "onnx_step_bits": 0},
    "left_out": {"late": 3, "impossible": 1},
}


@pytest.fixture
def model_of() -> Callable[[str], Model]:
    """Makes a model of shipped settings; nothing in the report runs it."""
    return lambda name: Model(Settings.from_toml(SETTINGS / name), "c0de" * 16, 128, dict(ABOUT), None)  # type: ignore[arg-type]


@pytest.fixture
def model(model_of: Callable[[str], Model]) -> Model:
    return model_of("sepsis-icu.toml")


def stays_and_risks(signal: float, seed: int = 3) -> tuple[Stays, Risks]:
    """120 stays of 48 hours, 30 with an onset, before which the risk rises by ``signal``."""
    draw = np.random.default_rng(seed)
    onset_stay = np.arange(0, 120, 4)
    onset = draw.integers(20, 48, len(onset_stay))
    stays = Stays.of(np.arange(120) // 2, np.zeros(120), np.full(120, 48 * HOUR), onset_stay, onset * HOUR)
    ahead = np.full((120, 48), -np.inf)
    ahead[onset_stay] = np.arange(1, 49) - onset[:, None] + 10
    risk = 1 / (1 + np.exp(3 - draw.normal(size=(120, 48)) - signal * np.clip(ahead, 0, 10) / 10))
    return stays, Risks.of(np.repeat(np.arange(120), 48), np.tile(np.arange(1, 49) * HOUR, 120), risk.ravel())


@pytest.fixture(scope="session")
def judged() -> dict[str, Any]:
    """The alert figures of a good and a poorer score at one policy."""
    stays, ours = stays_and_risks(4.0)
    _, theirs = stays_and_risks(2.0, seed=4)
    policy = AlertPolicy(threshold=0.6)
    one = evaluate(ours, stays, policy)
    burden = one.measure("alarms_per_100_patient_days")
    same = AlertPolicy(threshold=recall_at_burden(theirs, stays, burden).threshold)
    other = evaluate(theirs, stays, same)
    brief = {name: other.measure(name) for name in ("recall", "precision", "alarms_per_100_patient_days")}
    brief["median_lead_hours"] = other.lead_quartiles[1]
    rounds = {"replicates": 200}
    return {
        "alerts": {**one.to_dict(), "intervals": lists(intervals(one, **rounds))},
        "curve": operating_curve(ours, stays, policy).to_dict(),
        "news2": {
            "ranking": {"step": {"ranked": 5760, "positive": 120, "auroc": None, "auprc": None}},
            "curve": operating_curve(theirs, stays, policy).to_dict(),
            "at_least_5": {**brief, "model_recall_at_equal_burden": 0.5},
            "at_equal_burden": {
                **brief,
                "threshold_points": 7.0,
                "intervals": lists(intervals(other, **rounds)),
                "difference": lists(paired_difference(one, other, **rounds)),
            },
        },
    }


def lists(named: dict[str, Any]) -> dict[str, list[float]]:
    return {name: list(interval) for name, interval in named.items()}


@pytest.fixture
def figures(judged: dict[str, Any]) -> dict[str, Any]:
    """A whole evaluation; each test gets its own copy to spoil."""
    ranks = {"step_auroc": 0.8312, "step_auprc": 0.1, "prevalence": 0.021, "observed_to_expected": 1.04}
    whole = {
        "part": "held_out",
        "patients_digest": "be1d" * 8,
        "patients": 60,
        "stays": 120,
        "rows": 5760,
        "warnings": [],
        **ranks,
        "by_site": {"A": ranks, "B": {"step_auroc": None, "step_auprc": None, "fewer_patients_than": 10}},
        "challenge_2019": {"threshold": 0.031, "tuned_on": "tuning", "utility": 0.402, "utility_A": 0.41},
        **judged,
    }
    return json.loads(json.dumps(whole))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A model folder with what training wrote beside the model."""
    (tmp_path / "run.json").write_text(json.dumps(RUN))
    (tmp_path / "metrics.json").write_text(json.dumps(METRICS))
    return tmp_path


@pytest.fixture
def record(folder: Path, model: Model, figures: dict[str, Any]) -> Record:
    return read_record(folder, model, figures)
