"""Write a cohort folder, part by part, so that a large source never has to be in memory whole."""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from vitals.cohort.digest import CohortDigest
from vitals.cohort.tables import (
    DEMOGRAPHICS,
    STAY_COLUMNS,
    Samples,
    canonical_outcomes,
    canonical_stays,
    refuse_bad_samples,
)
from vitals.errors import DataError
from vitals.spec.duration import Duration

FORMAT = 1
MANIFEST = "cohort.json"
_OURS = frozenset({MANIFEST, "events.parquet", "stays.parquet", "outcomes.parquet"})
_ROW_GROUP = 1 << 18
_TIME = pa.timestamp("us", "UTC")
_NONE = Duration(0)


@dataclass(frozen=True)
class Part:
    """Some stays with everything that belongs to them.

    Attributes:
        stays: one row a stay (see :data:`~vitals.cohort.tables.STAY_COLUMNS`), with ``ended`` where known,
            demographics and extra columns.
        outcomes: what happened to them (``stay_id, kind, onset`` and, where known, ``end``, ``recognised``).
        samples: their samples; ``samples.stay`` is the row of ``stays``.
    """

    stays: pd.DataFrame
    outcomes: pd.DataFrame
    samples: Samples


@dataclass(frozen=True)
class About:
    """Where a cohort comes from.

    Attributes:
        source: what to cite.
        licence: what the source allows.
        onset_slack: how far after a discharge an onset may lie.
    """

    source: str
    licence: str
    onset_slack: Duration = _NONE


def write_parts(path: str | Path, parts: Iterable[Part], about: About) -> None:
    """Write a cohort folder; it appears whole or not at all, and replaces nothing but an older cohort.

    Args:
        path: the folder to write.
        parts: stays in the order they are to keep; a stay lies in one part.
        about: source, licence and slack, kept in the manifest.

    Raises:
        DataError: tables that are no cohort, or a ``path`` that holds something else.

    Example:
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     write_parts(folder + "/cohort", [], About("nothing", "CC0"))
        Traceback (most recent call last):
        vitals.errors.DataError: ...: came no stay; wanted at least one stay; check that the source is the one you meant
    """
    with _new_folder(Path(path).resolve()) as folder:
        digest, signals = CohortDigest(), Counter[str]()
        stays, outcomes = _write_events(folder / "events.parquet", parts, digest, signals)
        stays = _in_order(canonical_stays(stays))
        outcomes = canonical_outcomes(outcomes, stays, about.onset_slack)
        for name, frame in (("stays", stays), ("outcomes", outcomes)):
            _write_frame(frame, folder / f"{name}.parquet")
        manifest = {
            "format": FORMAT,
            "source": about.source,
            "licence": about.licence,
            "created": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
            "onset_slack": about.onset_slack.text,
            "digest": digest.text(stays, outcomes),
            **_counts(stays, outcomes, signals),
        }
        (folder / MANIFEST).write_text(json.dumps(manifest, indent=2, ensure_ascii=False) + "\n", "utf-8")


def _write_events(
    path: Path, parts: Iterable[Part], digest: CohortDigest, signals: Counter[str]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Write the samples of all parts; give back all stays (with their number of samples) and all outcomes."""
    stays: list[pd.DataFrame] = []
    outcomes: list[pd.DataFrame] = []
    done = 0
    with contextlib.ExitStack() as stack:
        writer: Any = None
        for part in parts:
            samples = part.samples.ordered()
            refuse_bad_samples(samples, part.stays["stay_id"])
            table = _table(samples, part.stays["stay_id"])
            writer = writer or stack.enter_context(_writer(path, table.schema))
            if table.schema != writer.schema:
                raise DataError("events.arrival", "parts with and parts without it", "one kind", "add it to all")
            writer.write_table(table, row_group_size=_ROW_GROUP)
            digest.update(samples, done)
            counts = np.bincount(samples.signal, minlength=len(samples.names)).tolist()
            signals.update(dict(zip(samples.names, counts, strict=True)))
            stays.append(part.stays.assign(samples=np.bincount(samples.stay, minlength=len(part.stays))))
            outcomes.append(part.outcomes)
            done += len(part.stays)
    if not done:
        raise DataError(str(path.parent), "no stay", "at least one stay", "check that the source is the one you meant")
    return pd.concat(stays, ignore_index=True), pd.concat(outcomes, ignore_index=True)


def _table(samples: Samples, stay_ids: pd.Series) -> pa.Table:
    columns = {
        "stay_id": pa.DictionaryArray.from_arrays(pa.array(samples.stay), pa.array(stay_ids.astype(str), pa.string())),
        "time": pa.array(samples.time).cast(_TIME),
        "signal": pa.DictionaryArray.from_arrays(samples.signal.astype(np.int32), pa.array(samples.names, pa.string())),
        "value": pa.array(samples.value, pa.float32()),
    }
    if samples.arrival is not None:
        columns["arrival"] = pa.array(samples.arrival).cast(_TIME)
    return pa.table(columns)


def _write_frame(frame: pd.DataFrame, path: Path) -> None:
    try:
        table = pa.Table.from_pandas(frame, preserve_index=False)
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise DataError(path.stem, str(error), "columns of one type each", "convert or drop the column") from None
    pq.write_table(table.replace_schema_metadata(None), path, compression="zstd")


def _writer(path: Path, schema: pa.Schema) -> pq.ParquetWriter:
    return pq.ParquetWriter(path, schema, compression="zstd", compression_level=1)


def _in_order(stays: pd.DataFrame) -> pd.DataFrame:
    """Columns in one order whatever the parts had: fixed ones, samples, demographics, extra ones."""
    known = (*STAY_COLUMNS, "ended", "samples", *DEMOGRAPHICS)
    extra = [name for name in stays.columns if name not in known]
    return stays[[name for name in known if name in stays.columns] + extra]


def _counts(stays: pd.DataFrame, outcomes: pd.DataFrame, signals: Counter[str]) -> dict[str, Any]:
    return {
        "stays": len(stays),
        "subjects": int(stays["subject_id"].nunique()),
        "samples": int(stays["samples"].sum()),
        "sites": _tally(stays["site"]),
        **({"ended": _tally(stays["ended"])} if "ended" in stays.columns else {}),
        "outcomes": _tally(outcomes["kind"]),
        "signals": {name: signals[name] for name in sorted(signals) if signals[name]},
    }


def _tally(words: pd.Series) -> dict[str, int]:
    return {str(word): int(count) for word, count in words.value_counts(sort=False).items()}


@contextlib.contextmanager
def _new_folder(path: Path) -> Iterator[Path]:
    """A folder beside ``path`` that takes its place when all went well, and vanishes otherwise."""
    _refuse_what_is_not_ours(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
    try:
        yield folder
        folder.chmod(0o755)  # mkdtemp makes it private; a cohort is as readable as any other folder
        _refuse_what_is_not_ours(path)  # an import takes its time: somebody may have put a file there meanwhile
        if path.exists():
            old = Path(tempfile.mkdtemp(prefix=f".{path.name}.old.", dir=path.parent))
            path.replace(old)
            shutil.rmtree(old)
        folder.replace(path)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _refuse_what_is_not_ours(path: Path) -> None:
    """Refuse a destination with anything in it but an older cohort, since all that is in it goes."""
    wanted = "a new or empty folder, or an older cohort"
    if not path.exists():
        return
    if not path.is_dir():
        raise DataError(str(path), "a file", wanted, "name another destination")
    names = {each.name for each in path.iterdir()}
    if names and not (path / MANIFEST).is_file():
        raise DataError(str(path), "a folder with other things in it", wanted, "name another destination")
    foreign = sorted(names - _OURS)
    if foreign:
        came = f"an older cohort with {len(foreign)} other things in it, such as {foreign[0]}"
        cure = "move it elsewhere, or name another destination"
        raise DataError(
            str(path), came if len(foreign) > 1 else f"an older cohort with {foreign[0]} in it", wanted, cure
        )
