"""The PhysioNet/CinC Challenge 2012: the first 48 hours of intensive care stays, at irregular times.

The data name no date: every record is admitted at 2012-01-01T00:00Z and ends 48 hours later. All records are of one
hospital (MIMIC-II), so the site is the same for all; the challenge's set is kept in the column ``set``.

The outcome ``"death"`` says that the patient died before leaving hospital. When is not in the data, and the challenge
asks for one prediction at the end of the 48 hours, so the onset is put there: the last row of a stay is the row to
judge, and a label that shall count it needs ``after_onset = "positive"``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from vitals.cohort.records import Block, read_deaths, read_parquet, read_text
from vitals.cohort.store import Cohort, open_cohort
from vitals.cohort.tables import Samples, timestamps
from vitals.cohort.writing import About, Part, write_parts
from vitals.errors import DataError, nearest

Progress = Callable[[int, int, str], None]
MINUTE = 60_000_000
T0 = 1_325_376_000_000_000  # 2012-01-01T00:00Z
END = T0 + 48 * 60 * MINUTE
DEMOGRAPHICS = {"Age": "age", "Gender": "sex", "Height": "height", "ICUType": "icu_type", "Weight": "weight"}
SIGNALS = {
    "HR": "heart_rate", "RespRate": "resp_rate", "Temp": "temperature", "SysABP": "sbp", "DiasABP": "dbp", "MAP": "map",
    "NISysABP": "nibp_sys", "NIDiasABP": "nibp_dia", "NIMAP": "nibp_mean", "GCS": "gcs", "FiO2": "fio2",
    "PaCO2": "paco2", "PaO2": "pao2", "SaO2": "sao2", "pH": "ph", "K": "potassium", "Na": "sodium", "Mg": "magnesium",
    "HCO3": "bicarbonate", "HCT": "hematocrit", "BUN": "bun", "Creatinine": "creatinine", "Glucose": "glucose",
    "Lactate": "lactate", "WBC": "wbc", "Platelets": "platelets", "Albumin": "albumin", "ALP": "alkaline_phosphatase",
    "ALT": "alt", "AST": "ast", "Bilirubin": "bilirubin_total", "Cholesterol": "cholesterol",
    "TroponinI": "troponin_i", "TroponinT": "troponin_t", "TropI": "troponin_i", "TropT": "troponin_t",
    "Urine": "urine", "MechVent": "mech_vent", "Weight": "weight",
}  # fmt: skip
_NAMES = tuple(dict.fromkeys(SIGNALS.values()))
_MISSING = -1  # the challenge's code for an unknown age, sex, height, weight or unit
_ABOUT = About("PhysioNet/CinC Challenge 2012 (Silva et al., Comput Cardiol 2012;39:245)", "ODC-BY 1.0")


def import_challenge2012(source: str | Path, destination: str | Path, progress: Progress | None = None) -> Cohort:
    r"""Write records of the 2012 challenge as a cohort folder.

    The weight at admission is a demographic; later weights are kept as samples of ``weight``. Records without samples
    (the challenge has some) are kept; ``check_cohort`` counts them.

    Args:
        source: a folder with ``set-a/*.txt`` and ``Outcomes-a.txt`` (any sets), or with ``events.parquet`` and
            ``outcomes.parquet``.
        destination: the cohort folder to write; it appears whole or not at all.
        progress: called with bytes done, bytes in all, and the set being read.

    Raises:
        DataError: nothing to read, a damaged file, an unknown parameter, a value that is no number, a time that runs
            backwards, a record without an outcome or twice.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     _ = Path(folder, "1.txt").write_text("Time,Parameter,Value\n00:00,RecordID,1\n00:07,HR,73\n")
        ...     _ = Path(folder, "Outcomes-a.txt").write_text("RecordID,In-hospital_death\n1,0\n")
        ...     cohort = import_challenge2012(folder, folder + "/cohort")
        >>> cohort.manifest["signals"]
        {'heart_rate': 1}
    """
    source = Path(source)
    if not source.is_dir():
        raise DataError(str(source), "no such folder", "a folder with set-a/*.txt or events.parquet", "check the path")
    if (source / "events.parquet").exists():
        files, tables = [source / "events.parquet"], [source / "outcomes.parquet"]
        blocks = read_parquet(files[0])
    else:
        files, tables = sorted(source.rglob("[0-9]*.txt")), sorted(source.rglob("Outcomes-*.txt"))
        blocks = read_text(files)
    if not files or not tables:
        came = f"a folder with {len(files)} records and {len(tables)} tables of outcomes"
        raise DataError(str(source), came, "set-a/*.txt and Outcomes-a.txt, or events.parquet", "check the path")
    deaths: dict[str, bool] = {}
    for table in tables:
        deaths |= read_deaths(table)
    total = sum(file.stat().st_size for file in files)
    write_parts(destination, _parts(blocks, deaths, total, progress), _ABOUT)
    return open_cohort(destination)


def _parts(blocks: Iterator[Block], deaths: dict[str, bool], total: int, progress: Progress | None) -> Iterator[Part]:
    done = 0
    for block in blocks:
        for record in block.ids:
            if record not in deaths:
                cure = "add its table of outcomes, or leave the record out"
                raise DataError(f"outcomes, record {record}", "no row", "an outcome for every record", cure)
        _refuse_bad_rows(block)
        yield _part(block, deaths)
        done += block.size
        if progress:
            progress(min(done, total), total, f"set {block.sets[-1]}")


def _part(block: Block, deaths: dict[str, bool]) -> Part:
    stays = pd.DataFrame({"stay_id": block.ids, "subject_id": block.ids, "site": "MIMIC-II"})
    stays["admitted"], stays["discharged"] = (timestamps(np.full(len(stays), time)) for time in (T0, END))
    parameter = np.array(block.names)[block.parameter]
    is_sample = np.isin(parameter, list(SIGNALS))
    for theirs, ours in DEMOGRAPHICS.items():
        mine = parameter == theirs
        rows = np.flatnonzero(mine & (block.minutes == 0))
        rows = rows[np.unique(block.record[rows], return_index=True)[1]]  # the first of each record
        known = block.value[rows] != _MISSING
        column = np.full(len(stays), np.nan, np.float32)
        column[block.record[rows]] = np.where(known, block.value[rows], np.nan)
        stays[ours] = column
        is_sample[rows] = False
        is_sample[mine & (block.value == _MISSING)] = False
    stays["set"] = block.sets
    ours_of = np.array([_NAMES.index(SIGNALS[name]) if name in SIGNALS else -1 for name in block.names], np.int16)
    samples = Samples(
        block.record[is_sample],
        T0 + block.minutes[is_sample] * MINUTE,
        ours_of[block.parameter[is_sample]],
        block.value[is_sample],
        _NAMES,
    )
    died = [record for record in block.ids if deaths[record]]
    outcomes = pd.DataFrame({"stay_id": died, "kind": "death", "onset": timestamps(np.full(len(died), END))})
    return Part(stays, outcomes, samples)


def _refuse_bad_rows(block: Block) -> None:
    for code, name in enumerate(block.names):
        if name not in SIGNALS and name not in DEMOGRAPHICS and (block.parameter == code).any():
            row = int(np.flatnonzero(block.parameter == code)[0])
            cure = nearest(name, (*SIGNALS, *DEMOGRAPHICS))
            raise DataError(block.place(row), f'the parameter "{name}"', "a parameter of the challenge", cure)
    odd = np.flatnonzero(~np.isfinite(block.value))
    if len(odd):
        came = f"{block.value[odd[0]]:g} as a value ({len(odd)} in all)"
        raise DataError(block.place(int(odd[0])), came, "finite numbers", "mend the value or remove the row")
    for name in (name for name in DEMOGRAPHICS if name != "Weight" and name in block.names):
        rows = np.flatnonzero(block.parameter == block.names.index(name))
        stray = rows[(block.minutes[rows] != 0) | np.append(False, np.diff(block.record[rows]) == 0)]
        if len(stray):
            came = f"a second or later {name}"
            raise DataError(block.place(int(stray[0])), came, f"{name} once, at 00:00", "remove the row")
    back = np.flatnonzero((np.diff(block.minutes) < 0) & (np.diff(block.record) == 0)) + 1
    if len(back):
        came = f"minute {block.minutes[back[0]]} after minute {block.minutes[back[0] - 1]} ({len(back)} such rows)"
        raise DataError(block.place(int(back[0])), came, "times that run forwards", "sort the rows by time")
