"""Predictions in the MEDS schema, and what they do not say."""

from __future__ import annotations

from typing import Any

import pandas as pd
import polars as pl
import pytest

from vitals.alerting.judge import judge
from vitals.alerting.meds import from_meds
from vitals.errors import DataError
from vitals.spec.policy import AlertPolicy

HOUR = 3_600_000_000
START = pd.Timestamp("2026-01-01")


def predictions(labels: dict[int, str]) -> pd.DataFrame:
    """Hourly rows from hour 1; one letter a row: T, F, or ? for a label that is missing."""
    rows = [
        (subject, START + pd.Timedelta(hours=i + 1), {"T": True, "F": False, "?": None}[letter], 0.1 * (i + 1))
        for subject, letters in labels.items()
        for i, letter in enumerate(letters)
    ]
    names = ["subject_id", "prediction_time", "boolean_value", "predicted_boolean_probability"]
    return pd.DataFrame(rows, columns=names).sample(frac=1, random_state=1)


def hours(values: Any) -> list[float]:
    return [(int(value) - START.value // 1000) / HOUR for value in values]


@pytest.mark.parametrize("change", [lambda t: t, pl.from_pandas], ids=["pandas", "polars"])
def test_an_onset_is_taken_as_late_as_it_can_have_been(change: Any) -> None:
    told = change(predictions({7: "FFTT", 3: "FFFF", 9: "TTFF", 5: "F?TF"}))
    risks, stays, outcomes = from_meds(told, "6h")
    assert list(stays["subject_id"]) == [3, 5, 7, 9]
    assert hours(stays["admitted"]) == [0] * 4
    assert hours(stays["discharged"]) == [4] * 4
    onset = dict(zip(outcomes["stay_id"].tolist(), hours(outcomes["onset"]), strict=True))
    assert onset == {7: 9, 9: 3, 5: 4}  # three hours and six; before the first row without one
    assert len(risks["risk"]) == 16
    seen = judge(risks, stays, outcomes, AlertPolicy(threshold=0.35), replicates=10)
    assert seen.evaluation.stays == 4
    assert seen.evaluation.count("onsets") == 3
    assert seen.evaluation.count("alerts") == 3  # not of subject 9, whose risk rises after the onset


def test_stays_may_be_told() -> None:
    told = predictions({7: "FFFFTT"})
    stays = pd.DataFrame({
        "stay_id": ["b", "a", "x"], "subject_id": [7, 7, 8], "admitted": [START + pd.Timedelta(hours=3), START, START],
        "discharged": [START + pd.Timedelta(hours=9), START + pd.Timedelta(hours=3), START + pd.Timedelta(hours=9)],
    })  # fmt: skip
    risks, same, outcomes = from_meds(told, "2h", stays)
    assert same is stays
    assert risks["stay_id"].tolist() == ["b", "b", "b", "b", "a", "a"]  # hour 3 is both an end and a beginning
    assert outcomes["stay_id"].tolist() == ["b"]
    assert hours(outcomes["onset"]) == [7]
    short = stays.assign(discharged=START + pd.Timedelta(hours=5))
    with pytest.raises(DataError, match="1 predictions outside the stays"):
        from_meds(told, "2h", short)
    with pytest.raises(DataError, match="6 predictions outside the stays"):
        from_meds(told, "2h", stays[stays["subject_id"] == 8])


def test_what_cannot_be_judged_is_refused() -> None:
    with pytest.raises(DataError, match="predicted_boolean_probability"):
        from_meds(predictions({7: "FF"}).drop(columns="predicted_boolean_probability"), "6h")
    with pytest.raises(DataError, match="one prediction a subject"):
        from_meds(predictions({7: "F", 8: "T"}), "6h")
