"""Small cohorts for the flows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from vitals.cohort.store import Cohort, write_cohort

MINUTE = 60_000_000
HOUR = 60 * MINUTE
BEGIN = 1_546_300_800_000_000  # 2019-01-01


def write_ward(path: Path, subjects: list[str], onsets: dict[int, int] | None = None, seed: int = 1) -> Cohort:
    """A stay for each of ``subjects``, three to nine hours long, with a heart rate every few minutes.

    Args:
        path: the folder to write.
        subjects: whose stay each is; stays and site are named after the folder.
        onsets: hours after admission by stay.
        seed: another seed, other samples.
    """
    rng = np.random.default_rng(seed)
    stay = np.array([f"{path.name}-{i}" for i in range(len(subjects))])
    admitted = BEGIN + rng.integers(0, 24 * HOUR, len(stay))
    length = rng.integers(3 * HOUR, 9 * HOUR, len(stay))
    of = np.repeat(np.arange(len(stay)), 40)
    time = admitted[of] + rng.integers(0, 1000, len(of)) * length[of] // 1000
    signal = rng.choice(["heart_rate", "resp_rate", "spo2"], len(of))
    level = np.select([signal == "heart_rate", signal == "spo2"], [85.0, 95.0], 18.0)
    events = pd.DataFrame(
        {"stay_id": stay[of], "time": time, "signal": signal, "value": level + rng.normal(0, 2, len(of))}
    )
    stays = pd.DataFrame(
        {
            "stay_id": stay, "subject_id": subjects, "site": path.name,
            "admitted": admitted, "discharged": admitted + length, "age": rng.uniform(20, 90, len(stay)),
        }
    )  # fmt: skip
    onsets = {1: 2, 4: 3} if onsets is None else onsets
    outcomes = pd.DataFrame(
        {
            "stay_id": stay[list(onsets)], "kind": "sepsis",
            "onset": [int(admitted[i]) + hours * HOUR for i, hours in onsets.items()],
        }
    )  # fmt: skip
    return write_cohort(path, events, stays, outcomes, source="tests", licence="CC0")
