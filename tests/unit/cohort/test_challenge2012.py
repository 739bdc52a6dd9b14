"""The 2012 challenge: minutes, missing codes, weights, deaths, and every way in which a file can be wrong."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from vitals.cohort.challenge2012 import END, MINUTE, SIGNALS, T0, import_challenge2012
from vitals.cohort.store import Cohort
from vitals.errors import DataError
from vitals.signals import catalogue


def samples_of(cohort: Cohort) -> list[tuple[str, int, str, float]]:
    """Every sample as stay, minute, signal, value."""
    ids = cohort.stays["stay_id"].tolist()
    return [
        (ids[stay], (time - T0) // MINUTE, each.names[code], round(float(value), 4))
        for each in cohort.samples()
        for stay, time, code, value in zip(
            each.stay.tolist(), each.time.tolist(), each.signal.tolist(), each.value.tolist(), strict=True
        )
    ]


def as_parquet(folder: Path, target: Path) -> Path:
    """The text files as ``events.parquet`` and ``outcomes.parquet``."""
    target.mkdir()
    frames = []
    for path in sorted((folder / "set-a").glob("*.txt")):
        frame = pd.read_csv(path).iloc[1:]
        minutes = frame["Time"].str.slice(0, 2).astype(int) * 60 + frame["Time"].str.slice(3).astype(int)
        table = {"record_id": np.int32(path.stem), "set": "a", "minutes": minutes.astype(np.int16)}
        frames.append(
            pd.DataFrame({**table, "parameter": frame["Parameter"], "value": frame["Value"].astype(np.float32)})
        )
    pd.concat(frames).to_parquet(target / "events.parquet", index=False)
    outcomes = pd.read_csv(folder / "Outcomes-a.txt").rename(columns={"RecordID": "record_id"})
    outcomes.to_parquet(target / "outcomes.parquet", index=False)
    return target


def test_text_files_become_stays_samples_and_outcomes(tmp_path: Path, assets: Path) -> None:
    cohort = import_challenge2012(assets / "challenge2012", tmp_path / "c")
    assert cohort.stays["stay_id"].tolist() == cohort.stays["subject_id"].tolist() == ["1001", "1002"]
    assert cohort.stays["set"].tolist() == ["a", "a"]
    assert cohort.admitted.tolist() == [T0, T0]
    assert (cohort.discharged - cohort.admitted).tolist() == [48 * 60 * MINUTE] * 2
    demographics = cohort.stays[["age", "sex", "height", "icu_type", "weight"]].to_numpy()
    np.testing.assert_allclose(demographics, [[54, 0, np.nan, 4, np.nan], [76, 1, 175.3, 2, 76]], rtol=1e-6)
    assert samples_of(cohort) == [
        ("1001", 7, "gcs", 15.0), ("1001", 7, "heart_rate", 73.0), ("1001", 187, "weight", 81.5),
        ("1001", 2880, "potassium", 4.1), ("1002", 71, "nibp_sys", 118.0), ("1002", 71, "urine", 0.0),
    ]  # fmt: skip
    assert [each.tolist() for each in cohort.onsets("death")] == [[1], [END]]


def test_parquet_and_text_of_the_same_records_are_the_same_cohort(tmp_path: Path, assets: Path) -> None:
    text = import_challenge2012(assets / "challenge2012", tmp_path / "a")
    parquet = import_challenge2012(as_parquet(assets / "challenge2012", tmp_path / "p"), tmp_path / "b")
    assert text.digest == parquet.digest


def test_every_parameter_is_a_signal_of_the_catalogue() -> None:
    assert set(SIGNALS.values()) <= set(catalogue())


def test_a_record_with_demographics_alone_is_kept(tmp_path: Path, assets: Path) -> None:
    path = assets / "challenge2012" / "set-a" / "1002.txt"
    path.write_text("\n".join(path.read_text().splitlines()[:7]) + "\n")
    cohort = import_challenge2012(assets / "challenge2012", tmp_path / "c")
    assert cohort.stays["samples"].tolist() == [4, 0]


def replace(old: str, new: str) -> Callable[[str], str]:
    def edit(text: str) -> str:
        assert old in text
        return text.replace(old, new)

    return edit


@pytest.mark.parametrize(
    ("edit", "told"),
    [
        (lambda _: "", ["1002.txt", "an empty file"]),
        (lambda _: "Time,Parameter,Value\n", ["1002.txt", "no row below"]),
        (replace("Time,Parameter,Value", "Time,Parameter"), ["1002.txt, line 1", "header"]),
        (replace("RecordID,1002", "RecordID,1003"), ["1002.txt, line 2", "RecordID 1003", "RecordID 1002"]),
        (replace("00:00,RecordID,1002\n", ""), ["1002.txt, line 2", "Age"]),
        (replace("01:11,Urine,0", "01:11,Urine"), ["1002.txt, line 9", "2 values", "3 values"]),
        (replace("NISysABP", "NISysBP"), ["1002.txt, line 8", '"NISysBP"', 'did you mean "NISysABP"?']),
        (replace("NISysABP,118", "NISysABP,null"), ["1002.txt, line 8, column Value", '"null"']),
        (replace("NISysABP,118", "NISysABP,NaN"), ["1002.txt, line 8", "nan", "finite"]),
        (replace("NISysABP,118", "NISysABP,inf"), ["1002.txt, line 8", "inf", "finite"]),
        (replace("01:11,NISysABP", "1:11,NISysABP"), ["1002.txt, line 8, column Time", '"1:11"']),
        (replace("01:11,NISysABP", "01:61,NISysABP"), ["1002.txt, line 8, column Time", '"01:61"']),
        (replace("01:11,Urine", "01:10,Urine"), ["1002.txt, line 9", "minute 70 after minute 71", "run forwards"]),
        (replace("01:11,Urine,0", "01:11,Age,77"), ["1002.txt, line 9", "Age once"]),
    ],
)
def test_a_wrong_record_says_where_what_and_the_cure(
    tmp_path: Path, assets: Path, edit: Callable[[str], str], told: list[str]
) -> None:
    path = assets / "challenge2012" / "set-a" / "1002.txt"
    path.write_text(edit(path.read_text()))
    with pytest.raises(DataError) as error:
        import_challenge2012(assets / "challenge2012", tmp_path / "c")
    for text in told:
        assert text in str(error.value)
    assert error.value.cure
    assert not (tmp_path / "c").exists()


@pytest.mark.parametrize(
    ("edit", "told"),
    [
        (replace("1002,16,8,8,7,1\n", ""), ["record 1002", "no row"]),
        (replace("8,7,1\n", "8,7,2\n"), ["Outcomes-a.txt, row 2", "In-hospital_death", "0 or 1"]),
        (replace("In-hospital_death", "death"), ["Outcomes-a.txt", 'no column "In-hospital_death"']),
        (lambda _: "", ["Outcomes-a.txt"]),
    ],
)
def test_wrong_outcomes_say_where_what_and_the_cure(
    tmp_path: Path, assets: Path, edit: Callable[[str], str], told: list[str]
) -> None:
    path = assets / "challenge2012" / "Outcomes-a.txt"
    path.write_text(edit(path.read_text()))
    with pytest.raises(DataError) as error:
        import_challenge2012(assets / "challenge2012", tmp_path / "c")
    for text in told:
        assert text in str(error.value)


def test_nothing_to_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such folder"):
        import_challenge2012(tmp_path / "nowhere", tmp_path / "c")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="0 records and 0 tables"):
        import_challenge2012(tmp_path / "empty", tmp_path / "c")


def test_a_wrong_parquet_says_where(tmp_path: Path, assets: Path) -> None:
    folder = as_parquet(assets / "challenge2012", tmp_path / "p")
    good = pd.read_parquet(folder / "events.parquet")
    spoilt = good.copy()
    spoilt.loc[6, "parameter"] = "Pulse"
    no_value = good.astype({"value": "float64"})
    no_value.loc[2, "value"] = None
    for frame, told in (
        (good.drop(columns="minutes"), 'a column "minutes"'),
        (spoilt, r"row 7 \(record 1001\).*Pulse"),
        (no_value, "row 3, column value"),
        (good.iloc[:0], "no row"),
        (pd.concat([good, good.iloc[:3]]), "seen before"),
    ):
        frame.to_parquet(folder / "events.parquet", index=False)
        with pytest.raises(DataError, match=told):
            import_challenge2012(folder, tmp_path / "c")
    (folder / "events.parquet").write_bytes(b"PAR1")
    with pytest.raises(DataError, match="cut short"):
        import_challenge2012(folder, tmp_path / "c")
