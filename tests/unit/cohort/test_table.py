"""Any table: the two example mappings do what they say, and everything that does not fit is refused."""

from __future__ import annotations

import dataclasses
import gzip
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from vitals.cohort.mapping import Mapping, read_mapping
from vitals.cohort.store import Cohort
from vitals.cohort.table import import_table
from vitals.errors import DataError, SettingsError
from vitals.labelling.labels import NO_ONSET

MAPPINGS = Path(__file__).parents[3] / "settings" / "mappings"
LONG, WIDE = MAPPINGS / "example-long.toml", MAPPINGS / "example-wide.toml"


def samples_of(cohort: Cohort) -> list[tuple[str, str, str, float]]:
    """Every sample as stay, time, signal, value."""
    ids = cohort.stays["stay_id"].tolist()
    return [
        (ids[stay], str(pd.Timestamp(time, unit="us"))[5:16], each.names[code], round(float(value), 3))
        for each in cohort.samples()
        for stay, time, code, value in zip(
            each.stay.tolist(), each.time.tolist(), each.signal.tolist(), each.value.tolist(), strict=True
        )
    ]


def test_the_long_example_does_what_it_says(tmp_path: Path, assets: Path) -> None:
    cohort = import_table(assets / "tables" / "long", tmp_path / "c", LONG)
    assert samples_of(cohort) == [
        ("S1", "03-01 09:05", "heart_rate", 88.0), ("S1", "03-01 09:05", "temperature", 38.0),
        ("S1", "03-01 09:04", "oxygen", 1.0), ("S1", "03-01 09:04", "fio2", 0.4),
        ("S2", "03-02 07:00", "heart_rate", 61.0), ("S2", "03-02 08:00", "heart_rate", 64.0),
    ]  # fmt: skip
    assert cohort.stays["site"].tolist() == ["north", "south"]
    assert cohort.stays["sex"].tolist() == [0.0, 1.0]
    assert cohort.stays["age"].isna().tolist() == [False, True]
    assert str(cohort.stays["admitted"].iloc[0]) == "2024-03-01 09:00:00+00:00"
    assert cohort.outcomes["kind"].tolist() == ["sepsis"]
    assert str(cohort.outcomes["onset"].iloc[0]) == "2024-03-02 20:00:00+00:00"
    assert cohort.manifest["source"] == "My hospital, 2024"
    assert cohort.stays["ended"].tolist() == ["home", "lost"]
    assert str(cohort.outcomes["end"].iloc[0]) == "2024-03-03 01:00:00+00:00"
    assert str(cohort.outcomes["recognised"].iloc[0]) == "2024-03-02 21:30:00+00:00"


def test_the_wide_example_does_what_it_says(tmp_path: Path, assets: Path) -> None:
    cohort = import_table(assets / "tables" / "wide", tmp_path / "c", WIDE)
    assert samples_of(cohort) == [
        ("7", "03-01 10:00", "heart_rate", 88.0), ("7", "03-01 10:00", "temperature", 38.0),
        ("7", "03-01 11:00", "heart_rate", 91.0), ("7", "03-01 11:00", "sbp", 118.0), ("7", "03-01 11:00", "paco2", 39.753),
    ]  # fmt: skip
    assert len(cohort.outcomes) == 0
    assert list(cohort.outcomes.columns) == ["stay_id", "kind", "onset", "end", "recognised"]
    assert cohort.stays["ended"].tolist() == ["home"]


def test_the_rows_in_the_comments_of_the_examples_are_the_tested_ones() -> None:
    assets = Path(__file__).parents[2] / "assets" / "tables"
    named = ((LONG, ("long/vitals", "long/stays", "long/outcomes")), (WIDE, ("wide/chart", "wide/stays")))
    for mapping, file in ((mapping, assets / f"{name}.csv") for mapping, names in named for name in names):
        rows = file.read_text().splitlines()
        comments = [line.removeprefix("#").strip() for line in mapping.read_text().splitlines() if line.startswith("#")]
        shown = [line.split(None, 1)[-1] if line.startswith(file.name) else line for line in comments]
        assert set(rows[:2]) <= set(shown)


def test_ends_and_recognitions_may_be_missing_in_some_rows(tmp_path: Path, assets: Path) -> None:
    path = assets / "tables" / "wide" / "stays.csv"
    header = path.read_text().splitlines()[0]
    path.write_text(f"""{header}
7,3,2024-03-01 10:00,2024-03-03 08:00,0,71,2024-03-01 20:00,2024-03-02 01:30,
8,4,2024-03-01 10:00,2024-03-03 08:00,1,64,2024-03-01 19:00,NaN,2024-03-01 18:00
9,5,2024-03-01 10:00,2024-03-03 08:00,,50,,,2024-03-01 18:00
""")
    rules = dataclasses.replace(read_mapping(WIDE), empty_stays="keep")
    cohort = import_table(path.parent, tmp_path / "c", rules)
    assert cohort.stays["ended"].tolist() == ["home", "died", "lost"]
    times = cohort.outcome_times("sepsis")
    assert times.stay.tolist() == [0, 1]
    ten = int(cohort.admitted[0])
    hours = [
        [(time - ten) / 3_600_000_000 if time != NO_ONSET else None for time in each.tolist()] for each in times[1:]
    ]
    assert hours == [[10, 9], [15.5, None], [None, 8]]
    assert cohort.manifest["ended"] == {"home": 1, "died": 1, "lost": 1}


def test_a_mapping_without_ends_imports_as_before(tmp_path: Path, assets: Path) -> None:
    text = LONG.read_text().splitlines()
    kept = [line for line in text if not line.startswith(("ended", "end =", "recognised"))]
    (tmp_path / "m.toml").write_text("\n".join(kept))
    cohort = import_table(assets / "tables" / "long", tmp_path / "c", tmp_path / "m.toml")
    assert cohort.digest == "ef1d932a48d7d738b9b4afa797cea5689e6f75c3f904b887378ecfc29ef2141c"
    assert cohort.ended is None


def test_codes_may_give_a_meaning_to_an_empty_cell_and_to_numbers(tmp_path: Path, assets: Path) -> None:
    folder = assets / "tables" / "wide"
    pd.read_csv(folder / "stays.csv", dtype={"start": str, "end": str}).to_parquet(folder / "stays.parquet")
    for codes, wanted in (({"0": "home"}, "home"), ({"0": "died"}, "died")):
        rules = read_mapping(WIDE)
        stays = dataclasses.replace(rules.stays, file="stays.parquet", ended_codes=codes)
        cohort = import_table(folder, tmp_path / wanted, dataclasses.replace(rules, stays=stays))
        assert cohort.stays["ended"].tolist() == [wanted]
    rules = read_mapping(LONG)
    stays = dataclasses.replace(rules.stays, ended_codes={"": "died", "Alive": "home"})
    cohort = import_table(assets / "tables" / "long", tmp_path / "long", dataclasses.replace(rules, stays=stays))
    assert cohort.stays["ended"].tolist() == ["home", "died"]


@pytest.mark.parametrize("change", ["parquet", "gzip", "semicolon", "two files", "one file named"])
def test_the_form_of_the_files_changes_nothing(tmp_path: Path, assets: Path, change: str) -> None:
    folder = assets / "tables" / "long"
    rules = read_mapping(LONG)
    wanted = import_table(folder, tmp_path / "a", rules).digest
    file, source = folder / "vitals.csv", folder
    frame = pd.read_csv(file, dtype=str, keep_default_na=False)
    if change == "parquet":
        frame.to_parquet(folder / "vitals.parquet")
        rules = dataclasses.replace(rules, events=dataclasses.replace(rules.events, files="*.parquet"))
    elif change == "gzip":
        (folder / "vitals.csv.gz").write_bytes(gzip.compress(file.read_bytes()))
        file.unlink()
    elif change == "semicolon":
        for path in folder.glob("*.csv"):
            path.write_text(path.read_text().replace(",", ";"))
        rules = dataclasses.replace(rules, delimiter=";")
    elif change == "two files":
        frame.iloc[:3].to_csv(folder / "vitals1.csv", index=False)
        frame.iloc[3:].to_csv(folder / "vitals2.csv", index=False)
        file.unlink()
    else:
        source = file
    rules = (
        dataclasses.replace(rules, events=dataclasses.replace(rules.events, files="vitals*"))
        if change == "gzip"
        else rules
    )
    assert import_table(source, tmp_path / "b", rules).digest == wanted


def test_a_typed_parquet_reads_as_its_text_does(tmp_path: Path, assets: Path) -> None:
    folder = assets / "tables" / "wide"
    wanted = import_table(folder, tmp_path / "a", WIDE).digest
    frame = pd.read_csv(folder / "chart.csv")
    frame["time"] = pd.to_datetime(frame["time"])
    frame.to_parquet(folder / "chart.parquet")
    rules = read_mapping(WIDE)
    rules = dataclasses.replace(rules, events=dataclasses.replace(rules.events, files="chart.parquet"))
    assert import_table(folder, tmp_path / "b", rules).digest == wanted


@pytest.mark.parametrize(("form", "factor"), [("s", 1), ("ms", 1_000), ("us", 1_000_000)])
def test_times_may_be_numbers_since_1970(tmp_path: Path, assets: Path, form: str, factor: int) -> None:
    folder = assets / "tables" / "wide"
    wanted = import_table(folder, tmp_path / "a", WIDE).digest
    for name, columns in (("chart", ["time"]), ("stays", ["start", "end"])):
        frame = pd.read_csv(folder / f"{name}.csv", dtype=str, keep_default_na=False)
        for column in columns:
            frame[column] = pd.to_datetime(frame[column]).astype("datetime64[s]").astype("int64") * factor
        frame.to_csv(folder / f"{name}.csv", index=False)
    rules = dataclasses.replace(read_mapping(WIDE), time_format=form)
    assert import_table(folder, tmp_path / "b", rules).digest == wanted


def test_times_with_a_zone_are_taken_at_their_word(tmp_path: Path, assets: Path) -> None:
    folder = assets / "tables" / "long"
    wanted = import_table(folder, tmp_path / "a", LONG).digest
    path = folder / "vitals.csv"
    path.write_text(path.read_text().replace(":00,", ":00+01:00,"))
    assert import_table(folder, tmp_path / "b", LONG).digest == wanted
    path.write_text(path.read_text().replace("+01:00", "", 1))
    with pytest.raises(DataError, match="all times with a zone, or none"):
        import_table(folder, tmp_path / "c", LONG)


Edit = Callable[[str], str]


def replace(old: str, new: str, count: int = -1) -> Edit:
    def edit(text: str) -> str:
        assert old in text
        return text.replace(old, new, count)

    return edit


@pytest.mark.parametrize(
    ("name", "edit", "told"),
    [
        ("vitals", lambda _: "", ["vitals.csv", "an empty file"]),
        ("vitals", lambda text: text.splitlines()[0] + "\n", ["vitals.csv", "no row"]),
        ("vitals", replace("result", "resutl"), ["vitals.csv", 'no column "result"', 'did you mean "resutl"?']),
        ("vitals", replace("88,bpm", "88"), ["vitals.csv, row 1", "5 values", "6 values"]),
        ("vitals", replace("Pulse,88", "Puls,88"), ["vitals.csv, row 1, column item", '"Puls"', 'did you mean "Pulse"?', "[signals]"]),
        ("vitals", replace("88,bpm", "88,mmHg"), ["vitals.csv, row 1, column unit", '"mmHg" for heart_rate', "/min"]),
        ("vitals", replace("88,bpm", "88,"), ["vitals.csv, row 1, column unit", "no unit", "heart_rate"]),
        ("vitals", replace("Pulse,88", "Pulse,null"), ["vitals.csv, row 1, column result", '"null"', "finite number", "missing"]),
        ("vitals", replace("Pulse,88", "Pulse,NaN"), ["vitals.csv, row 1, column result", '"NaN"']),
        ("vitals", replace("Pulse,88", "Pulse,inf"), ["vitals.csv, row 1, column result", '"inf"']),
        ("vitals", replace("Pulse,88", "Pulse,"), ["vitals.csv, row 1, column result", '""']),
        ("vitals", replace("O2,yes", "O2,maybe"), ["vitals.csv, row 3, column result", '"maybe"', "codes"]),
        ("vitals", replace("S2,", "S3,"), ["vitals.csv, row 7, column stay", '"S3"', "2 such rows"]),
        ("vitals", replace("S2,", ",", 1), ["vitals.csv, row 7, column stay", "nothing"]),
        ("vitals", replace("2024-03-02T08:00:00,", "yesterday,", 1), ["vitals.csv, row 7, column taken_at", '"yesterday"', "time_format"]),
        ("vitals", lambda text: text + "S2,2024-03-02T08:00:00,2024-03-02T09:30:00,Pulse,62,bpm\n",
         ["vitals.csv, row 9", "heart_rate of stay S2", "vitals.csv, row 7", "1 such samples", 'duplicates = "keep"']),
        ("vitals", lambda text: "\n".join(row for row in text.splitlines() if not row.startswith("S2")) + "\n",
         ["stay S2", "no sample", 'empty_stays = "keep"']),
        ("stays", replace("S2,P2", "S2,P1"), ["stays.csv", 'patient "P1" in sites north, south']),
        ("stays", replace("S2,P2", "S1,P2"), ["stays.csv", "row 2", "seen before"]),
        ("stays", replace("2024-03-02T20:00:00", "2024-03-02T07:00:00"), ["stays.csv", "row 2", "discharged before admitted"]),
        ("stays", replace(",71,", ",old,"), ["stays.csv, row 1, column age", '"old"']),
        ("stays", replace("gender", "sex"), ["stays.csv", 'no column "gender"']),
        ("outcomes", replace("2024-03-02T21", "2024-03-03T09"), ["outcomes", "S1", "after discharge", "onset_slack"]),
        ("outcomes", replace("S1", "S9"), ["outcomes", "S9", "no such stay"]),
        ("outcomes", replace("sepsis", ""), ["outcomes.csv, row 1, column what", "nothing"]),
        ("stays", replace("status", "state"), ["stays.csv", 'no column "status"', 'did you mean "state"?']),
        ("stays", replace("Alive", "alive"),
         ["stays.csv, row 1, column status", '"alive" (1 such rows)', 'did you mean "Alive"?', "ended_codes"]),
        ("outcomes", replace("2024-03-03T02", "2024-03-02T20"), ["outcomes, row 1", "S1", "an end before its onset"]),
        ("outcomes", replace("2024-03-02T21:00:00", ""),
         ["outcomes.csv, row 1, column until", "an end without an onset", "a time in when too"]),
        ("outcomes", replace("2024-03-02T22:30:00", "later"), ["outcomes.csv, row 1, column seen", '"later"', "time_format"]),
    ],
)  # fmt: skip
def test_a_wrong_table_says_where_what_and_the_cure(
    tmp_path: Path, assets: Path, name: str, edit: Edit, told: list[str]
) -> None:
    path = assets / "tables" / "long" / f"{name}.csv"
    path.write_text(edit(path.read_text()))
    with pytest.raises(DataError) as error:
        import_table(path.parent, tmp_path / "c", LONG)
    for text in told:
        assert text in str(error.value)
    assert error.value.cure
    assert not (tmp_path / "c").exists()


@pytest.mark.parametrize(
    ("edit", "told"),
    [
        (replace(",hr,", ",pulse,"), ["chart.csv, column pulse", "unknown signal", "ignore"]),
        (replace("118", "inf"), ["chart.csv, row 2, column sbp", '"inf"']),
        (replace("118", "null"), ["chart.csv, row 2, column sbp", '"null"']),
        (replace("03-01 11:00", "03-01 09:00"), ["chart.csv, row 2, column time", "stay 7", "run forwards", "arrival"]),
        (replace("03-01 11:00", "03-01 10:00"), ["chart.csv, row 2", "heart_rate of stay 7", "chart.csv, row 1"]),
        (lambda text: "\n".join(",".join(row.split(",")[:5] + row.split(",")[6:]) for row in text.splitlines()) + "\n",
         ["chart.csv", 'no column "paco2_kpa"']),
    ],
)  # fmt: skip
def test_a_wrong_wide_table_says_where_what_and_the_cure(
    tmp_path: Path, assets: Path, edit: Edit, told: list[str]
) -> None:
    path = assets / "tables" / "wide" / "chart.csv"
    path.write_text(edit(path.read_text()))
    with pytest.raises(DataError) as error:
        import_table(path.parent, tmp_path / "c", WIDE)
    for text in told:
        assert text in str(error.value)


def test_numbers_in_a_parquet_that_are_none_are_refused_in_a_long_table(tmp_path: Path, assets: Path) -> None:
    folder = assets / "tables" / "long"
    frame = pd.read_csv(folder / "vitals.csv").iloc[[0, 6, 7]].astype({"result": "float64"})
    rules = read_mapping(LONG)
    rules = dataclasses.replace(rules, events=dataclasses.replace(rules.events, files="*.parquet"))
    frame.to_parquet(folder / "v.parquet")
    assert len(import_table(folder, tmp_path / "a", rules)) == 2
    frame.iloc[1, 4] = float("nan")
    frame.to_parquet(folder / "v.parquet")
    with pytest.raises(DataError, match=r"v\.parquet, row 2, column result"):
        import_table(folder, tmp_path / "b", rules)
    (folder / "v.parquet").write_bytes((folder / "v.parquet").read_bytes()[:-20])
    with pytest.raises(DataError, match="cut short"):
        import_table(folder, tmp_path / "c", rules)


def test_what_the_mapping_allows_is_kept(tmp_path: Path, assets: Path) -> None:
    folder = assets / "tables" / "long"
    path = folder / "vitals.csv"
    rows = [row for row in path.read_text().splitlines() if not row.startswith("S2")]
    path.write_text("\n".join([*rows, "S1,2024-03-01T10:05:00,2024-03-01T11:07:00,Pulse,90,bpm"]) + "\n")
    rules = dataclasses.replace(read_mapping(LONG), duplicates="keep", empty_stays="keep")
    cohort = import_table(folder, tmp_path / "c", rules)
    assert cohort.stays["samples"].tolist() == [5, 0]


def test_nothing_to_read_is_refused(tmp_path: Path, assets: Path) -> None:
    with pytest.raises(DataError, match="no such file or folder"):
        import_table(tmp_path / "nowhere", tmp_path / "c", LONG)
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=r"vitals\*\.csv.*no such file"):
        import_table(tmp_path / "empty", tmp_path / "c", LONG)
    (assets / "tables" / "long" / "stays.csv").unlink()
    with pytest.raises(DataError, match=r"stays\.csv.*no such file"):
        import_table(assets / "tables" / "long", tmp_path / "c", LONG)


@pytest.mark.parametrize(
    ("edit", "told"),
    [
        (replace('layout = "long"', 'layout = "tall"'), ["layout", "'long'"]),
        (replace("timezone", "timezne"), ["timezne", 'did you mean "timezone"?']),
        (replace('"heart_rate"', '"heartrate"'), ["Pulse", "heartrate", 'did you mean "heart_rate"?']),
        (replace('unit = "%"', 'unit = "mmHg"'), ["FiO2", '"mmHg" for fio2']),
        (replace('signal = "item"\n', ""), ["[events]", "layout is long"]),
        (replace('site = "ward"', 'site = "ward"\nsite_is = "north"'), ["[stays]", "site"]),
        (replace('"died" }', '"dead" }'), ["[stays] ended_codes Expired", '"dead"', "home, lost, died", 'did you mean "died"?']),
        (replace('ended = "status"', ""), ["[stays] ended_codes", "codes of no column", 'add ended = "…"']),
        (replace('age = "age"', 'age = "heart_rate"'), ["[stays.demographics] age", "heart_rate"]),
    ],
)  # fmt: skip
def test_a_mapping_that_cannot_be_meant_is_refused(tmp_path: Path, edit: Edit, told: list[str]) -> None:
    (tmp_path / "m.toml").write_text(edit(LONG.read_text()))
    with pytest.raises((SettingsError, DataError)) as error:
        read_mapping(tmp_path / "m.toml")
    for text in told:
        assert text in str(error.value)


def test_progress_counts_files(tmp_path: Path, assets: Path) -> None:
    calls: list[tuple[int, int, str]] = []
    import_table(assets / "tables" / "long", tmp_path / "c", LONG, lambda *call: calls.append(call))
    assert calls == [(1, 1, "vitals.csv")]


def test_a_mapping_may_be_built_in_python() -> None:
    assert isinstance(read_mapping(WIDE), Mapping)
