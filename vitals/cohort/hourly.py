"""Read the hourly files of the 2019 challenge into blocks of stays: ``.psv`` files many at a time, Parquet in slices."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from vitals.cohort.alike import check_columns, read_alike
from vitals.cohort.reading import parquet
from vitals.errors import DataError
from vitals.windowing.types import Float32, Int64

SIGNAL_COLUMNS = {
    "HR": "heart_rate", "O2Sat": "spo2", "Temp": "temperature", "SBP": "sbp", "MAP": "map", "DBP": "dbp",
    "Resp": "resp_rate", "EtCO2": "etco2", "BaseExcess": "base_excess", "HCO3": "bicarbonate", "FiO2": "fio2",
    "pH": "ph", "PaCO2": "paco2", "SaO2": "sao2", "AST": "ast", "BUN": "bun", "Alkalinephos": "alkaline_phosphatase",
    "Calcium": "calcium", "Chloride": "chloride", "Creatinine": "creatinine", "Bilirubin_direct": "bilirubin_direct",
    "Glucose": "glucose", "Lactate": "lactate", "Magnesium": "magnesium", "Phosphate": "phosphate",
    "Potassium": "potassium", "Bilirubin_total": "bilirubin_total", "TroponinI": "troponin_i", "Hct": "hematocrit",
    "Hgb": "hemoglobin", "PTT": "ptt", "WBC": "wbc", "Fibrinogen": "fibrinogen", "Platelets": "platelets",
}  # fmt: skip
DEMOGRAPHIC_COLUMNS = {
    "Age": "age", "Gender": "sex", "Unit1": "unit_micu", "Unit2": "unit_sicu", "HospAdmTime": "hospital_hours",
}  # fmt: skip
CLOCK, LABEL = "ICULOS", "SepsisLabel"
COLUMNS = (*SIGNAL_COLUMNS, *DEMOGRAPHIC_COLUMNS, CLOCK, LABEL)
_PSV_AT_ONCE = 2000
_STAYS_AT_ONCE = 4000


@dataclass(frozen=True)
class Block:
    """Some stays of one site, row after row.

    Attributes:
        site: the hospital.
        stay_ids: file stems, ``(S,)``.
        starts: first row of each stay, and the number of rows at the end, ``(S + 1,)``.
        table: columns in the order of :data:`COLUMNS`, NaN where the file says so, ``(n, 41)``.
        files: the file of each stay, or the one file of all.
        first_row: number of rows of that one file before this block.
        size: bytes of the source that this block stands for.
    """

    site: str
    stay_ids: list[str]
    starts: Int64
    table: Float32
    files: Sequence[Path]
    first_row: int
    size: int

    def place(self, row: int) -> str:
        """Where a row of this block lies, in words."""
        stay = int(np.searchsorted(self.starts, row, side="right")) - 1
        if self.files[0].suffix == ".psv":
            return f"{self.files[stay]}, line {row - int(self.starts[stay]) + 2}"
        return f"{self.files[0]}, row {self.first_row + row + 1} ({self.stay_ids[stay]})"


def read_parquet(path: Path) -> Iterator[Block]:
    """The stays of a ``hospital_A.parquet``; its rows must lie patient by patient.

    Raises:
        DataError: a damaged or empty file, a missing or unknown column, a value that is no number.
    """
    with parquet(path) as file:
        found = [name for name in file.schema_arrow.names if not name.startswith("__")]  # pandas keeps its index so
        check_columns(found, ("patient_id", *COLUMNS), path)
        patient = _column(file.read(columns=["patient_id"]), "patient_id", path).astype(np.int64)
        values = np.empty((len(patient), len(COLUMNS)), np.float32)
        for i, name in enumerate(COLUMNS):
            values[:, i] = _column(file.read(columns=[name]), name, path)
    if not len(patient):
        raise DataError(str(path), "no row", "the rows of a hospital", "download it again")
    starts = np.concatenate([[0], np.flatnonzero(np.diff(patient)) + 1, [len(patient)]])
    site, size = path.stem.rsplit("_", 1)[-1], path.stat().st_size
    for i in range(0, len(starts) - 1, _STAYS_AT_ONCE):
        bounds = starts[i : i + _STAYS_AT_ONCE + 1]
        begin, end = int(bounds[0]), int(bounds[-1])
        ids = [f"p{number:06d}" for number in patient[bounds[:-1]].tolist()]
        share = size * (end - begin) // len(patient)
        yield Block(site, ids, bounds - begin, values[begin:end], [path], begin, share)


def read_psv(paths: Sequence[Path]) -> Iterator[Block]:
    """The stays of many ``.psv`` files; the files of a folder are one site.

    Raises:
        DataError: an empty file, a missing or unknown column, a short line, a value that is no number.
    """
    for folder in dict.fromkeys(path.parent for path in paths):
        match = re.fullmatch(r"training(?:_set([A-Za-z0-9]+))?", folder.name)
        site = (match[1] or "A") if match else folder.name
        mine = [path for path in paths if path.parent == folder]
        for i in range(0, len(mine), _PSV_AT_ONCE):
            yield _psv_block(site, mine[i : i + _PSV_AT_ONCE])


def _psv_block(site: str, paths: Sequence[Path]) -> Block:
    table, starts = read_alike(paths, "|", dict.fromkeys(COLUMNS, pa.float32()), missing="NaN")
    values = np.stack([table[name].to_numpy() for name in COLUMNS], axis=1)
    size = sum(path.stat().st_size for path in paths)
    return Block(site, [path.stem for path in paths], starts, values, paths, 0, size)


def _column(table: pa.Table, name: str, path: Path) -> Float32:
    column = table[name]
    if not (pa.types.is_integer(column.type) or pa.types.is_floating(column.type)):
        raise DataError(f"{path}, column {name}", f"{column.type} values", "numbers", "write the column as numbers")
    if name == "patient_id" and column.null_count:
        raise DataError(f"{path}, column {name}", f"{column.null_count} missing", "a number in every row", "fill it in")
    return np.asarray(column.to_numpy())
