"""The leakage lint against plain loops."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from vitals.cohort.leakage import leaks
from vitals.cohort.store import write_cohort
from vitals.labelling.ranking import auroc

HOUR = 3_600_000_000


def test_the_clock_is_judged_hour_by_hour(tmp_path: Path) -> None:
    random = np.random.default_rng(2)
    n = 60
    ids = [f"s{i}" for i in range(n)]
    admitted = random.integers(0, 1000, n) * HOUR
    hours = random.integers(1, 40, n)
    stays = pd.DataFrame(
        {"stay_id": ids, "subject_id": ids, "site": "A", "admitted": admitted, "discharged": admitted + hours * HOUR}
    )
    ill = random.permutation(n)[:20]
    # Onsets lie anywhere: before admission, between two hours, after the discharge.
    onset = admitted[ill] + (random.uniform(-3, 1, 20) * HOUR + random.uniform(0, 1.2, 20) * hours[ill] * HOUR).astype(
        np.int64
    )
    outcomes = pd.DataFrame({"stay_id": [ids[i] for i in ill], "kind": "sepsis", "onset": onset})
    events = pd.DataFrame({"stay_id": ids, "time": admitted, "signal": "spo2", "value": 97.0})
    cohort = write_cohort(tmp_path / "c", events, stays, outcomes, source="a test", licence="CC0", onset_slack="20h")
    clock, label = [], []
    onset_of = dict(zip(ill.tolist(), onset.tolist(), strict=True))
    for i in range(n):
        for hour in range(1, hours[i] + 1):
            clock.append(float(hour))
            label.append(i in onset_of and onset_of[i] <= admitted[i] + (hour + 6) * HOUR)
    wanted = auroc(label, clock)
    found = next(leak for leak in leaks(cohort) if leak.what == "time since admission")
    assert found.auroc == pytest.approx(max(wanted, 1 - wanted))


def test_a_column_is_judged_either_way_and_without_what_is_not_known(tmp_path: Path) -> None:
    n = 30
    ids = [f"s{i:02d}" for i in range(n)]
    stays = pd.DataFrame({"stay_id": ids, "subject_id": ids, "site": "A", "admitted": 0, "discharged": 9 * HOUR})
    stays["falls"] = np.where(np.arange(n) == 29, np.nan, -np.arange(n) // 2)  # ties, one unknown
    ill = np.arange(9, n, 4)  # the later half, mostly: those fall lowest
    outcomes = pd.DataFrame({"stay_id": [ids[i] for i in ill], "kind": "sepsis", "onset": 5 * HOUR})
    events = pd.DataFrame({"stay_id": ids, "time": HOUR, "signal": "spo2", "value": 97.0})
    cohort = write_cohort(tmp_path / "c", events, stays, outcomes, source="a test", licence="CC0")
    falls = stays["falls"].tolist()
    pairs = [(falls[p], falls[q]) for p in ill for q in range(n - 1) if q not in ill and p != n - 1]
    area = sum((p > q) + 0.5 * (p == q) for p, q in pairs) / len(pairs)
    found = {leak.what: leak.auroc for leak in leaks(cohort)}
    assert area < 0.45
    assert found["stays.falls"] == pytest.approx(1 - area)
    assert found["length of the record"] == 0.5
