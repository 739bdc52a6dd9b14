"""Risks, stays and outcomes from data frames of either library."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

from vitals.alerting.evaluation import evaluate
from vitals.alerting.frames import from_frames, read_frames
from vitals.errors import DataError
from vitals.labelling.labels import NO_ONSET
from vitals.spec.policy import AlertPolicy
from vitals.spec.settings import Alerting

HOUR = 3_600_000_000


def frames() -> dict[str, Any]:
    start = pd.Timestamp("2026-01-01T00:00Z")
    at = [start + pd.Timedelta(hours=h) for h in range(10)]
    return {
        "risks": pd.DataFrame(
            {
                "stay_id": ["b", "a", "a"],
                "prediction_time": [at[3], at[2], at[1]],
                "risk": np.array([0.2, 0.9, np.nan], np.float32),
            }
        ),
        "stays": pd.DataFrame(
            {
                "stay_id": ["a", "b"],
                "subject_id": ["anna", "ben"],
                "admitted": [at[0], at[1]],
                "discharged": [at[9], at[8]],
            }
        ),
        "outcomes": pd.DataFrame(
            {"stay_id": ["a", "b", "b"], "kind": ["sepsis", "sepsis", "death"], "onset": [at[6], pd.NaT, at[7]]}
        ),
    }


def in_microseconds(table: pd.DataFrame) -> pd.DataFrame:
    whole = table.copy()
    for name in whole:
        if "datetime" in str(whole[name].dtype):
            whole = whole[whole[name].notna()]
            whole[name] = whole[name].astype("datetime64[us, UTC]").astype(np.int64)
    return whole


def as_category(table: pd.DataFrame) -> pd.DataFrame:
    return table.assign(stay_id=table["stay_id"].astype("category"))


@pytest.mark.parametrize(
    "change", [lambda t: t, pl.from_pandas, in_microseconds, as_category], ids=["pandas", "polars", "µs", "category"]
)
def test_frames_become_ordered_arrays(change: Any) -> None:
    tables = {name: change(table) for name, table in frames().items()}
    risks, stays = from_frames(**tables, kind="sepsis")
    zero = 1_767_225_600_000_000
    assert risks.stay.tolist() == [0, 0, 1]
    assert ((risks.time - zero) / HOUR).tolist() == [1, 2, 3]
    assert np.array_equal(risks.risk.astype(np.float32), np.array([np.nan, 0.9, 0.2], np.float32), equal_nan=True)
    assert ((stays.admitted - zero) / HOUR).tolist() == [0, 1]
    assert ((stays.discharged - zero) / HOUR).tolist() == [9, 8]
    assert stays.onset.tolist() == [zero + 6 * HOUR, NO_ONSET]
    seen = evaluate(risks, stays, AlertPolicy(threshold=0.5))
    assert (seen.measure("recall"), seen.lead.tolist()) == (1.0, [4.0])
    with pytest.raises(DataError, match=r"outcomes kind: came death, sepsis.*kind=\"death\""):
        from_frames(**tables)
    with pytest.raises(DataError, match='did you mean "sepsis"'):
        from_frames(**tables, kind="spesis")
    _, every = from_frames(**tables | {"outcomes": change(frames()["outcomes"].drop(columns="kind"))})
    assert every.onset.tolist() == [zero + 6 * HOUR, zero + 7 * HOUR]


def spoil(table: str, **columns: Any) -> dict[str, Any]:
    tables = frames()
    tables[table] = tables[table].assign(**columns)
    return tables


@pytest.mark.parametrize(
    ("tables", "says"),
    [
        (frames() | {"risks": frames()["risks"].rename(columns={"risk": "risks"})}, 'did you mean "risks"'),
        (spoil("risks", stay_id=["c", "a", "a"]), "unknown stay 'c'"),
        (spoil("outcomes", stay_id=["d", "b", "b"]), "unknown stay 'd'"),
        (spoil("stays", stay_id=["a", "a"]), "'a' twice"),
        (spoil("stays", admitted=[pd.NaT, pd.Timestamp("2026-01-01T00:00Z")]), "a missing time"),
        (spoil("risks", prediction_time=[0.5, 1.5, 2.5]), "float64"),
        (spoil("risks", prediction_time=[5, 5, 5]), "not after the one before"),
        (spoil("risks", news2=["x", 1, 2]), "risks news2"),
        (spoil("risks", news2=[1, 2, 21]), "points from 0 to 20"),
        (frames() | {"risks": {"stay_id": 1}}, "a data frame with named columns"),
        (frames() | {"risks": pl.from_pandas(frames()["risks"]).lazy()}, "has to be collected"),
    ],
)
def test_tables_that_cannot_be_meant_are_refused(tables: dict[str, Any], says: str) -> None:
    with pytest.raises(DataError, match=says):
        from_frames(**tables, kind="sepsis")


def ended(*words: object, death: str = "censor") -> Any:
    return read_frames(**spoil("stays", ended=list(words)), kind="sepsis", alerting=Alerting(death=death))  # type: ignore[arg-type]


def test_how_a_stay_ended_says_what_is_unknown() -> None:
    assert read_frames(**frames(), kind="sepsis").stays.lost.tolist() == [False, False]
    assert ended("home", "lost").stays.lost.tolist() == [False, True]
    assert ended("home", None).stays.lost.tolist() == [False, True]
    assert ended("home", float("nan")).stays.lost.tolist() == [False, True]
    with pytest.raises(DataError, match='did you mean "died"'):
        ended("home", "dead")


def test_a_death_is_what_the_settings_say() -> None:
    assert ended("home", "died").died.tolist() == [False, True]
    assert ended("home", "died").stays.lost.tolist() == [False, True]
    well = ended("home", "died", death="no_event")
    assert well.stays.lost.tolist() == [False, False]
    assert len(well.events) == 1
    event = ended("died", "died", death="event")
    assert event.stays.lost.tolist() == [False, False]
    assert event.events.stay.tolist() == [0, 1]  # the death of the first belongs to its sepsis
    assert event.events.onset[1] == event.stays.discharged[1]


def test_a_death_after_an_event_that_was_over_is_another() -> None:
    tables = spoil("stays", ended=["died", "home"])
    start = pd.Timestamp("2026-01-01T00:00Z")
    tables["outcomes"] = pd.DataFrame(
        {"stay_id": ["a"], "onset": [start + pd.Timedelta(hours=4)], "end": [start + pd.Timedelta(hours=5)]}
    )
    seen = read_frames(**tables, alerting=Alerting(death="event"))
    assert ((seen.events.onset - seen.stays.admitted[0]) / HOUR).tolist() == [4, 9]


def test_ends_recognition_and_parts_are_read() -> None:
    start = pd.Timestamp("2026-01-01T00:00Z")
    tables = spoil("stays", part=["held_out", "train"])
    tables["outcomes"] = tables["outcomes"].assign(
        end=[start + pd.Timedelta(hours=8), pd.NaT, pd.NaT], recognised=[pd.NaT, pd.NaT, start + pd.Timedelta(hours=6)]
    )
    tables["outcomes"] = tables["outcomes"].drop(columns="kind")
    seen = read_frames(**tables)
    zero = 1_767_225_600_000_000
    assert seen.events.end.tolist() == [zero + 8 * HOUR, NO_ONSET]
    assert seen.events.recognised.tolist() == [NO_ONSET, zero + 6 * HOUR]
    assert seen.part is not None
    assert seen.part.tolist() == ["held_out", "train"]
    assert seen.subject_id.tolist() == ["anna", "ben"]


@pytest.mark.parametrize(
    ("risk", "words"),
    [(["x"], "convert the column"), ([30.0], "divide percentages"), ([-0.1], "0 to 1"), ([], "no row")],
)
def test_risks_that_are_none_are_refused(risk: list[Any], words: str) -> None:
    """Percentages, points and words: none of them may be taken for a risk in silence."""
    many = len(risk)
    risks = pd.DataFrame({"stay_id": ["a"] * many, "prediction_time": list(range(5, 5 + many)), "risk": risk})
    stays = pd.DataFrame({"stay_id": ["a"], "subject_id": [1], "admitted": [0], "discharged": [9]})
    outcomes = pd.DataFrame({"stay_id": ["a"], "onset": [6]})
    with pytest.raises(DataError, match=words):
        from_frames(risks, stays, outcomes)


@pytest.mark.parametrize("form", ["float", "nullable", "object", "polars"])
def test_a_missing_end_may_be_whole_microseconds_too(form: str) -> None:
    stays = pd.DataFrame(
        {"stay_id": ["a", "b"], "subject_id": [1, 2], "admitted": [0, 0], "discharged": [9 * HOUR] * 2}
    )
    risks = pd.DataFrame({"stay_id": ["a"], "prediction_time": [HOUR], "risk": [0.5]})
    forms: dict[str, Any] = {
        "float": [6.0 * HOUR, np.nan], "nullable": pd.array([6 * HOUR, None], "Int64"),
        "object": pd.Series([6 * HOUR, None], dtype=object),
    }  # fmt: skip
    if form == "polars":
        outcomes: Any = pl.DataFrame({"stay_id": ["a", "b"], "onset": [5 * HOUR, 5 * HOUR], "end": [6 * HOUR, None]})
    else:
        outcomes = pd.DataFrame({"stay_id": ["a", "b"], "onset": [5 * HOUR, 5 * HOUR], "end": forms[form]})
    assert read_frames(risks, stays, outcomes).events.end.tolist() == [6 * HOUR, NO_ONSET]
