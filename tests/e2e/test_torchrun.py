"""Two processes under torchrun learn what one learns, and write one model."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from vitals.flows.simulation import simulate_cohort
from vitals.flows.training import train
from vitals.scoring.model import open_model
from vitals.spec.duration import Duration
from vitals.spec.reader import to_toml
from vitals.spec.settings import Settings

ROOT = Path(__file__).parents[2]


def _settings() -> Settings:
    """Everything that could tell processes apart, but dropout: late starts, errors, tasks, a batch that is not full."""
    tables = Settings.from_toml(ROOT / "settings" / "ward.toml").to_tables()
    tables["window"] |= {"step": "20min"}
    tables["network"] |= {"embed": 16, "hidden": 16, "head": 8}
    tables["split"] = {"seed": 2, "train": 0.4, "validation": 0.2, "tuning": 0.2, "held_out": 0.2}
    tables["training"] |= {"epochs": 8, "batch_stays": 11, "dropout_input": 0.0, "dropout_head": 0.0}
    tables["training"] |= {"channel_dropout": 0.1, "noise": 0.1, "time_shift": 0.1, "history_start": 0.3}
    tables["training"] |= {"next_row_weight": 0.2, "pretrain_epochs": 1}
    settings = Settings.from_tables(tables)
    return dataclasses.replace(
        settings, training=dataclasses.replace(settings.training, horizons=(Duration.parse("2h"),))
    )


@pytest.mark.slow
def test_two_processes_learn_as_one(tmp_path: Path) -> None:
    """The same losses epoch by epoch, one file, one that speaks; the model scores as any other."""
    ward, settings = tmp_path / "ward", tmp_path / "ward.toml"
    simulate_cohort(ward, beds=90, hours=24, seed=5)
    settings.write_text(to_toml(_settings().to_tables()), encoding="utf-8")
    alone = train(_settings(), ward, tmp_path / "one")
    command = ["torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m", "vitals", "train"]
    told = subprocess.run(
        [sys.executable, "-m", *command, str(settings), "--data", str(ward), "--out", str(tmp_path / "two"), "--json"],
        capture_output=True, text=True, check=False, timeout=300,
        env=os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert told.returncode == 0, told.stderr
    assert json.loads(told.stdout)["model"] == str(tmp_path / "two")
    losses = []
    for name in ("one", "two"):
        history = json.loads((tmp_path / name / "metrics.json").read_text("utf-8"))["history"]
        losses.append([epoch[part] for epoch in history for part in ("train_loss", "validation_loss")])
    assert losses[1] == pytest.approx(losses[0], rel=1e-5)
    model = open_model(tmp_path / "two")
    assert model.settings == _settings()
    assert sorted(path.name for path in (tmp_path / "two").iterdir()) == alone["files"]
