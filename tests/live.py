"""What tests of the live ward need: model folders with random weights, small cohorts, and what a feed led to."""

from __future__ import annotations

import io
import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from vitals.cohort.store import Cohort, write_cohort
from vitals.learning.encoder import Scale
from vitals.learning.export import export
from vitals.learning.network import Network
from vitals.spec.modelfile import MODEL_FILE
from vitals.spec.settings import Settings

HOUR = 3_600_000_000
BEGIN = 1_546_300_800_000_000  # 2019-01-01
SIGNALS = {
    "heart_rate": {"reduce": "median", "max_age": "3h"},
    "spo2": {"reduce": "mean", "max_age": "2h"},
    "lactate": {},
    "etco2": {},
}
UNSEEN = "etco2"


def settings_of(kind: str = "gru", hidden: int = 16, **window: Any) -> Settings:
    """Settings of a small model."""
    return Settings.from_tables(
        {
            "name": "live", "demographics": ["age", "sex"], "signals": SIGNALS,
            "window": {"step": "1h", "min_observed": 1, **window},
            "label": {"kind": "sepsis", "horizon": "6h"},
            "network": {"kind": kind, "embed": 8, "hidden": hidden, "head": 4},
        }
    )  # fmt: skip


def model_folder(folder: Path, settings: Settings, seed: int = 1) -> Path:
    """A folder with a model of random weights that never saw EtCO2; its risks are spread well enough for alerts."""
    torch.manual_seed(seed)
    network = Network(settings).eval()
    channels = settings.channels
    mean = np.array([{"heart_rate": 85, "spo2": 95, "age": 60}.get(name, 1) for name in channels], np.float32)
    std = np.array([{"heart_rate": 15, "spo2": 3, "age": 15}.get(name, 1) for name in channels], np.float32)
    seen = np.array([name != UNSEEN for name in channels], np.float32)
    network.encoder.load(Scale(mean - 5 * std, mean + 5 * std, mean, std, seen))
    network.slope.fill_(8.0)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MODEL_FILE).write_bytes(export(network, settings, {}))
    return folder


def cohort_folder(path: Path, stays: int = 12, hours: int = 30, seed: int = 7, arrival: bool = True) -> Cohort:
    """A small ward: irregular samples, some late, some doubled, some impossible, some before the admission."""
    random = np.random.default_rng(seed)
    admitted = BEGIN + random.integers(0, 20 * HOUR, stays)
    length = random.integers(HOUR, hours * HOUR, stays)
    stay = np.repeat(np.arange(stays), random.integers(0, 5 * hours, stays))
    n = len(stay)
    time = admitted[stay] + (random.uniform(-0.05, 1, n) * length[stay]).astype(np.int64) // 60_000_000 * 60_000_000
    signal = random.choice(["heart_rate", "spo2", "lactate", "sbp"], n, p=[0.5, 0.3, 0.15, 0.05])
    centre = {"heart_rate": 85.0, "spo2": 95.0, "lactate": 2.0, "sbp": 120.0}
    value = np.array([centre[s] for s in signal]) + random.normal(0, 1, n) * np.where(signal == "heart_rate", 15, 1)
    value[random.uniform(size=n) < 0.02] = 5_000
    delay = np.where(random.uniform(size=n) < 0.1, random.uniform(0, 3, n), 0) * HOUR
    events = pd.DataFrame({"stay_id": [f"s{s:03d}" for s in stay], "time": time, "signal": signal, "value": value})
    if arrival:
        events["arrival"] = time + delay.astype(np.int64)
    events = pd.concat([events, events.sample(frac=0.03, random_state=1)])  # delivered twice
    people = pd.DataFrame(
        {
            "stay_id": [f"s{s:03d}" for s in range(stays)], "subject_id": [f"p{s:03d}" for s in range(stays)],
            "site": "A", "admitted": admitted, "discharged": admitted + length,
            "age": random.uniform(20, 90, stays), "sex": random.choice([0.0, 1.0, np.nan], stays),
        }
    )  # fmt: skip
    none = pd.DataFrame({"stay_id": [], "kind": [], "onset": []}).astype(
        {"stay_id": str, "kind": str, "onset": "int64"}
    )
    return write_cohort(path, events, people, none, source="tests", licence="CC0")


class Trickle:
    """A source that gives at most ``most`` bytes at once, whatever is asked for."""

    def __init__(self, content: bytes, most: int) -> None:
        self._content, self._most = io.BytesIO(content), most

    def read1(self, size: int) -> bytes:
        """The next few bytes."""
        return self._content.read(min(size, self._most))


def lines_of(output: bytes) -> list[dict[str, Any]]:
    """Output as plain tables."""
    return [json.loads(line) for line in output.splitlines()]


def by_stay(output: bytes, *kinds: str) -> dict[str, list[dict[str, Any]]]:
    """The lines of these kinds, by stay, in the order in which they were written."""
    stays: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for line in lines_of(output):
        if line["kind"] in kinds:
            stays[line["stay"]].append(line)
    return dict(stays)


def counts(output: bytes) -> dict[str, int]:
    """What the summary counted."""
    last = lines_of(output)[-1]
    assert last["reason"] == "summary"
    result: dict[str, int] = last["counts"]
    return result
