"""The leakage lint against plain loops."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vitals.cohort.leakage import auroc, leaks
from vitals.cohort.store import write_cohort

HOUR = 3_600_000_000


@given(st.lists(st.tuples(st.integers(0, 6), st.booleans()), min_size=2, max_size=60))
def test_auroc_is_the_share_of_pairs_in_the_right_order(items: list[tuple[int, bool]]) -> None:
    positive = [score for score, is_positive in items if is_positive]
    negative = [score for score, is_positive in items if not is_positive]
    found = auroc(np.array([score for score, _ in items], float), np.array([each for _, each in items]))
    if not positive or not negative:
        assert np.isnan(found)
        return
    won = sum((p > n) + (p == n) / 2 for p in positive for n in negative)
    assert found == pytest.approx(won / len(positive) / len(negative))


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
    wanted = auroc(np.array(clock), np.array(label))
    found = next(leak for leak in leaks(cohort) if leak.what == "time since admission")
    assert found.auroc == pytest.approx(max(wanted, 1 - wanted))
