"""Scoring a cohort to a Parquet file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from tests.live import model_folder, settings_of
from tests.unit.flows.wards import HOUR, write_ward
from vitals.cohort.store import Cohort
from vitals.errors import SettingsError
from vitals.flows import scores
from vitals.flows.scores import score, score_frame

SUBJECTS = ["p0", "p1", "p2", "p1", "p3", "p0", "p1"]  # p1 was there three times


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model and a cohort."""
    home = tmp_path_factory.mktemp("scores")
    model_folder(home / "model", settings_of(min_observed=0, warm_up="2h"))
    return home


@pytest.fixture(scope="module")
def cohort(home: Path) -> Cohort:
    """Seven stays of four patients."""
    return write_ward(home / "ward", SUBJECTS)


def test_every_step_of_every_stay_has_its_row(home: Path, cohort: Cohort, tmp_path: Path) -> None:
    """Also of patients with several stays: each row names its stay and its patient."""
    summary = score(home / "model", home / "ward", tmp_path / "risks.parquet")
    table = pq.read_table(tmp_path / "risks.parquet").to_pandas()
    hours = (cohort.discharged - cohort.admitted) // HOUR
    assert table["stay_id"].astype(str).tolist() == np.repeat(cohort.stays["stay_id"], hours).tolist()
    assert table["subject_id"].astype(str).tolist() == np.repeat(SUBJECTS, hours).tolist()
    time = table["prediction_time"].dt.tz_localize(None).to_numpy().astype("datetime64[us]").astype(np.int64)
    first = cohort.admitted[np.repeat(np.arange(len(hours)), hours)]
    step = np.concatenate([np.arange(1, n + 1) for n in hours])
    np.testing.assert_array_equal(time, first + step * HOUR)
    assert (np.isnan(table["risk"]) == (step < 2)).all()  # one row of each is younger than the warm-up
    assert (summary["stays"], summary["rows"], summary["no_risk"]) == (7, hours.sum(), 7)
    assert summary["files"] == [str(tmp_path / "risks.parquet")]


def test_blocks_bound_the_memory_and_nothing_else(
    home: Path, cohort: Cohort, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two stays at a time give the table of all at once, whose patients then lie in several blocks."""
    whole = score_frame(home / "model", home / "ward")
    monkeypatch.setattr(scores, "_STAYS", 2)
    score(home / "model", home / "ward", tmp_path / "risks.parquet")
    assert pq.ParquetFile(tmp_path / "risks.parquet").num_row_groups == 4
    blocks = pq.read_table(tmp_path / "risks.parquet").to_pandas()
    names = {"subject_id": str, "stay_id": str}
    pd.testing.assert_frame_equal(blocks.astype(names), whole.astype(names), check_exact=True)


def test_without_a_file_it_only_counts(home: Path, cohort: Cohort) -> None:
    """The same counts."""
    summary = score(home / "model", home / "ward")
    assert "files" not in summary
    assert summary["rows"] == len(score_frame(home / "model", home / "ward"))


@pytest.mark.parametrize("older", [True, False])
def test_an_interrupted_run_leaves_no_half_table(
    home: Path, cohort: Cohort, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, older: bool
) -> None:
    """A shorter table that can be read would be taken for the whole; an older one stays as it was."""
    out = tmp_path / "risks.parquet"
    if older:
        score(home / "model", home / "ward", out)
    before = out.read_bytes() if older else b""
    monkeypatch.setattr(scores, "_STAYS", 2)

    def stop(done: int, total: int, _: str) -> None:
        if done >= 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        score(home / "model", home / "ward", out, stop)
    assert out.exists() is older
    if older:
        assert out.read_bytes() == before
    assert list(tmp_path.iterdir()) == ([out] if older else [])
    # the next run is whole, and nothing of the first is left
    score(home / "model", home / "ward", out)
    assert pq.read_table(out).num_rows == len(score_frame(home / "model", home / "ward"))
    assert list(tmp_path.iterdir()) == [out]


def test_every_call_of_progress_tells_more(home: Path, cohort: Cohort, monkeypatch: pytest.MonkeyPatch) -> None:
    """Up to all of it."""
    monkeypatch.setattr(scores, "_STAYS", 3)
    told: list[tuple[int, int]] = []
    score(home / "model", home / "ward", None, lambda done, total, _: told.append((done, total)))
    assert told == [(3, 7), (6, 7), (7, 7)]


def test_what_is_no_table_of_risks_is_not_overwritten(home: Path, cohort: Cohort) -> None:
    """A mistyped --out that names a cohort's own table would destroy the cohort."""
    events = home / "ward" / "events.parquet"
    before = events.read_bytes()
    with pytest.raises(SettingsError, match="something else that is there already"):
        score(home / "model", home / "ward", events)
    assert events.read_bytes() == before
