"""The cohort folder: what is written is read again, and what cannot be a cohort is refused."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from vitals.cohort.store import Cohort, open_cohort, write_cohort
from vitals.cohort.tables import Samples
from vitals.cohort.writing import About, Part, write_parts
from vitals.errors import DataError
from vitals.spec.settings import Settings

MINUTE = 60_000_000
Frames = dict[str, pd.DataFrame]
SETTINGS = Settings.from_tables(
    {
        "name": "x",
        "window": {"step": "60min"},
        "label": {"kind": "sepsis", "horizon": "6h"},
        "signals": {"heart_rate": {}, "spo2": {}},
        "demographics": ["age", "sex"],
    }
)


def write(path: Path, frames: Frames, **more: str) -> Cohort:
    return write_cohort(path, **frames, source="a test", licence="CC0", **more)


def test_what_is_written_is_read_again(tmp_path: Path, frames: Frames) -> None:
    cohort = write(tmp_path / "c", frames)
    assert cohort.stays["stay_id"].tolist() == ["s1", "s2"]
    assert cohort.stays["samples"].tolist() == [3, 1]
    assert cohort.stays["note"].tolist() == ["x", "y"]
    assert cohort.admitted.tolist() == [0, 60 * MINUTE]
    assert cohort.discharged.tolist() == [120 * MINUTE, 180 * MINUTE]
    assert [each.tolist() for each in cohort.onsets("sepsis")] == [[0], [100 * MINUTE]]
    assert len(cohort.onsets("death")[0]) == 0
    assert cohort.manifest["signals"] == {"heart_rate": 2, "sbp": 1, "spo2": 1}
    assert cohort.manifest["sites"] == {"A": 1, "B": 1}
    stored = pd.read_parquet(tmp_path / "c" / "events.parquet")
    assert list(stored.columns) == ["stay_id", "time", "signal", "value"]
    assert stored["stay_id"].astype(str).tolist() == ["s1", "s1", "s1", "s2"]


def test_samples_are_in_the_order_of_stays_and_of_time(tmp_path: Path, frames: Frames) -> None:
    samples = next(write(tmp_path / "c", frames).samples())
    assert samples.stay.tolist() == [0, 0, 0, 1]
    assert (samples.time // MINUTE).tolist() == [5, 10, 10, 90]
    names = [samples.names[code] for code in samples.signal]
    assert names == ["heart_rate", "heart_rate", "sbp", "spo2"]


def test_arrival_orders_the_samples_where_it_is_known(tmp_path: Path, frames: Frames) -> None:
    frames["events"]["arrival"] = np.array([90, 10, 30, 20]) * MINUTE
    samples = next(write(tmp_path / "c", frames).samples())
    assert samples.arrival is not None
    assert (samples.arrival // MINUTE).tolist() == [10, 20, 30, 90]
    assert (samples.time // MINUTE).tolist() == [10, 10, 5, 90]


def test_events_hold_demographics_first_and_leave_out_what_is_not_asked_for(tmp_path: Path, frames: Frames) -> None:
    events = write(tmp_path / "c", frames).events(SETTINGS)
    assert events.bed.tolist() == [0, 0, 0, 1]
    assert events.signal.tolist() == [2, 0, 0, 1]  # age, heart rate twice, SpO2; no blood pressure, no unknown age
    assert (events.time // MINUTE).tolist() == [0, 5, 10, 90]
    assert events.value.tolist() == [70.0, 75.0, 80.0, 97.0]
    assert (events.bed.dtype, events.time.dtype, events.signal.dtype, events.value.dtype) == (
        np.int32, np.int64, np.int16, np.float32,
    )  # fmt: skip


def many(tmp_path: Path, stays: int = 200, seed: int = 3) -> Cohort:
    """A cohort whose row groups are small, so that slices cut through them."""
    random = np.random.default_rng(seed)
    parts = []
    for begin in range(0, stays, 7):
        ids = [f"s{i}" for i in range(begin, min(begin + 7, stays))]
        count = random.integers(0, 12, len(ids))
        stay = np.repeat(np.arange(len(ids), dtype=np.int32), count)
        time = random.integers(0, 100, len(stay)) * MINUTE
        signal = random.integers(0, 3, len(stay)).astype(np.int16)
        samples = Samples(
            stay, time, signal, random.normal(80, 5, len(stay)).astype(np.float32), ("sbp", "spo2", "heart_rate")
        )
        age = np.where(random.random(len(ids)) < 0.5, 60.0, np.nan)
        table = pd.DataFrame(
            {"stay_id": ids, "subject_id": ids, "site": "A", "admitted": 0, "discharged": 100 * MINUTE, "age": age}
        )
        parts.append(Part(table, pd.DataFrame({"stay_id": ids[:1], "kind": "sepsis", "onset": 50 * MINUTE}), samples))
    write_parts(tmp_path / "many", parts, About("a test", "CC0"))
    return open_cohort(tmp_path / "many")


@pytest.mark.parametrize(
    ("start", "stop"), [(0, None), (0, 0), (0, 1), (13, 14), (5, 150), (190, 500), (199, None), (60, 40)]
)
def test_events_of_some_stays_are_those_rows_of_the_events_of_all(tmp_path: Path, start: int, stop: int | None) -> None:
    cohort = many(tmp_path)
    whole, some = cohort.events(SETTINGS), cohort.events(SETTINGS, start, stop)
    first, last, _ = slice(start, stop).indices(len(cohort))
    mine = (whole.bed >= first) & (whole.bed < last)
    assert some.bed.tolist() == (whole.bed[mine] - first).tolist()
    for name in ("time", "signal", "value"):
        assert getattr(some, name).tolist() == getattr(whole, name)[mine].tolist()


def test_events_equal_a_plain_loop_over_the_table(tmp_path: Path) -> None:
    cohort = many(tmp_path)
    stored = pd.read_parquet(cohort.path / "events.parquet")
    wanted = []
    for bed, stay in enumerate(cohort.stays.itertuples()):
        if not np.isnan(stay.age):
            wanted.append((bed, 0, 2, stay.age))
        wanted += [
            (bed, row.time.value // 1000, ("heart_rate", "spo2").index(row.signal), row.value)
            for row in stored[stored["stay_id"].astype(str) == stay.stay_id].itertuples()
            if row.signal in ("heart_rate", "spo2")
        ]
    events = cohort.events(SETTINGS)
    found = list(
        zip(events.bed.tolist(), events.time.tolist(), events.signal.tolist(), events.value.tolist(), strict=True)
    )
    assert found == wanted


def test_the_same_content_has_the_same_digest_however_it_is_cut(tmp_path: Path, frames: Frames) -> None:
    whole = write(tmp_path / "a", frames)
    again = write(tmp_path / "b", {name: frame.copy() for name, frame in frames.items()})
    assert whole.digest == again.digest
    pieces = []
    for stay, names in (("s1", ("sbp", "heart_rate")), ("s2", ("spo2",))):
        mine = frames["events"][frames["events"]["stay_id"] == stay]
        code = np.array([names.index(name) for name in mine["signal"]], np.int16)
        zeros, time = np.zeros(len(mine), np.int32), mine["time"].to_numpy()
        pieces.append(
            Part(
                frames["stays"][frames["stays"]["stay_id"] == stay],
                frames["outcomes"][frames["outcomes"]["stay_id"] == stay],
                Samples(zeros, time, code, mine["value"].to_numpy(np.float32), names),
            )
        )
    write_parts(tmp_path / "c", pieces, About("a test", "CC0"))
    assert open_cohort(tmp_path / "c").digest == whole.digest


@pytest.mark.parametrize(
    ("table", "row", "column", "value"),
    [("events", 0, "value", 97.5), ("events", 0, "time", 91 * MINUTE), ("events", 0, "signal", "etco2"),
     ("stays", 0, "age", 71.0), ("stays", 1, "note", "z"), ("outcomes", 0, "onset", 99 * MINUTE)],
)  # fmt: skip
def test_any_change_changes_the_digest(
    tmp_path: Path, frames: Frames, table: str, row: int, column: str, value: object
) -> None:
    before = write(tmp_path / "a", frames).digest
    frames[table].loc[row, column] = value
    assert write(tmp_path / "b", frames).digest != before


def spoil(table: str, column: str, row: int, value: object) -> Callable[[Frames], None]:
    def change(frames: Frames) -> None:
        frames[table][column] = frames[table][column].astype(object)
        frames[table].loc[row, column] = value
        frames[table][column] = frames[table][column].infer_objects()

    return change


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda f: f.update(events=f["events"].drop(columns="value")), ["events", 'no column "value"']),
        (lambda f: f.update(stays=f["stays"].rename(columns={"site": "sit"})), ["stays", "site", 'did you mean "sit"?']),
        (spoil("events", "signal", 1, "heartrate"), ["events.signal", '"heartrate"', "heart_rate"]),
        (spoil("events", "value", 1, np.nan), ["stay s1", "heart_rate", "nan", "finite numbers"]),
        (spoil("events", "value", 1, np.inf), ["stay s1", "inf"]),
        (spoil("events", "stay_id", 3, "s9"), ["events, row 4", 's9', "stays"]),
        (spoil("stays", "stay_id", 1, "s1"), ["stays, row 2", "seen before"]),
        (spoil("stays", "subject_id", 1, "p1"), ["subject_id", 'patient "p1" in sites A, B', "one site"]),
        (spoil("stays", "subject_id", 0, None), ["stays.subject_id, row 1", "nothing"]),
        (spoil("stays", "discharged", 0, -1), ["stays, row 1", "discharged before admitted"]),
        (spoil("stays", "age", 0, np.inf), ["stays.age, row 1", "infinite"]),
        (spoil("stays", "age", 0, "old"), ["stays.age", "old", "numbers"]),
        (spoil("outcomes", "stay_id", 0, "s9"), ["outcomes, row 1", "s9"]),
        (spoil("outcomes", "onset", 0, 121 * MINUTE), ["outcomes, row 1", "s1", "after discharge", "onset_slack"]),
        (lambda f: f.update(stays=f["stays"].iloc[:0], events=f["events"].iloc[:0]), ["stays", "no stay"]),
    ],
)  # fmt: skip
def test_what_no_cohort_can_mean_is_refused_and_nothing_is_written(
    tmp_path: Path, frames: Frames, change: Callable[[Frames], None], told: list[str]
) -> None:
    change(frames)
    with pytest.raises(DataError) as error:
        write(tmp_path / "c", frames)
    for text in told:
        assert text in str(error.value)
    assert list(tmp_path.iterdir()) == []


def test_onset_slack_lets_an_onset_lie_after_the_discharge(tmp_path: Path, frames: Frames) -> None:
    frames["outcomes"].loc[0, "onset"] = 180 * MINUTE
    assert write(tmp_path / "c", frames, onset_slack="1h").onset_slack.text == "1h"
    frames["outcomes"].loc[0, "onset"] = 180 * MINUTE + 1
    with pytest.raises(DataError, match="after discharge"):
        write(tmp_path / "d", frames, onset_slack="1h")


def test_timestamps_with_and_without_a_zone_are_utc(tmp_path: Path, frames: Frames) -> None:
    plain = write(tmp_path / "a", frames)
    for frame, columns in ((frames["events"], ["time"]), (frames["stays"], ["admitted", "discharged"])):
        for column in columns:
            frame[column] = pd.to_datetime(frame[column], unit="us")
    frames["outcomes"]["onset"] = pd.to_datetime(frames["outcomes"]["onset"], unit="us", utc=True).dt.tz_convert(
        "Asia/Tokyo"
    )
    assert write(tmp_path / "b", frames).digest == plain.digest


def test_a_destination_with_other_things_in_it_is_left_alone(tmp_path: Path, frames: Frames) -> None:
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "thesis.txt").write_text("mine")
    with pytest.raises(DataError, match="other things in it"):
        write(tmp_path / "c", frames)
    assert (tmp_path / "c" / "thesis.txt").read_text() == "mine"
    (tmp_path / "f").write_text("mine too")
    with pytest.raises(DataError, match="a file"):
        write(tmp_path / "f", frames)


def test_an_older_cohort_and_an_empty_folder_are_replaced(tmp_path: Path, frames: Frames) -> None:
    (tmp_path / "c").mkdir()
    old = write(tmp_path / "c", frames)
    frames["events"].loc[0, "value"] = 90.0
    new = write(tmp_path / "c", frames)
    assert old.digest != new.digest
    assert [path.name for path in tmp_path.iterdir()] == ["c"]


def test_a_file_beside_the_tables_of_an_older_cohort_is_left_alone(tmp_path: Path, frames: Frames) -> None:
    old = write(tmp_path / "c", frames)
    (tmp_path / "c" / "thesis.txt").write_text("mine")
    frames["events"].loc[0, "value"] = 90.0
    with pytest.raises(DataError, match=r"thesis\.txt in it; .*; move it elsewhere, or name another destination"):
        write(tmp_path / "c", frames)
    (tmp_path / "c" / "plots").mkdir()
    with pytest.raises(DataError, match="2 other things in it, such as plots"):
        write(tmp_path / "c", frames)
    assert (tmp_path / "c" / "thesis.txt").read_text() == "mine"
    assert open_cohort(tmp_path / "c").digest == old.digest
    assert [path.name for path in tmp_path.iterdir()] == ["c"]


def test_a_file_that_comes_while_an_import_runs_is_left_alone(tmp_path: Path, frames: Frames) -> None:
    old = write(tmp_path / "c", frames)

    def parts() -> Iterator[Part]:
        (tmp_path / "c" / "thesis.txt").write_text("mine")
        samples = Samples(
            np.zeros(1, np.int32), np.zeros(1, np.int64), np.zeros(1, np.int16), np.ones(1, np.float32), ("sbp",)
        )
        yield Part(frames["stays"].iloc[:1], frames["outcomes"], samples)

    with pytest.raises(DataError, match=r"thesis\.txt"):
        write_parts(tmp_path / "c", parts(), About("a test", "CC0"))
    assert open_cohort(tmp_path / "c").digest == old.digest
    assert [path.name for path in tmp_path.iterdir()] == ["c"]


def test_a_failed_import_leaves_the_older_cohort_as_it_was(tmp_path: Path, frames: Frames) -> None:
    old = write(tmp_path / "c", frames)
    frames["events"].loc[0, "value"] = np.nan
    with pytest.raises(DataError):
        write(tmp_path / "c", frames)
    assert open_cohort(tmp_path / "c").digest == old.digest
    assert [path.name for path in tmp_path.iterdir()] == ["c"]


def test_folders_that_are_no_cohort_say_so(tmp_path: Path, frames: Frames) -> None:
    with pytest.raises(DataError, match="no such folder"):
        open_cohort(tmp_path / "nowhere")
    with pytest.raises(DataError, match=r"without cohort\.json"):
        open_cohort(tmp_path)
    manifest = write(tmp_path / "c", frames).path / "cohort.json"
    good = manifest.read_text()
    for text, told in (
        ("{", "the manifest of a cohort"),
        ("{}", "format"),
        (good.replace('"format": 1', '"format": 9'), "format 9"),
    ):
        manifest.write_text(text)
        with pytest.raises(DataError, match=told):
            open_cohort(tmp_path / "c")


@pytest.mark.parametrize("name", ["events", "stays", "outcomes"])
@pytest.mark.parametrize("keep", [0, 0.5, 0.95])
def test_a_truncated_or_empty_parquet_file_says_which(tmp_path: Path, frames: Frames, name: str, keep: float) -> None:
    path = write(tmp_path / "c", frames).path / f"{name}.parquet"
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * keep)])
    with pytest.raises(DataError, match=rf"{name}\.parquet") as error:
        open_cohort(tmp_path / "c")
    assert ("empty file" if keep == 0 else "cut short") in str(error.value)
    path.unlink()
    with pytest.raises(DataError, match="no such file"):
        open_cohort(tmp_path / "c")


def test_damage_inside_the_samples_is_told_when_they_are_read(tmp_path: Path) -> None:
    cohort = many(tmp_path)
    path = cohort.path / "events.parquet"
    data = bytearray(path.read_bytes())
    data[4 : len(data) // 2] = bytes(len(data) // 2 - 4)
    path.write_bytes(bytes(data))
    with pytest.raises(DataError, match=r"events\.parquet"):
        open_cohort(cohort.path).events(SETTINGS)


def test_events_of_another_cohort_are_noticed(tmp_path: Path, frames: Frames) -> None:
    one = write(tmp_path / "a", frames)
    frames["events"] = frames["events"].iloc[:-1]
    other = write(tmp_path / "b", frames)
    (one.path / "events.parquet").write_bytes((other.path / "events.parquet").read_bytes())
    with pytest.raises(DataError, match=r"3 rows, while stays\.parquet counts 4"):
        open_cohort(one.path)


def test_a_folder_spoilt_by_hand_is_noticed(tmp_path: Path, frames: Frames) -> None:
    path = write(tmp_path / "c", frames).path
    stays, outcomes = (pd.read_parquet(path / f"{name}.parquet") for name in ("stays", "outcomes"))
    outcomes.assign(stay_id="s9").to_parquet(path / "outcomes.parquet")
    with pytest.raises(DataError, match=r'outcomes\.parquet: came stay "s9"'):
        open_cohort(path).onsets("sepsis")
    stays.drop(columns="samples").to_parquet(path / "stays.parquet")
    with pytest.raises(DataError, match='no column "samples"'):
        open_cohort(path)
    stays.assign(stay_id="s1").to_parquet(path / "stays.parquet")
    with pytest.raises(DataError, match=r'stays\.parquet: came stay "s1" seen before'):
        open_cohort(path)


def test_the_manifest_is_plain_json_with_source_and_licence(tmp_path: Path, frames: Frames) -> None:
    manifest = json.loads((write(tmp_path / "c", frames).path / "cohort.json").read_text())
    assert (manifest["source"], manifest["licence"], manifest["onset_slack"]) == ("a test", "CC0", "0h")
    assert len(manifest["digest"]) == 64
