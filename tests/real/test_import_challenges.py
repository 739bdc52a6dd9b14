"""The challenges as they were published: whole hospitals, original files, and the facts that are known about them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from vitals.cohort.challenge2012 import import_challenge2012
from vitals.cohort.challenge2019 import HOUR, import_challenge2019
from vitals.cohort.check import check_cohort, missing_by_site
from vitals.cohort.hourly import SIGNAL_COLUMNS
from vitals.cohort.store import Cohort
from vitals.spec.settings import Settings

pytestmark = pytest.mark.real
SETTINGS = Path(__file__).parents[2] / "settings" / "sepsis-icu.toml"


def folder(data: Path, name: str) -> Path:
    """A folder of the real data, or a skip that says what is missing."""
    if not (data / name).is_dir():
        pytest.skip(f"VITALS_DATA has no folder {name}")
    return data / name


@pytest.fixture(scope="module")
def hospitals(vitals_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Cohort:
    """Both hospitals of 2019."""
    return import_challenge2019([folder(vitals_data, "challenge2019")], tmp_path_factory.mktemp("c19") / "cohort")


@pytest.fixture(scope="module")
def records(vitals_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Cohort:
    """Sets a and b of 2012."""
    return import_challenge2012(folder(vitals_data, "challenge2012"), tmp_path_factory.mktemp("c12") / "cohort")


def test_both_hospitals_have_the_numbers_of_the_data_sheet(hospitals: Cohort) -> None:
    rows = (hospitals.discharged - hospitals.admitted) // HOUR
    site = hospitals.stays["site"]
    assert site.value_counts().to_dict() == {"A": 16_244, "B": 15_995}
    assert [int(rows[site == name].sum()) for name in "AB"] == [632_697, 608_441]
    stay, _ = hospitals.onsets("sepsis")
    assert [int((site.iloc[stay] == name).sum()) for name in "AB"] == [1_430, 923]
    assert hospitals.manifest["signals"].keys() == set(SIGNAL_COLUMNS.values())


def test_every_cell_of_a_hospital_is_a_sample_and_every_label_follows_from_an_onset(
    hospitals: Cohort, vitals_data: Path
) -> None:
    frame = pq.read_table(vitals_data / "challenge2019" / "hospital_B.parquet").to_pandas()
    first = int(np.argmax(hospitals.stays["site"] == "B"))
    samples = list(hospitals.samples(first))
    assert sum(map(len, samples)) == int(frame[list(SIGNAL_COLUMNS)].notna().to_numpy().sum())
    starts = np.flatnonzero(frame["patient_id"].diff().fillna(1).to_numpy())
    of_stay = np.repeat(np.arange(len(starts)), np.diff(np.append(starts, len(frame))))
    end = hospitals.admitted[first:][of_stay] + (np.arange(len(frame)) - starts[of_stay] + 1) * HOUR
    onset = np.full(len(hospitals), np.iinfo(np.int64).max)
    stay, when = hospitals.onsets("sepsis")
    onset[stay] = when
    assert ((onset[first:][of_stay] <= end + 6 * HOUR) == (frame["SepsisLabel"] == 1).to_numpy()).all()
    column = {name: i for i, name in enumerate(SIGNAL_COLUMNS.values())}
    table = frame[list(SIGNAL_COLUMNS)].to_numpy()
    for each in samples[:3]:
        row = starts[each.stay - first] + (each.time - hospitals.admitted[each.stay]) // HOUR - 1
        code = np.array([column[name] for name in each.names])[each.signal]
        np.testing.assert_array_equal(table[row, code], each.value)


def test_original_psv_files_give_the_same_stays_as_the_parquet(
    hospitals: Cohort, vitals_data: Path, tmp_path: Path
) -> None:
    psv = import_challenge2019([vitals_data / "challenge2019" / "psv_sample"], tmp_path / "c")
    assert psv.stays["site"].value_counts().to_dict() == {"A": 100, "B": 100}
    whole = hospitals.stays.set_index("stay_id")
    mine = psv.stays.set_index("stay_id")
    pd.testing.assert_frame_equal(mine, whole.loc[mine.index, mine.columns])
    settings = Settings.from_toml(SETTINGS)
    position = pd.Index(hospitals.stays["stay_id"]).get_indexer(pd.Index(psv.stays["stay_id"]))
    ours = psv.events(settings)
    for bed in range(0, 200, 20):
        theirs = hospitals.events(settings, int(position[bed]), int(position[bed]) + 1)
        chosen = ours.bed == bed
        for name in ("time", "signal", "value"):
            np.testing.assert_array_equal(getattr(ours, name)[chosen], getattr(theirs, name))


FRESH = """
import sys, time
from pathlib import Path
from vitals.cohort.challenge2019 import import_challenge2019
from vitals.spec.settings import Settings

began = time.perf_counter()
cohort = import_challenge2019([Path(sys.argv[1])], sys.argv[2])
imported = time.perf_counter()
events = cohort.events(Settings.from_toml(sys.argv[3]))
read = time.perf_counter()
status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
sys.stdout.write(f"{cohort.digest} {len(events)} {imported - began} {read - imported} {status['VmHWM'].split()[0]}")
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak memory of a process is read from /proc")
def test_a_fresh_process_takes_seconds_and_little_memory_and_gives_the_same_digest(
    hospitals: Cohort, vitals_data: Path, tmp_path: Path
) -> None:
    source = vitals_data / "challenge2019"
    command = [sys.executable, "-c", FRESH, str(source), str(tmp_path / "c"), str(SETTINGS)]
    root = Path(__file__).parents[2]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=root)
    digest, events, importing, reading, peak_kib = done.stdout.split()
    assert digest == hospitals.digest
    assert int(events) > 8_000_000
    # Generous bounds: a busy machine is slow, a reader that loops over rows is a hundred times slower.
    assert float(importing) < 60
    assert float(reading) < 15
    assert int(peak_kib) < 1_200_000


def test_the_traps_of_2019_are_found(hospitals: Cohort) -> None:
    told = [str(each) for each in check_cohort(hospitals.path)]
    assert not [text for text in told if text.startswith("error")]
    for texts in (
        ("etco2", "never measured at site A"), ("dbp", "48% of the hours at site A", "14% at site B"),
        ("site A, fio2", "outside the limits"), ("site B, fio2", "such as 4000"), ("temperature", "such as 50"),
        ("time since admission", "tells sepsis by itself"), ("records with an outcome end within 12 h",),
    ):  # fmt: skip
        assert [text for text in told if all(part in text for part in texts)], texts
    assert missing_by_site(hospitals).loc["etco2", "A: stays"] == 1


def test_2012_has_the_numbers_of_the_data_sheet(records: Cohort) -> None:
    assert len(records) == 8_000
    assert len(records.onsets("death")[0]) == 1_122
    assert records.stays["height"].min() > 0  # -1 is a code, no height
    assert int((records.stays["samples"] == 0).sum()) == 10
    told = [str(each) for each in check_cohort(records.path)]
    for texts in (
        ("ph", "such as 735"),
        ("temperature", "such as -17.8"),
        ("10 stays without a sample",),
        ("second value",),
    ):
        assert [text for text in told if all(part in text for part in texts)], texts


def test_original_text_files_of_2012_give_the_same_stays_as_the_parquet(
    records: Cohort, vitals_data: Path, tmp_path: Path
) -> None:
    text = import_challenge2012(vitals_data / "challenge2012" / "txt_sample", tmp_path / "c")
    mine, whole = text.stays.set_index("stay_id"), records.stays.set_index("stay_id")
    pd.testing.assert_frame_equal(mine, whole.loc[mine.index])
    for bed in range(0, len(text), 7):
        position = int(whole.index.get_loc(mine.index[bed]))
        ours, theirs = next(text.samples(bed, bed + 1)), next(records.samples(position, position + 1))
        assert [ours.names[code] for code in ours.signal] == [theirs.names[code] for code in theirs.signal]
        np.testing.assert_array_equal(ours.time, theirs.time)
        np.testing.assert_array_equal(ours.value, theirs.value)
    assert set(text.outcomes["stay_id"]) == set(records.outcomes["stay_id"]) & set(mine.index)
