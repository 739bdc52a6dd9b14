"""Small settings, networks and models for tests."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from sklearn.ensemble import HistGradientBoostingClassifier

from vitals.flows.training import members_of, shares_of
from vitals.learning.encoder import Scale
from vitals.learning.ensemble import Ensemble
from vitals.learning.export import export
from vitals.learning.network import Network
from vitals.learning.trees import Trees
from vitals.scoring.model import Model, read_model
from vitals.spec.settings import Settings
from vitals.windowing.types import Rows

SIGNALS = ("heart_rate", "resp_rate", "spo2", "etco2")


def small_settings(
    kind: str = "gru", lookback: str = "stay", layers: int = 1, members: int = 1, **window: Any
) -> Settings:
    """Four signals and age, hourly; ``etco2`` is for a channel that training never saw."""
    shape = {"embed": 12, "hidden": 12, "head": 6, "reach": "6h", "attention_heads": 3}
    return Settings.from_tables(
        {
            "name": "small",
            "signals": {name: {"max_age": "8h"} for name in SIGNALS},
            "demographics": ["age"],
            "window": {"step": "1h", "lookback": lookback} | window,
            "label": {"kind": "sepsis", "horizon": "6h"},
            "split": {"train": 0.4, "validation": 0.2, "tuning": 0.2, "held_out": 0.2},
            "network": {"kind": kind, "layers": layers, "members": members, **shape},
            "training": {"epochs": 2, "batch_stays": 16, "seed": 3},
        }
    )


def small_member(settings: Settings, seed: int = 1) -> Any:
    """Random weights, and a scale as training would have left it."""
    torch.manual_seed(seed)
    network = Network(settings).eval()
    seen = np.array([name != "etco2" for name in settings.channels], np.float32)
    mean = np.array([85, 18, 96, 35, 65], np.float32)
    std = np.array([15, 5, 3, 8, 15], np.float32)
    network.encoder.load(Scale(mean - 4 * std, mean + 4 * std, mean, std, seen))
    if isinstance(network.head, Trees):
        network.head.load(random_trees(network.memory.summary_size, seed))
    return calibrated(network)


def random_trees(features: int, seed: int) -> HistGradientBoostingClassifier:
    """Trees about nothing, of features around 0."""
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(400, features))
    label = rows[:, ::2].sum(1) > 0  # of every kind of feature, so that what a bed remembers matters
    return HistGradientBoostingClassifier(max_iter=40, max_leaf_nodes=7, random_state=seed).fit(rows, label)


def calibrated(network: Any) -> Any:
    """The network with a calibration that is not the one it began with."""
    with torch.no_grad():
        network.slope.fill_(0.9)
        network.intercept.fill_(-1.5)
    return network


def small_network(settings: Settings, seed: int = 1) -> Any:
    """A network of these settings, or an ensemble of them, with random weights."""
    every = members_of(settings)
    members = [small_member(one, seed + i) for i, one in enumerate(every)]
    return members[0] if len(members) == 1 else calibrated(Ensemble(members, shares_of(every)).eval())


def small_model(kind: str = "gru", lookback: str = "stay", layers: int = 1, **window: Any) -> tuple[Any, Model]:
    """A network and the model it exports to."""
    settings = small_settings(kind, lookback, layers, **window)
    network = small_network(settings)
    return network, read_model(export(network, settings, {}))


def random_rows(settings: Settings, lengths: list[int], seed: int = 0) -> Rows:
    """Rows of stays with these numbers of rows; a third of the values unknown, ages up to eight hours."""
    rng = np.random.default_rng(seed)
    rows, channels = sum(lengths), len(settings.channels)
    value = (rng.normal(size=(rows, channels)) * [15, 5, 3, 8, 15] + [85, 18, 96, 35, 65]).astype(np.float32)
    age = rng.choice(np.array([0, 0, 0.25, 1, 2.5, 8], np.float32), size=value.shape)
    unknown = rng.random(value.shape) < 1 / 3
    value[unknown] = np.nan
    age[unknown] = np.nan
    bed = np.repeat(np.arange(len(lengths), dtype=np.int32), lengths)
    time = np.concatenate([np.arange(1, n + 1) for n in lengths] or [np.zeros(0)]).astype(np.int64)
    time *= int(settings.window.step)
    return Rows(bed, time, value, age, np.zeros(rows, np.int8))
