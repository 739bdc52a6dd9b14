"""What the examples in the docstrings of the flows run on: a small simulated ward and a model of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from vitals.cohort.store import open_cohort
from vitals.flows.simulation import simulate_cohort
from vitals.flows.training import train
from vitals.flows.tuning import tune_model
from vitals.signals import signal
from vitals.spec.settings import Settings
from vitals.spec.shipped import settings_file


def example_names(home: Path) -> dict[str, Any]:
    """``ward`` and ``model`` (folders), ``settings``, ``samples`` (of three stays) and ``home``, written in ``home``."""
    ward, model, settings = home / "ward", home / "model", _settings()
    simulate_cohort(ward, beds=90, hours=24, seed=5)
    train(settings, [ward], model)
    tune_model(model, ward, "60/100pd")
    return {"home": home, "ward": ward, "model": model, "settings": settings, "samples": _samples(ward)}


def _settings() -> Settings:
    """The shipped ward settings, coarser and smaller, with parts large enough for a small ward."""
    tables = Settings.from_toml(settings_file("ward.toml")).to_tables()
    tables["window"] |= {"step": "10min"}
    tables["network"] |= {"embed": 16, "hidden": 16, "head": 8}
    tables["training"] |= {"epochs": 2, "batch_stays": 16}
    tables["split"] = {"seed": 2, "train": 0.4, "validation": 0.2, "tuning": 0.2, "held_out": 0.2}
    return Settings.from_tables(tables)


def _samples(ward: Path) -> pd.DataFrame:
    cohort = open_cohort(ward)
    stay = cohort.stays["stay_id"].astype(str).to_numpy()
    frames = [
        pd.DataFrame(
            {
                "stay_id": stay[part.stay], "time": part.time, "signal": np.array(part.names)[part.signal],
                "value": part.value,
            }
        )
        for part in cohort.samples(0, 3)
    ]  # fmt: skip
    samples = pd.concat(frames, ignore_index=True).drop_duplicates(["stay_id", "time", "signal"])
    limits = {name: signal(name).limits for name in samples["signal"].unique()}
    low, high = (samples["signal"].map({name: pair[i] for name, pair in limits.items()}) for i in (0, 1))
    return samples[samples["value"].between(low, high)]
