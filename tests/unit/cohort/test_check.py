"""The check: a clean cohort is clean, each oddity is found and counted, and nothing is changed."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from vitals.cohort.check import check_cohort, missing_by_site
from vitals.cohort.findings import Finding
from vitals.cohort.store import Cohort, open_cohort, write_cohort
from vitals.spec.settings import Settings
from vitals.windowing.advance import advance
from vitals.windowing.carry import Carry

HOUR = 3_600_000_000
Frames = dict[str, pd.DataFrame]


def clean(stays: int = 40, seed: int = 5) -> Frames:
    """Stays of 30 hours at two sites with hourly heart rate and SpO2, onsets in mid-stay, nothing odd."""
    random = np.random.default_rng(seed)
    ids = [f"s{i:02d}" for i in range(stays)]
    table = pd.DataFrame(
        {"stay_id": ids, "subject_id": ids, "site": ["A", "B"] * (stays // 2), "admitted": 0, "discharged": 30 * HOUR}
    )
    table["age"] = random.uniform(20, 90, stays)
    grid = pd.MultiIndex.from_product(
        [ids, np.arange(1, 31) * HOUR, ["heart_rate", "spo2"]], names=["stay_id", "time", "signal"]
    )
    events = grid.to_frame(index=False)
    events["value"] = np.where(events["signal"] == "spo2", 96.0, random.normal(85, 8, len(events)))
    onset = random.integers(8, 18, stays // 4) * HOUR
    # A quarter falls ill, and as many records of either site.
    outcomes = pd.DataFrame({"stay_id": ids[: stays // 4], "kind": "sepsis", "onset": onset})
    return {"events": events, "stays": table, "outcomes": outcomes}


def write(path: Path, frames: Frames, **more: str) -> Cohort:
    return write_cohort(path, **frames, source="a test", licence="CC0", **more)


def found(path: Path, frames: Frames, **more: str) -> dict[str, Finding]:
    """Findings of a cohort by what they say, the clock aside: onsets come late by nature, so it always tells something."""
    write(path, frames, **more)
    return {str(each): each for each in check_cohort(path) if each.where != "time since admission"}


def only(findings: dict[str, Finding], *texts: str) -> Finding:
    """The one finding that holds all the texts."""
    mine = [each for told, each in findings.items() if all(text in told for text in texts)]
    assert len(mine) == 1, f"{texts} in {list(findings)}"
    return mine[0]


def test_a_clean_cohort_has_no_finding(tmp_path: Path) -> None:
    assert found(tmp_path / "c", clean()) == {}


def test_the_check_changes_nothing(tmp_path: Path) -> None:
    frames = clean()
    frames["events"].loc[0, "value"] = 1000.0
    write(tmp_path / "c", frames)
    before = [hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted((tmp_path / "c").iterdir())]
    assert check_cohort(tmp_path / "c")
    assert [hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted((tmp_path / "c").iterdir())] == before


def test_impossible_values_are_counted_by_signal_and_site_with_a_word_on_the_unit(tmp_path: Path) -> None:
    frames = clean()
    extra = pd.DataFrame(
        {"stay_id": ["s00", "s00", "s01"], "time": [HOUR] * 3, "signal": "fio2", "value": [40.0, 60.0, 0.5]}
    )
    extra.loc[1, "time"] = 2 * HOUR
    rare = frames["events"].index[(frames["events"]["stay_id"] == "s01") & (frames["events"]["signal"] == "heart_rate")]
    frames["events"].loc[rare[:2], "value"] = [400.0, 900.0]
    frames["events"] = pd.concat([frames["events"], extra])
    findings = found(tmp_path / "c", frames)
    percent = only(findings, "site A, fio2", "they would fit as %")
    assert (percent.level, percent.count) == ("error", 2)
    assert percent.cure.endswith("windowing repairs 2 of them (unless repair = false)")
    fast = only(findings, "site B, heart_rate", "2 of 600 values", "such as 900", "10 to 350 /min")
    assert (fast.level, fast.count) == ("warning", 2)
    assert fast.cure == "windowing leaves them out and counts them"


def add(frames: Frames, *rows: tuple[str, float, str, float]) -> None:
    new = pd.DataFrame(rows, columns=["stay_id", "time", "signal", "value"])
    new["time"] = (new["time"] * HOUR).astype(np.int64)
    frames["events"] = pd.concat([frames["events"], new], ignore_index=True)


def stop_at(frames: Frames, stay: str, hour: int) -> None:
    events = frames["events"]
    frames["events"] = events[(events["stay_id"] != stay) | (events["time"] <= hour * HOUR)].reset_index(drop=True)


def with_arrival(frames: Frames, delay: int, rows: slice) -> None:
    frames["events"]["arrival"] = frames["events"]["time"]
    frames["events"].loc[rows, "arrival"] += delay * HOUR


@pytest.mark.parametrize(
    ("change", "level", "count", "texts"),
    [
        (lambda f: add(f, ("s03", 4, "spo2", 91), ("s03", 4, "spo2", 92)), "warning", 2, ["stay s03, spo2", "second value"]),
        (lambda f: add(f, ("s04", 30.5, "spo2", 91)), "warning", 1, ["stay s04, spo2 91", "after the discharge", "mend the discharge"]),
        (lambda f: add(f, ("s04", 0, "spo2", 91), ("s04", -3, "spo2", 92)), "note", 2, ["s04", "at or before the admission"]),
        (lambda f: stop_at(f, "s05", 0), "warning", 1, ["stay s05", "without a sample"]),
        (lambda f: stop_at(f, "s05", 1), "warning", 1, ["stay s05", "at one time only"]),
        (lambda f: stop_at(f, "s05", 15), "note", 1, ["stay s05", "gap of more than 12 h"]),
        (lambda f: with_arrival(f, 3, slice(0, 1)), "note", 2, ["stay s00, heart_rate", "arrived after later ones"]),
        (lambda f: with_arrival(f, -1, slice(7, 7)), "warning", 1, ["stay s00, spo2", "before they were measured"]),
        (lambda f: f["stays"].update(pd.DataFrame({"age": [150.0]})), "warning", 1, ["stays.age", "such as 150", "0 to 120 a"]),
        (lambda f: f.update(outcomes=f["outcomes"].iloc[:0]), "note", 1, ["no outcome"]),
        (lambda f: f["outcomes"].update(pd.DataFrame({"onset": [0]})), "warning", 1, ["1 onsets at or before the admission"]),
    ],
)  # fmt: skip
def test_each_oddity_is_found_and_counted(
    tmp_path: Path, change: Callable[[Frames], None], level: str, count: int, texts: list[str]
) -> None:
    frames = clean()
    change(frames)
    finding = only(found(tmp_path / "c", frames), *texts)
    assert (finding.level, finding.count) == (level, count)
    assert finding.wanted
    assert finding.cure


def test_rows_go_on_until_the_last_sample_after_a_discharge_as_the_finding_says(tmp_path: Path) -> None:
    frames = clean()
    add(frames, ("s04", 33.5, "spo2", 91))
    assert "rows go on until the last of them" in only(found(tmp_path / "c", frames), "after the discharge").cure
    settings = Settings.from_tables({
        "name": "x", "window": {"step": "60min"}, "label": {"kind": "sepsis", "horizon": "6h"},
        "signals": {"heart_rate": {}, "spo2": {}},
    })  # fmt: skip
    cohort = open_cohort(tmp_path / "c")
    carry = Carry.empty(settings, len(cohort))
    carry.admit(np.arange(len(cohort)), cohort.admitted)
    _, rows, _ = advance(settings, carry, cohort.events(settings), until=cohort.discharged)
    assert np.bincount(rows.bed).tolist() == [33 if stay == "s04" else 30 for stay in cohort.stays["stay_id"]]


def rewrite(path: Path, name: str, change: Callable[[pd.DataFrame], pd.DataFrame]) -> None:
    """Spoil a table of a cohort behind its back, as an editor could."""
    frame = pd.read_parquet(path / f"{name}.parquet")
    for column in frame.columns:
        if isinstance(frame[column].dtype, pd.CategoricalDtype):
            frame[column] = frame[column].astype(str)
    change(frame).to_parquet(path / f"{name}.parquet", index=False)


@pytest.mark.parametrize(
    ("name", "change", "texts"),
    [
        ("events", lambda f: f.assign(value=f["value"].where(f.index != 7)), ["stay s00", "1 values that are no number"]),
        ("events", lambda f: f.assign(signal=f["signal"].where(f.index > 4, "heartrate")), ['"heartrate"', "heart_rate"]),
        ("events", lambda f: f.iloc[[1, 2, 3, 0, *range(4, len(f))]], ["stay s00", "times that run backwards"]),
        ("stays", lambda f: f.assign(subject_id=["p"] * len(f)), ['patient "p" in sites A, B']),
        ("stays", lambda f: f.assign(discharged=f["discharged"].where(f.index != 0, f["admitted"])),
         ["stays that take no time"]),
        ("outcomes", lambda f: f.assign(onset=f["onset"] + pd.Timedelta("30h")), ["s00", "after discharge", "at most 0h"]),
        ("outcomes", lambda f: f.assign(stay_id="s99"), ["s99", "no such stay"]),
    ],
)  # fmt: skip
def test_what_writing_refuses_is_found_in_a_spoilt_folder_too(
    tmp_path: Path, name: str, change: Callable[[pd.DataFrame], pd.DataFrame], texts: list[str]
) -> None:
    write(tmp_path / "c", clean())
    rewrite(tmp_path / "c", name, change)
    findings = {str(each): each for each in check_cohort(tmp_path / "c")}
    only(findings, "error", "the tables were changed after the import")
    only(findings, *texts)


def test_errors_come_first(tmp_path: Path) -> None:
    frames = clean()
    add(frames, ("s03", 4, "spo2", 91), ("s03", 5.5, "fio2", 40), ("s03", 0, "heart_rate", 80))
    levels = [each.level for each in check_cohort(write(tmp_path / "c", frames).path)]
    assert levels == sorted(levels, key=["error", "warning", "note"].index)
    assert set(levels) == {"error", "warning", "note"}


def test_what_one_site_never_measures_is_told(tmp_path: Path) -> None:
    frames = clean()
    at_b = frames["stays"].loc[frames["stays"]["site"] == "B", "stay_id"]
    add(frames, *[(stay, hour + 0.5, "etco2", 35) for stay in at_b for hour in range(6)])
    frames["events"] = frames["events"][
        ~((frames["events"]["signal"] == "spo2") & frames["events"]["stay_id"].isin(at_b[:15]))
    ]
    findings = found(tmp_path / "c", frames)
    only(findings, "warning: etco2", "never measured at site A", "20% of the hours at site B")
    only(findings, "note: spo2", "missing in 75% of the hours at site B, 0% at site A")
    table = missing_by_site(open_cohort(tmp_path / "c"))
    assert table.loc["etco2"].tolist() == [1.0, 1.0, 0.0, pytest.approx(0.8)]
    assert table.loc["heart_rate"].tolist() == [0.0, 0.0, 0.0, 0.0]


def test_what_tells_the_outcome_by_itself_is_told(tmp_path: Path) -> None:
    frames = clean()
    ill = frames["stays"]["stay_id"].isin(frames["outcomes"]["stay_id"])
    random = np.random.default_rng(1)
    frames["stays"]["ward_after"] = np.where(ill, "icu", "home")
    frames["stays"]["cost"] = np.where(ill, 2.0, 1.0) + random.uniform(0, 0.5, len(ill))
    frames["stays"]["lucky_number"] = random.permutation(len(ill)) % 2
    frames["stays"]["name"] = [f"n{i}" for i in range(len(ill))]
    findings = found(tmp_path / "c", frames)
    for column in ("ward_after", "cost"):
        assert only(findings, f"stays.{column}", "tells sepsis by itself with AUROC 1.00").level == "warning"
    assert not any("lucky_number" in told or "stays.name" in told for told in findings)


def test_records_that_end_at_the_onset_are_told(tmp_path: Path) -> None:
    frames = clean()
    onset = frames["outcomes"].set_index("stay_id")["onset"]
    frames["stays"]["discharged"] = frames["stays"]["stay_id"].map(onset).fillna(30 * HOUR).astype(np.int64)
    end = frames["events"]["stay_id"].map(frames["stays"].set_index("stay_id")["discharged"])
    frames["events"] = frames["events"][frames["events"]["time"] <= end]
    findings = found(tmp_path / "c", frames)
    only(findings, "warning: outcomes, sepsis", "100% of the records with an outcome end within 12 h")
    only(findings, "warning: length of the record", "tells sepsis by itself")
    only(findings, "warning: number of samples", "tells sepsis by itself")
