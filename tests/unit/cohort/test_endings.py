"""How stays and events end: kept where it is known, refused where it cannot be meant, told where it is odd."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from vitals.cohort.check import check_cohort
from vitals.cohort.endings import endings
from vitals.cohort.leakage import leaks
from vitals.cohort.store import Cohort, open_cohort, write_cohort
from vitals.cohort.tables import Samples
from vitals.cohort.writing import About, Part, write_parts
from vitals.errors import DataError
from vitals.flows.checking import check
from vitals.labelling.labels import NO_ONSET

MINUTE = 60_000_000
HOUR = 60 * MINUTE
Frames = dict[str, pd.DataFrame]

# Of the cohort in conftest.py, written before a cohort could say how anything ended. Shipped models name such digests.
WITHOUT = "82a556aa9e20487aba66a080a3acf80031fa9bd699da574fb6dedc0959163c87"


def write(path: Path, frames: Frames, **more: str) -> Cohort:
    return write_cohort(path, **frames, source="a test", licence="CC0", **more)


@pytest.fixture
def ended(frames: Frames) -> Frames:
    """Two stays, one of them with two events: the first is over and was recognised, the second neither."""
    frames["stays"]["ended"] = ["died", None]
    frames["outcomes"] = pd.DataFrame(
        {"stay_id": ["s1", "s2", "s1"], "kind": ["sepsis", "death", "sepsis"], "onset": [100, 170, 20],
         "end": [np.nan, np.nan, 50], "recognised": [np.nan, np.nan, 15]}
    )  # fmt: skip
    for name in ("onset", "end", "recognised"):
        frames["outcomes"][name] *= MINUTE
    return frames


def test_a_cohort_that_does_not_say_how_it_ended_keeps_its_digest(tmp_path: Path, frames: Frames) -> None:
    cohort = write(tmp_path / "c", frames)
    assert cohort.digest == WITHOUT
    assert cohort.ended is None
    assert "ended" not in cohort.manifest
    assert list(cohort.outcomes.columns) == ["stay_id", "kind", "onset"]
    times = cohort.outcome_times("sepsis")
    assert [column.tolist() for column in times] == [[0], [100 * MINUTE], [NO_ONSET], [NO_ONSET]]


def test_how_stays_and_events_ended_is_kept(tmp_path: Path, ended: Frames) -> None:
    cohort = write(tmp_path / "c", ended)
    assert cohort.ended is not None
    assert cohort.ended.tolist() == ["died", "lost"]
    assert cohort.manifest["ended"] == {"died": 1, "lost": 1}
    times = cohort.outcome_times("sepsis")
    assert times.stay.tolist() == [0, 0]
    assert times.onset.tolist() == [20 * MINUTE, 100 * MINUTE]
    assert times.end.tolist() == [50 * MINUTE, NO_ONSET]
    assert times.recognised.tolist() == [15 * MINUTE, NO_ONSET]
    assert {column.dtype for column in times} == {np.dtype(np.int64)}
    assert cohort.outcome_times("death").end.tolist() == [NO_ONSET]
    assert [each.tolist() for each in cohort.onsets("sepsis")] == [[0, 0], [20 * MINUTE, 100 * MINUTE]]


def test_what_was_kept_has_the_digest_that_was_written(tmp_path: Path, ended: Frames) -> None:
    cohort = write(tmp_path / "c", ended)
    assert not [each for each in check_cohort(cohort.path) if each.level == "error"]
    stays, outcomes = cohort.stays.drop(columns="samples"), cohort.outcomes
    again = write_cohort(tmp_path / "d", ended["events"], stays, outcomes, source="again", licence="CC0")
    assert again.digest == cohort.digest


@pytest.mark.parametrize(
    ("table", "row", "column", "value"),
    [("stays", 0, "ended", "home"), ("outcomes", 2, "end", 60 * MINUTE), ("outcomes", 0, "end", 110 * MINUTE),
     ("outcomes", 2, "recognised", np.nan)],
)  # fmt: skip
def test_another_end_is_another_digest(
    tmp_path: Path, ended: Frames, table: str, row: int, column: str, value: object
) -> None:
    before = write(tmp_path / "a", ended).digest
    ended[table].loc[row, column] = value
    assert write(tmp_path / "b", ended).digest != before


@pytest.mark.parametrize("form", ["timestamps", "zoned", "nullable", "objects"])
def test_missing_times_may_be_written_in_any_way(tmp_path: Path, ended: Frames, form: str) -> None:
    wanted = write(tmp_path / "a", ended)
    for name in ("end", "recognised"):
        column = ended["outcomes"][name]
        times = pd.to_datetime(column.astype("Int64"), unit="us")
        ended["outcomes"][name] = {
            "timestamps": times, "zoned": times.dt.tz_localize("UTC").dt.tz_convert("Asia/Tokyo"),
            "nullable": column.astype("Int64"), "objects": times.astype(object).where(times.notna(), None),
        }[form]  # fmt: skip
    assert write(tmp_path / "b", ended).digest == wanted.digest


def test_nobody_may_know_any_end(tmp_path: Path, ended: Frames) -> None:
    ended["outcomes"]["end"] = pd.NaT
    ended["outcomes"]["recognised"] = None
    times = write(tmp_path / "c", ended).outcome_times("sepsis")
    assert times.end.tolist() == times.recognised.tolist() == [NO_ONSET, NO_ONSET]


def test_a_part_that_does_not_say_it_is_not_known(tmp_path: Path, ended: Frames) -> None:
    def part(stay: str, silent: bool) -> Part:
        tables = [ended[name][ended[name]["stay_id"] == stay] for name in ("stays", "outcomes")]
        if silent:
            tables = [tables[0].drop(columns="ended"), tables[1].drop(columns=["end", "recognised"])]
        one = Samples(
            np.zeros(1, np.int32), np.full(1, 90 * MINUTE), np.zeros(1, np.int16), np.ones(1, np.float32), ("sbp",)
        )
        return Part(*tables, one)

    write_parts(tmp_path / "c", [part("s1", silent=False), part("s2", silent=True)], About("a test", "CC0"))
    cohort = open_cohort(tmp_path / "c")
    assert cohort.ended is not None
    assert cohort.ended.tolist() == ["died", "lost"]
    assert cohort.outcome_times("sepsis").end.tolist() == [50 * MINUTE, NO_ONSET]
    assert cohort.outcome_times("death").end.tolist() == [NO_ONSET]


@pytest.mark.parametrize(
    ("table", "column", "values", "told"),
    [
        ("stays", "ended", ["home", "dyed"], ["stays.ended", '"dyed" in row 2', "home, lost, died", 'did you mean "died"?']),
        ("stays", "ended", [1, 0], ["stays.ended", '"1" in row 1 (2 such rows)']),
        ("outcomes", "end", [99 * MINUTE, np.nan, np.nan], ["outcomes, row 1", "s1", "an end before its onset"]),
        ("outcomes", "end", ["noon", None, None], ["outcomes.end", "timestamps"]),
        ("outcomes", "recognised", [0.5, np.nan, np.nan], ["outcomes.recognised", "timestamps"]),
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_refused(
    tmp_path: Path, ended: Frames, table: str, column: str, values: list[object], told: list[str]
) -> None:
    ended[table][column] = values
    with pytest.raises(DataError) as error:
        write(tmp_path / "c", ended)
    for text in told:
        assert text in str(error.value)
    assert not (tmp_path / "c").exists()


def test_an_end_at_the_onset_and_a_recognition_long_before_it_are_allowed(tmp_path: Path, ended: Frames) -> None:
    ended["outcomes"]["end"] = ended["outcomes"]["onset"]
    ended["outcomes"]["recognised"] = -HOUR
    times = write(tmp_path / "c", ended).outcome_times("sepsis")
    assert times.end.tolist() == times.onset.tolist()
    assert times.recognised.tolist() == [-HOUR, -HOUR]


def test_an_unknown_word_written_behind_its_back_is_told(tmp_path: Path, ended: Frames) -> None:
    path = write(tmp_path / "c", ended).path
    stays = pd.read_parquet(path / "stays.parquet")
    stays.assign(ended="gone").to_parquet(path / "stays.parquet", index=False)
    with pytest.raises(DataError, match=r'stays\.parquet ended: came "gone"'):
        _ = open_cohort(path).ended
    assert any('"gone"' in str(each) for each in check_cohort(path) if each.level == "error")


def event(frames: Frames, stay: str, onset: float, end: float | None, recognised: float | None = None) -> None:
    """One more outcome; times in hours."""
    row = {"stay_id": stay, "kind": "sepsis", "onset": onset, "end": end, "recognised": recognised}
    table = pd.DataFrame([row]).astype({"end": float, "recognised": float})
    frames["outcomes"] = pd.concat([frames["outcomes"], table], ignore_index=True)


@pytest.fixture
def ward() -> Frames:
    """Six stays of ten hours, three of them with an event; times of outcomes in hours. Nothing odd."""
    ids = [f"s{i}" for i in range(6)]
    stays = pd.DataFrame(
        {"stay_id": ids, "subject_id": ids, "site": "A", "admitted": 0, "discharged": 10 * HOUR,
         "ended": ["home", "home", "died", "home", "lost", "home"]}
    )  # fmt: skip
    events = pd.DataFrame({"stay_id": ids, "time": HOUR, "signal": "spo2", "value": 97.0})
    outcomes = pd.DataFrame(
        {"stay_id": ids[:3], "kind": "sepsis", "onset": [2.0, 3.0, 4.0], "end": [5.0, 10.0, np.nan],
         "recognised": [1.0, np.nan, 33.0]}
    )  # fmt: skip
    return {"events": events, "stays": stays, "outcomes": outcomes}


def told(path: Path, frames: Frames) -> list[tuple[str, str, str, int]]:
    """Level, place, what came and how often, of every finding about ends."""
    for name in ("onset", "end", "recognised"):
        frames["outcomes"][name] *= HOUR
    frames["outcomes"]["onset"] = frames["outcomes"]["onset"].astype(np.int64)
    return [(each.level, each.where, each.came, each.count) for each in endings(write(path, frames))]


def test_ends_as_they_should_be_are_not_told(tmp_path: Path, ward: Frames) -> None:
    event(ward, "s0", 5, 6)  # sets in as the one before is over
    assert told(tmp_path / "c", ward) == []


@pytest.mark.parametrize(
    ("change", "wanted"),
    [
        (lambda f: f["outcomes"].update(pd.DataFrame({"end": [5.0, 10.1]})),
         ("warning", "outcomes, sepsis, stay s1", "1 events that end after the discharge", 1)),
        (lambda f: (event(f, "s0", 4.9, 6), event(f, "s1", 9, 10)),
         ("warning", "outcomes, sepsis, stay s0, and others", "2 onsets before the end of an earlier event", 2)),
        (lambda f: (event(f, "s0", 2.5, 3), event(f, "s0", 4, 4.5)),  # the first goes on after the second is over
         ("warning", "outcomes, sepsis, stay s0, and others", "2 onsets before the end of an earlier event", 2)),
        (lambda f: event(f, "s2", 8, 9), ("note", "outcomes, sepsis, stay s2", "1 onsets after an event without an end", 1)),
        (lambda f: f["outcomes"].update(pd.DataFrame({"recognised": [-24.1, np.nan, 34.1]})),
         ("warning", "outcomes, sepsis, stay s0, and others", "2 events recognised more than 24 h outside the stay", 2)),
        (lambda f: f["stays"].update(pd.DataFrame({"ended": ["lost"] * 5 + ["died"]})),
         ("warning", "stays.ended", "no stay that ended well (1 died, the others are lost)", 6)),
    ],
)  # fmt: skip
def test_each_odd_end_is_found_and_counted(
    tmp_path: Path, ward: Frames, change: Callable[[Frames], object], wanted: tuple[str, str, str, int]
) -> None:
    change(ward)
    assert told(tmp_path / "c", ward) == [wanted]


def test_several_onsets_without_any_end_are_nothing_odd(tmp_path: Path, ward: Frames) -> None:
    ward["outcomes"]["end"] = np.nan
    event(ward, "s2", 8, None)
    assert told(tmp_path / "c", ward) == []


def test_the_check_counts_how_stays_ended_and_tells_what_is_odd(tmp_path: Path, ward: Frames) -> None:
    ward["outcomes"].loc[0, "end"] = 11
    assert told(tmp_path / "c", ward)
    seen = check(tmp_path / "c")
    assert seen["ended"] == {"home": 4, "lost": 1, "died": 1}
    assert [each["count"] for each in seen["findings"] if "end after the discharge" in each["came"]] == [1]


def test_how_a_stay_ended_is_no_leak(tmp_path: Path, ward: Frames) -> None:
    ward["stays"]["ended"] = ["died"] * 3 + ["home"] * 3
    assert told(tmp_path / "c", ward) == []
    assert "stays.ended" not in {leak.what for leak in leaks(open_cohort(tmp_path / "c"))}
