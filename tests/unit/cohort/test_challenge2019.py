"""The 2019 challenge: times, names, labels, and every way in which a file can be wrong."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from vitals.cohort.challenge2019 import HOUR, T0, import_challenge2019
from vitals.cohort.hourly import COLUMNS, DEMOGRAPHIC_COLUMNS, SIGNAL_COLUMNS
from vitals.cohort.store import Cohort
from vitals.errors import DataError
from vitals.signals import catalogue

A, B = "training_setA/p000001.psv", "training_setB/p100001.psv"


def samples_of(cohort: Cohort) -> list[tuple[str, int, str, float]]:
    """Every sample as stay, hour since T0, signal, value."""
    ids = cohort.stays["stay_id"].tolist()
    return [
        (ids[stay], (time - T0) // HOUR, each.names[code], round(float(value), 4))
        for each in cohort.samples()
        for stay, time, code, value in zip(
            each.stay.tolist(), each.time.tolist(), each.signal.tolist(), each.value.tolist(), strict=True
        )
    ]


def test_psv_files_become_stays_samples_and_outcomes(tmp_path: Path, assets: Path) -> None:
    cohort = import_challenge2019([assets / "challenge2019"], tmp_path / "c")
    stays = cohort.stays
    assert stays["stay_id"].tolist() == stays["subject_id"].tolist() == ["p000001", "p100001"]
    assert stays["site"].tolist() == ["A", "B"]
    assert ((cohort.admitted - T0) // HOUR).tolist() == [0, 2]
    assert ((cohort.discharged - T0) // HOUR).tolist() == [3, 6]
    assert stays["icu_hours"].tolist() == [0, 2]
    demographics = stays[["age", "sex", "unit_micu", "unit_sicu", "hospital_hours"]].to_numpy()
    np.testing.assert_allclose(demographics, [[70.5, 1, 0, 1, 2.5], [55, 0, np.nan, np.nan, 0.02]], rtol=1e-6)
    assert samples_of(cohort) == [
        ("p000001", 2, "heart_rate", 80.0), ("p000001", 2, "spo2", 97.0), ("p000001", 3, "heart_rate", 82.0),
        ("p000001", 3, "temperature", 37.2), ("p100001", 3, "heart_rate", 95.0), ("p100001", 3, "etco2", 33.0),
        ("p100001", 4, "heart_rate", 99.0), ("p100001", 4, "lactate", 2.4), ("p100001", 5, "heart_rate", 110.0),
        ("p100001", 5, "fio2", 0.5),
    ]  # fmt: skip
    stay, onset = cohort.onsets("sepsis")
    assert stay.tolist() == [1]
    assert ((onset - T0) // HOUR).tolist() == [5 + 6]
    assert cohort.onset_slack.text == "6h"


def as_parquet(paths: list[Path], target: Path) -> Path:
    """The same files as one ``hospital_X.parquet``, in its types."""
    frames = [pd.read_csv(path, sep="|").assign(patient_id=int(path.stem[1:])) for path in paths]
    frame = pd.concat(frames, ignore_index=True)
    types = {name: pa.float32() for name in (*SIGNAL_COLUMNS, "Age", "HospAdmTime")}
    types |= {name: pa.int8() for name in ("Gender", "Unit1", "Unit2", "SepsisLabel")}
    types |= {"patient_id": pa.int32(), "ICULOS": pa.int16()}
    table = pa.Table.from_pandas(frame[["patient_id", *COLUMNS]], schema=pa.schema(types), preserve_index=False)
    pq.write_table(table, target)
    return target


def test_parquet_and_psv_of_the_same_patients_are_the_same_cohort(tmp_path: Path, assets: Path) -> None:
    psv = import_challenge2019([assets / "challenge2019"], tmp_path / "psv")
    for name, file in (("A", A), ("B", B)):
        as_parquet([assets / "challenge2019" / file], tmp_path / f"hospital_{name}.parquet")
    files = sorted(tmp_path.glob("*.parquet"))
    assert import_challenge2019(files, tmp_path / "files").digest == psv.digest
    assert import_challenge2019([tmp_path], tmp_path / "folder").digest == psv.digest
    mixed = [tmp_path / "hospital_A.parquet", assets / "challenge2019" / "training_setB"]
    assert import_challenge2019(mixed, tmp_path / "mixed").digest == psv.digest


def test_sites_come_from_the_names(tmp_path: Path, assets: Path) -> None:
    source = assets / "challenge2019"
    (source / "training_setA").rename(source / "training")
    (source / "training_setB").rename(source / "st-elsewhere")
    cohort = import_challenge2019([source / "training", source / "st-elsewhere"], tmp_path / "c")
    assert cohort.stays["site"].tolist() == ["A", "st-elsewhere"]
    file = import_challenge2019([source / "training" / "p000001.psv"], tmp_path / "d")
    assert file.stays["site"].tolist() == ["A"]


def test_every_column_is_a_signal_of_the_catalogue() -> None:
    vitals_and_labs = {name for name, entry in catalogue().items() if entry.kind != "demographic"}
    assert set(SIGNAL_COLUMNS.values()) <= vitals_and_labs
    assert len(set(SIGNAL_COLUMNS.values())) == 34
    assert all(catalogue()[name].kind == "demographic" for name in DEMOGRAPHIC_COLUMNS.values())


def test_a_stay_with_one_row_is_one_step(tmp_path: Path, assets: Path) -> None:
    path = assets / "challenge2019" / B
    path.write_text("\n".join(path.read_text().splitlines()[:2]) + "\n")
    cohort = import_challenge2019([path], tmp_path / "c")
    assert (cohort.discharged - cohort.admitted).tolist() == [HOUR]


def test_windows_line_ends_and_a_missing_last_one_change_nothing(tmp_path: Path, assets: Path) -> None:
    path = assets / "challenge2019" / A
    before = import_challenge2019([path], tmp_path / "a").digest
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert import_challenge2019([path], tmp_path / "b").digest == before
    path.write_bytes(path.read_bytes().rstrip())
    assert import_challenge2019([path], tmp_path / "c").digest == before


def test_progress_ends_at_the_whole(tmp_path: Path, assets: Path) -> None:
    calls: list[tuple[int, int, str]] = []
    import_challenge2019([assets / "challenge2019"], tmp_path / "c", lambda *call: calls.append(call))
    assert [call[2] for call in calls] == ["hospital A", "hospital B"]
    assert calls[-1][0] == calls[-1][1] > 0


def line(number: int, change: Callable[[list[str], list[str]], list[str]]) -> Callable[[str], str]:
    """Change the cells of one line, counted from 1 as editors do."""

    def edit(text: str) -> str:
        lines = text.splitlines()
        cells = change(lines[number - 1].split("|"), lines[0].split("|"))
        return "\n".join([*lines[: number - 1], "|".join(cells), *lines[number:]]) + "\n"

    return edit


def cell(number: int, column: str, value: str) -> Callable[[str], str]:
    return line(
        number, lambda cells, names: [value if name == column else c for c, name in zip(cells, names, strict=True)]
    )


def without(column: str) -> Callable[[str], str]:
    def edit(text: str) -> str:
        rows = [row.split("|") for row in text.splitlines()]
        at = rows[0].index(column)
        return "\n".join("|".join(row[:at] + row[at + 1 :]) for row in rows) + "\n"

    return edit


@pytest.mark.parametrize(
    ("edit", "told"),
    [
        (lambda _: "", ["p100001.psv", "an empty file"]),
        (lambda text: text.splitlines()[0] + "\n", ["p100001.psv", "no row below"]),
        (line(4, lambda cells, _: cells[:-3]), ["p100001.psv, line 4", "38 values", "41 values", "mend"]),
        (line(3, lambda cells, _: [*cells, "1"]), ["p100001.psv, line 3", "42 values", "41 values"]),
        (lambda text: text.replace("\n", "\n\n", 2), ["p100001.psv, line 2", "1 values"]),
        (without("Lactate"), ["p100001.psv", 'no column "Lactate"']),
        (lambda text: text.replace("EtCO2", "etCO2"), ["p100001.psv", 'no column "EtCO2"', 'did you mean "etCO2"?']),
        (lambda text: "\n".join(row + "|1" for row in text.replace("SepsisLabel", "SepsisLabel|Sex").splitlines()),
         ["p100001.psv", "column Sex", "unknown column"]),
        (cell(3, "HR", "null"), ["p100001.psv, line 3, column HR", '"null"', "NaN"]),
        (cell(3, "HR", ""), ["p100001.psv, line 3, column HR", '""']),
        (cell(3, "Temp", "inf"), ["p100001.psv, line 3", "Temp", "inf", "finite"]),
        (cell(3, "Temp", "-Infinity"), ["p100001.psv, line 3", "Temp", "-inf"]),
        (cell(4, "ICULOS", "3"), ["p100001.psv, line 4, column ICULOS", "3 (after 4)", "run forwards"]),
        (cell(4, "ICULOS", "4"), ["p100001.psv, line 4, column ICULOS", "4 (after 4)", "run forwards"]),
        (cell(5, "ICULOS", "8"), ["p100001.psv, line 5, column ICULOS", "8 (after 5)", "every hour"]),
        (cell(4, "ICULOS", "NaN"), ["p100001.psv, line 4, column ICULOS", "nan", "whole hours"]),
        (cell(4, "ICULOS", "4.5"), ["p100001.psv, line 4, column ICULOS", "4.5", "whole hours"]),
        (cell(3, "SepsisLabel", "NaN"), ["p100001.psv, line 3, column SepsisLabel", "nan", "0 or 1"]),
        (cell(5, "SepsisLabel", "0"), ["p100001.psv, line 5, column SepsisLabel", "stays 1"]),
        (cell(3, "Age", "56"), ["p100001.psv, line 3", "demographic", "one value for the whole stay"]),
    ],
)  # fmt: skip
def test_a_wrong_psv_says_where_what_and_the_cure(
    tmp_path: Path, assets: Path, edit: Callable[[str], str], told: list[str]
) -> None:
    path = assets / "challenge2019" / B
    path.write_text(edit(path.read_text()))
    with pytest.raises(DataError) as error:
        import_challenge2019([path], tmp_path / "c")
    for text in told:
        assert text in str(error.value)
    assert error.value.cure
    assert not (tmp_path / "c").exists()


def test_the_line_is_right_among_many_files(tmp_path: Path, assets: Path) -> None:
    folder = assets / "challenge2019" / "training_setB"
    good = (folder / "p100001.psv").read_text()
    for i in range(2, 30):
        (folder / f"p{100_000 + i}.psv").write_text(good)
    (folder / "p100017.psv").write_text(cell(4, "HR", "x")(good))
    with pytest.raises(DataError, match=r"p100017\.psv, line 4, column HR"):
        import_challenge2019([folder], tmp_path / "c")
    (folder / "p100017.psv").write_text(cell(5, "ICULOS", "9")(good))
    with pytest.raises(DataError, match=r"p100017\.psv, line 5, column ICULOS"):
        import_challenge2019([folder], tmp_path / "c")


def test_another_order_of_columns_in_the_same_folder_is_refused(tmp_path: Path, assets: Path) -> None:
    folder = assets / "challenge2019" / "training_setB"
    rows = [row.split("|") for row in (folder / "p100001.psv").read_text().splitlines()]
    (folder / "p100002.psv").write_text("\n".join("|".join(row[::-1]) for row in rows) + "\n")
    with pytest.raises(DataError, match=r"p100002\.psv, line 1"):
        import_challenge2019([folder], tmp_path / "c")


def test_nothing_to_read_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="hospital_"):
        import_challenge2019([tmp_path / "empty"], tmp_path / "c")
    with pytest.raises(DataError, match="no such file or folder"):
        import_challenge2019([tmp_path / "nowhere"], tmp_path / "c")


def test_a_stay_twice_names_both_places(tmp_path: Path, assets: Path) -> None:
    source = assets / "challenge2019"
    with pytest.raises(DataError, match=r"p000001\.psv.*seen before in .*p000001\.psv"):
        import_challenge2019([source, source / A], tmp_path / "c")


def test_a_parquet_whose_patients_are_mixed_up_is_refused(tmp_path: Path, assets: Path) -> None:
    path = as_parquet([assets / "challenge2019" / A, assets / "challenge2019" / B], tmp_path / "hospital_A.parquet")
    table = pq.read_table(path)
    pq.write_table(table.take([0, 3, 1, 2]), path)
    with pytest.raises(DataError, match=r"hospital_A\.parquet, row 3 .*p000001, seen before"):
        import_challenge2019([path], tmp_path / "c")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda table: table.drop_columns(["HR"]), ['no column "HR"']),
        (lambda table: table.append_column("Sex", pa.array([1.0] * len(table))), ["column Sex", "unknown column"]),
        (lambda table: table.set_column(2, "HR", pa.array(["80"] * len(table))), ["column HR", "string values"]),
        (lambda table: table.slice(0, 0), ["no row"]),
        (lambda table: table.set_column(0, "patient_id", pa.array([None] * len(table), pa.int32())),
         ["column patient_id", "missing"]),
        (lambda table: table.set_column(1, "ICULOS", pa.array([1, 2, 4], pa.int16())), ["row 3", "every hour"]),
    ],
)  # fmt: skip
def test_a_wrong_parquet_says_where_what_and_the_cure(
    tmp_path: Path, assets: Path, change: Callable[[pa.Table], pa.Table], told: list[str]
) -> None:
    path = as_parquet([assets / "challenge2019" / A], tmp_path / "hospital_A.parquet")
    table = pq.read_table(path)
    table = table.select(["patient_id", "ICULOS", *(name for name in COLUMNS if name != "ICULOS")])
    pq.write_table(change(table), path)
    with pytest.raises(DataError) as error:
        import_challenge2019([path], tmp_path / "c")
    for text in ("hospital_A.parquet", *told):
        assert text in str(error.value)


def test_a_truncated_or_empty_parquet_is_refused(tmp_path: Path, assets: Path) -> None:
    path = as_parquet([assets / "challenge2019" / A], tmp_path / "hospital_A.parquet")
    data = path.read_bytes()
    for keep, told in ((len(data) // 2, "cut short"), (0, "an empty file")):
        path.write_bytes(data[:keep])
        with pytest.raises(DataError, match=told):
            import_challenge2019([path], tmp_path / "c")
