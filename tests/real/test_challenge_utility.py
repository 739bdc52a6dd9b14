"""The challenge utility on all stays of both hospitals equals the evaluator's definition in plain loops."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.naive import naive_challenge_gain
from vitals.labelling.labels import label_rows
from vitals.labelling.utility import hours_from_onset, utility, utility_curve
from vitals.spec.duration import Duration
from vitals.spec.settings import Label

pytestmark = pytest.mark.real
HOUR = 3_600_000_000


def official(labels: list[list[int]], calls: list[list[bool]]) -> float:
    """Patient by patient, then summed, as the official evaluator does; one long running sum would lose digits."""
    observed, best, silent = [], [], []
    for own, called in zip(labels, calls, strict=True):
        gains = [naive_challenge_gain(own, row) for row in range(len(own))]
        onset = own.index(1) + 6 if 1 in own else None
        optimal = [onset is not None and onset - 12 <= row <= onset + 3 for row in range(len(own))]
        observed.append(sum(yes if call else no for (yes, no), call in zip(gains, called, strict=True)))
        best.append(sum(yes if call else no for (yes, no), call in zip(gains, optimal, strict=True)))
        silent.append(sum(no for _, no in gains))
    return (sum(observed) - sum(silent)) / (sum(best) - sum(silent))


@pytest.mark.parametrize("hospital", ["A", "B"])
def test_utility_and_labels_are_the_challenges(vitals_data: Path, hospital: str) -> None:
    path = vitals_data / "challenge2019" / f"hospital_{hospital}.parquet"
    frame = pd.read_parquet(path, columns=["patient_id", "ICULOS", "SepsisLabel"])
    _, stay = np.unique(frame["patient_id"], return_inverse=True)
    assert (np.diff(stay) >= 0).all()
    time = frame["ICULOS"].to_numpy(np.int64) * HOUR
    label = frame["SepsisLabel"].to_numpy()
    septic, first = np.unique(stay[label == 1], return_index=True)
    onset = time[label == 1][first] + 6 * HOUR

    six_hours = Label("sepsis", horizon=Duration.parse("6h"), after_onset="positive")
    y, usable = label_rows(six_hours, time, stay, septic, onset)
    assert np.array_equal(y, label)
    assert usable.all()

    tau = hours_from_onset(time, stay, septic, onset)
    risk = np.round(0.5 * label + np.random.default_rng(1).random(len(label)), 1)  # many ties
    ends = np.flatnonzero(np.diff(stay)) + 1
    labels = [part.tolist() for part in np.split(label, ends)]
    thresholds, values = utility_curve(tau, risk)
    for threshold in (0.5, 0.9):
        calls = risk >= threshold
        wanted = official(labels, [part.tolist() for part in np.split(calls, ends)])
        assert utility(tau, calls) == pytest.approx(wanted, abs=1e-12)
        assert values[thresholds == threshold] == pytest.approx(wanted, abs=1e-12)
