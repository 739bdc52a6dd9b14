"""Score a cohort: the live kernel called with every stay at once, a block of stays at a time, by any engine."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from vitals.cohort.store import Cohort, open_cohort
from vitals.errors import SettingsError, nearest
from vitals.flows.score_pieces import Plan, Scored, joined, score_stays
from vitals.flows.score_pool import pooled
from vitals.scoring.model import Model, open_model
from vitals.windowing.types import Dropped, Float32, Rows

Progress = Callable[[int, int, str], None]
_STAYS = 4096  # bounds the memory, not the result
_ENGINES = ("local", "spark")

_SCHEMA = pa.schema(
    [
        ("subject_id", pa.string()),
        ("stay_id", pa.string()),
        ("prediction_time", pa.timestamp("us", "UTC")),
        ("risk", pa.float32()),
    ]
)


@dataclass(frozen=True)
class Engine:
    """Who scores; the risks are the same.

    Attributes:
        name: ``"local"`` or ``"spark"``.
        processes: on this machine, one thread each; 0 is one a core.
        master: the address of a Spark cluster; None is this machine.
    """

    name: str = "local"
    processes: int = 1
    master: str | None = None

    def __post_init__(self) -> None:
        """Refuse what does not go together."""
        if self.name not in _ENGINES:
            raise SettingsError("--engine", f'"{self.name}"', " or ".join(_ENGINES), nearest(self.name, _ENGINES))
        if self.processes < 0:
            raise SettingsError("--processes", str(self.processes), "0 or more", "give 0 for one a core")
        if self.master is not None and self.name != "spark":
            raise SettingsError("--master", self.master, "a cluster for Spark", "add --engine spark")


def score(
    model: Path, data: Path, out: Path | None = None, progress: Progress | None = None, engine: Engine | None = None
) -> dict[str, Any]:
    """One risk for every step of every stay: the same bits as the live ward gives.

    Args:
        model: a model folder, or a shipped model by its name.
        data: a cohort folder.
        out: the Parquet file to write (``subject_id, stay_id, prediction_time, risk``); None only counts.
        progress: told stays done and to do.
        engine: who scores; this process without. Whoever it is writes the same bytes.

    Returns:
        Counts of stays, rows, risks that could not be given, and samples left out by reason.

    Raises:
        SettingsError: an ``out`` that holds something else, an unknown engine, or Spark that is not there.
        ModelError: a damaged or foreign model.
        DataError: a damaged cohort, or a process that died.

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
    blocks = _blocks(Plan.of(model, opened, cohort, _STAYS), engine or Engine(), opened, cohort, out, progress)
    with contextlib.closing(blocks), _writer(out) as writer:
        for block in blocks:
            counts.update(rows=len(block.risk), no_risk=int(np.isnan(block.risk).sum()))
            left_out.update(block.left_out)
            if writer:
                writer.write_table(_table(cohort, block))
    summary = {"stays": len(cohort), "rows": counts["rows"], "no_risk": counts["no_risk"], "left_out": dict(left_out)}
    return {**summary, "model_digest": opened.digest, **({"files": [str(out)]} if out else {})}


def _blocks(
    plan: Plan, engine: Engine, model: Model, cohort: Cohort, out: Path | None, progress: Progress | None
) -> Generator[Scored, None, None]:
    """Every block of stays in order, however it is scored."""
    if engine.name == "spark":
        from vitals.flows.score_spark import sparked

        yield from joined(sparked(plan, engine.processes, engine.master, progress), _STAYS)
    elif engine.processes == 1:
        yield from (Scored.of(*block) for block in scored_blocks(model, cohort, progress))
    else:
        yield from joined(pooled(plan, engine.processes, out, progress), _STAYS)


@contextlib.contextmanager
def _writer(out: Path | None) -> Iterator[pq.ParquetWriter | None]:
    """A writer of the table; nothing is called ``out`` before all of it is written."""
    if out is None:
        yield None
        return
    part = out.with_name(f".{out.name}.part")
    writer = pq.ParquetWriter(part, _SCHEMA)
    try:
        yield writer
    except BaseException:
        writer.close()
        part.unlink(missing_ok=True)
        raise
    writer.close()
    part.replace(out)  # only now: a run that was interrupted must not leave a shorter table under the name


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
        yield start, *score_stays(model, cohort, start, stop)
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
    tables = [_table(cohort, Scored.of(*block)) for block in scored_blocks(opened, cohort)]
    frame: pd.DataFrame = pa.concat_tables(tables or [_SCHEMA.empty_table()]).to_pandas()
    return frame


def _table(cohort: Cohort, block: Scored) -> pa.Table:
    stays = cohort.stays.iloc[block.start : block.start + int(block.bed.max(initial=-1)) + 1]
    names = []
    for name in ("subject_id", "stay_id"):
        # a patient may have several stays, so the names of the stays are not yet a dictionary
        code, distinct = pd.factorize(stays[name].astype(str))
        place = pa.array(code.astype(np.int32)[block.bed])
        names.append(pa.DictionaryArray.from_arrays(place, pa.array(distinct, pa.string())).dictionary_decode())
    return pa.Table.from_arrays(
        [*names, pa.array(block.time, pa.timestamp("us", "UTC")), pa.array(block.risk)], schema=_SCHEMA
    )
