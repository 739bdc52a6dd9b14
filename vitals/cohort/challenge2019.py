"""The PhysioNet/CinC Challenge 2019: hourly stays of two hospitals, from ``.psv`` files or ``hospital_*.parquet``.

The row whose ``ICULOS`` is k lies at 2019-01-01T00:00Z + k hours (the data name no date). A stay is admitted one hour
before its first row and discharged at its last, so row i of a file is step i of the stay, counted from 1.
``SepsisLabel`` turns 1 six hours before the onset; the onset may therefore lie up to six hours after the last row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from vitals.cohort.hourly import (
    CLOCK,
    COLUMNS,
    DEMOGRAPHIC_COLUMNS,
    LABEL,
    SIGNAL_COLUMNS,
    Block,
    read_parquet,
    read_psv,
)
from vitals.cohort.store import Cohort, open_cohort
from vitals.cohort.tables import Samples, timestamps
from vitals.cohort.writing import About, Part, write_parts
from vitals.errors import DataError
from vitals.spec.duration import Duration

Progress = Callable[[int, int, str], None]
HOUR = 3_600_000_000
T0 = 1_546_300_800_000_000  # 2019-01-01T00:00Z
EARLY = 6  # hours by which SepsisLabel leads the onset
_ABOUT = About(
    source="PhysioNet/CinC Challenge 2019 (Reyna et al., Crit Care Med 2020;48:210)",
    licence="CC BY 4.0",
    onset_slack=Duration.parse("6h"),
)


def import_challenge2019(
    sources: Sequence[str | Path], destination: str | Path, progress: Progress | None = None
) -> Cohort:
    r"""Write stays of the 2019 challenge as a cohort folder.

    A folder that holds ``hospital_*.parquet`` is read as those files; any other as the ``.psv`` files beneath it. The
    site is the last word of ``hospital_A`` or ``training_setB`` (plain ``training`` is A), else the folder's name.

    Args:
        sources: folders, ``.psv`` files or Parquet files, in any mixture; a stay may occur once.
        destination: the cohort folder to write; it appears whole or not at all.
        progress: called with bytes done, bytes in all, and the site being read.

    Raises:
        DataError: nothing to read, a damaged file, a missing or unknown column, a value that is no number, hours that
            do not follow each other, a label that goes back to 0, a stay that occurs twice.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     file = Path(folder, "training_setB", "p100001.psv")
        ...     file.parent.mkdir()
        ...     _ = file.write_text("|".join(COLUMNS) + "\n" + "|".join(["80", *["NaN"] * 38, "1", "0"]))
        ...     cohort = import_challenge2019([folder], folder + "/cohort")
        >>> cohort.stays["stay_id"].tolist(), cohort.manifest["sites"], cohort.manifest["signals"]
        (['p100001'], {'B': 1}, {'heart_rate': 1})
    """
    files = [file for source in sources for file in _files(Path(source))]
    write_parts(destination, _parts(files, progress), _ABOUT)
    return open_cohort(destination)


def _files(source: Path) -> list[Path]:
    if not source.exists():
        raise DataError(str(source), "no such file or folder", "PSV files or hospital_*.parquet", "check the path")
    if source.is_file():
        return [source]
    found = sorted(source.glob("hospital_*.parquet")) or sorted(source.rglob("*.psv"))
    if not found:
        raise DataError(str(source), "a folder with neither", "hospital_*.parquet or .psv files", "check the path")
    return found


def _parts(files: Sequence[Path], progress: Progress | None) -> Iterator[Part]:
    done, total = 0, sum(file.stat().st_size for file in files)
    seen: dict[str, str] = {}
    for block in _blocks(files):
        for stay_id, start in zip(block.stay_ids, block.starts.tolist(), strict=False):
            if stay_id in seen:
                cure = "name each source once; keep a patient's rows together"
                raise DataError(
                    block.place(start), f"{stay_id}, seen before in {seen[stay_id]}", "each stay once", cure
                )
            seen[stay_id] = block.place(start)
        yield _part(block)
        done += block.size
        if progress:
            progress(min(done, total), total, f"hospital {block.site}")


def _blocks(files: Sequence[Path]) -> Iterator[Block]:
    for file in files:
        if file.suffix != ".psv":
            yield from read_parquet(file)
    yield from read_psv([file for file in files if file.suffix == ".psv"])


def _part(block: Block) -> Part:
    first, last = block.starts[:-1], block.starts[1:] - 1
    stay = np.repeat(np.arange(len(first), dtype=np.int32), np.diff(block.starts))
    _refuse_bad_rows(block, stay)
    clock, label = (block.table[:, COLUMNS.index(name)] for name in (CLOCK, LABEL))
    time = T0 + clock.astype(np.int64) * HOUR
    demographics = block.table[first, len(SIGNAL_COLUMNS) : len(SIGNAL_COLUMNS) + len(DEMOGRAPHIC_COLUMNS)]
    stays = pd.DataFrame(
        {
            "stay_id": block.stay_ids,
            "subject_id": block.stay_ids,
            "site": block.site,
            "admitted": timestamps(time[first] - HOUR),
            "discharged": timestamps(time[last]),
            **dict(zip(DEMOGRAPHIC_COLUMNS.values(), demographics.T, strict=True)),
            "icu_hours": clock[first].astype(np.int64) - 1,
        }
    )
    stays["hospital_hours"] = -stays["hospital_hours"]
    positive = np.flatnonzero(label == 1)
    septic, at = np.unique(stay[positive], return_index=True)
    onset = timestamps(time[positive[at]] + EARLY * HOUR)
    outcomes = pd.DataFrame(
        {"stay_id": np.array(block.stay_ids, dtype=object)[septic], "kind": "sepsis", "onset": onset}
    )
    signals = block.table[:, : len(SIGNAL_COLUMNS)]
    row, column = np.nonzero(~np.isnan(signals))
    names = tuple(SIGNAL_COLUMNS.values())
    return Part(stays, outcomes, Samples(stay[row], time[row], column.astype(np.int16), signals[row, column], names))


def _refuse_bad_rows(block: Block, stay: np.ndarray) -> None:
    """Refuse what the challenge's files cannot mean, naming the first row of it."""
    clock, label = (block.table[:, COLUMNS.index(name)] for name in (CLOCK, LABEL))
    same = stay[1:] == stay[:-1]
    fixed = block.table[:, len(SIGNAL_COLUMNS) : len(SIGNAL_COLUMNS) + len(DEMOGRAPHIC_COLUMNS)]
    changed = (fixed[1:] != fixed[:-1]) & ~(np.isnan(fixed[1:]) & np.isnan(fixed[:-1])) & same[:, None]
    for bad, column, wanted in (
        (np.isinf(block.table).any(axis=1), "of a signal", "finite numbers"),
        (~(clock >= 0) | (clock % 1 != 0), CLOCK, "whole hours since admission"),
        (~np.isin(label, (0, 1)), LABEL, "0 or 1"),
        (np.append(False, same & (np.diff(clock) <= 0)), CLOCK, "hours that run forwards"),
        (np.append(False, same & (np.diff(clock) > 1)), CLOCK, "a row for every hour"),
        (np.append(False, same & (np.diff(label) < 0)), LABEL, "a label that stays 1 once it is 1"),
        (np.append(False, changed.any(axis=1)), "of a demographic", "one value for the whole stay"),
    ):
        if bad.any():
            row = int(np.flatnonzero(bad)[0])
            came = _cell(block, row, column)
            raise DataError(f"{block.place(row)}, column {column}", came, wanted, "mend the row or leave the stay out")


def _cell(block: Block, row: int, column: str) -> str:
    if column in COLUMNS:
        now = block.table[row, COLUMNS.index(column)]
        if row in block.starts:
            return f"{now:g}"
        return f"{now:g} (after {block.table[row - 1, COLUMNS.index(column)]:g})"
    if column == "of a signal":
        name = COLUMNS[int(np.flatnonzero(np.isinf(block.table[row]))[0])]
        return f"{block.table[row, COLUMNS.index(name)]:g} in {name}"
    return "another value than in the row before"
