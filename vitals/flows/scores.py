"""Score a cohort: the live kernel called with every stay at once, a block of stays at a time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from vitals.cohort.store import Cohort, open_cohort
from vitals.errors import SettingsError
from vitals.flows.study import cohort_rows
from vitals.scoring.model import Model, open_model
from vitals.scoring.ward_step import score_rows
from vitals.windowing.types import Dropped, Float32, Rows

Progress = Callable[[int, int, str], None]
_STAYS = 4096  # bounds the memory, not the result

_SCHEMA = pa.schema(
    [
        ("subject_id", pa.string()),
        ("stay_id", pa.string()),
        ("prediction_time", pa.timestamp("us", "UTC")),
        ("risk", pa.float32()),
    ]
)


def score(model: Path, data: Path, out: Path | None = None, progress: Progress | None = None) -> dict[str, Any]:
    """One risk for every step of every stay: the same bits as the live ward gives.

    Args:
        model: a model folder, or a shipped model by its name.
        data: a cohort folder.
        out: the Parquet file to write (``subject_id, stay_id, prediction_time, risk``); None only counts.
        progress: told stays done and to do.

    Returns:
        Counts of stays, rows, risks that could not be given, and samples left out by reason.

    Raises:
        ModelError: a damaged or foreign model.
        DataError: a damaged cohort.

    Example:
        >>> summary = score(model, ward, home / "risks.parquet")
        >>> summary["stays"]
        90
        >>> pq.read_table(home / "risks.parquet").num_rows == summary["rows"]
        True
    """
    opened, cohort, out = open_model(model), open_cohort(data), None if out is None else Path(out)
    if out and out.exists() and not _is_ours(out):
        wanted = "a new file, or an older table of risks"
        raise SettingsError(f"--out {out}", "something else that is there already", wanted, "choose another name")
    counts, left_out = Counter[str](), Counter[str]()
    part = out.with_name(f".{out.name}.part") if out else None
    writer = pq.ParquetWriter(part, _SCHEMA) if part else None
    try:
        for start, rows, risk, dropped in scored_blocks(opened, cohort, progress):
            counts.update(rows=len(rows), no_risk=int(np.isnan(risk).sum()))
            left_out.update(dropped.counts())
            if writer:
                writer.write_table(_table(cohort, start, rows, risk))
    except BaseException:
        if writer and part:
            writer.close()
            part.unlink(missing_ok=True)
        raise
    if writer:
        writer.close()
    if part and out:
        part.replace(out)  # only now: a run that was interrupted must not leave a shorter table under the name
    summary = {"stays": len(cohort), "rows": counts["rows"], "no_risk": counts["no_risk"], "left_out": dict(left_out)}
    return {**summary, "model_digest": opened.digest, **({"files": [str(out)]} if out else {})}


def _is_ours(file: Path) -> bool:
    try:
        return bool(pq.read_schema(file).names == _SCHEMA.names)
    except (OSError, pa.ArrowInvalid):
        return False


def scored_blocks(
    model: Model, cohort: Cohort, progress: Progress | None = None
) -> Iterator[tuple[int, Rows, Float32, Dropped]]:
    """Rows and risks of a cohort, some stays at a time: first stay, rows (``bed`` counts from it), risks, left out."""
    for start in range(0, len(cohort), _STAYS):
        stop = min(start + _STAYS, len(cohort))
        rows, dropped = cohort_rows(model.settings, cohort, start, stop)
        yield start, rows, score_rows(model, model.initial_hidden(stop - start), rows), dropped
        if progress:
            progress(stop, len(cohort), "scoring stays")


def score_frame(model: Path, data: Path) -> pd.DataFrame:
    """The table that :func:`score` writes, as a data frame.

    Example:
        >>> risks = score_frame(model, ward)
        >>> list(risks.columns)
        ['subject_id', 'stay_id', 'prediction_time', 'risk']
        >>> bool(risks["risk"].dropna().between(0, 1).all())
        True
    """
    opened, cohort = open_model(model), open_cohort(data)
    tables = [_table(cohort, start, rows, risk) for start, rows, risk, _ in scored_blocks(opened, cohort)]
    frame: pd.DataFrame = pa.concat_tables(tables or [_SCHEMA.empty_table()]).to_pandas()
    return frame


def _table(cohort: Cohort, start: int, rows: Rows, risk: Float32) -> pa.Table:
    stays = cohort.stays.iloc[start : start + int(rows.bed.max(initial=-1)) + 1]
    names = []
    for name in ("subject_id", "stay_id"):
        # a patient may have several stays, so the names of the stays are not yet a dictionary
        code, distinct = pd.factorize(stays[name].astype(str))
        place = pa.array(code.astype(np.int32)[rows.bed])
        names.append(pa.DictionaryArray.from_arrays(place, pa.array(distinct, pa.string())).dictionary_decode())
    return pa.Table.from_arrays(
        [*names, pa.array(rows.time, pa.timestamp("us", "UTC")), pa.array(risk)], schema=_SCHEMA
    )
