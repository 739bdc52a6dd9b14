"""The cohort folder: Parquet tables of events, stays and outcomes with a manifest beside them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from vitals.cohort.grouping import demographics, grouped_by_bed
from vitals.cohort.outcomes import OutcomeTimes, outcome_times
from vitals.cohort.reading import parquet, read_frame, read_manifest, read_samples
from vitals.cohort.tables import (
    EVENT_COLUMNS,
    OUTCOME_COLUMNS,
    STAY_COLUMNS,
    Samples,
    canonical_stays,
    microseconds,
    require,
)
from vitals.cohort.writing import MANIFEST, About, Part, write_parts
from vitals.errors import DataError
from vitals.labelling.labels import ended_words
from vitals.spec.duration import Duration
from vitals.spec.settings import Settings
from vitals.windowing.types import Events, Int64


@dataclass(frozen=True)
class Cohort:
    """An open cohort folder; stays and outcomes are in memory, samples are read when asked for.

    Attributes:
        path: the folder.
        manifest: source, licence, digest, counts and ``onset_slack``.
        stays: ``stay_id, subject_id, site, admitted, discharged``, ``ended`` where known, ``samples``, demographics,
            extra columns.
        outcomes: ``stay_id, kind, onset`` and, where known, ``end``, ``recognised``; a stay without a row of a kind
            had none.
    """

    path: Path
    manifest: dict[str, Any]
    stays: pd.DataFrame
    outcomes: pd.DataFrame

    def __len__(self) -> int:
        """Number of stays."""
        return len(self.stays)

    @property
    def digest(self) -> str:
        """SHA-256 of the content of the tables, as written in the manifest (``vitals check`` counts it again)."""
        return str(self.manifest["digest"])

    @property
    def onset_slack(self) -> Duration:
        """How far after a discharge an onset may lie."""
        return Duration.parse(self.manifest.get("onset_slack", "0h"), f"{MANIFEST} onset_slack")

    @cached_property
    def admitted(self) -> Int64:
        """When each stay began, ``(S,)`` microseconds UTC."""
        return microseconds(self.stays["admitted"], "stays.admitted")

    @cached_property
    def discharged(self) -> Int64:
        """When each stay ended, ``(S,)`` microseconds UTC."""
        return microseconds(self.stays["discharged"], "stays.discharged")

    @cached_property
    def ended(self) -> NDArray[Any] | None:
        """How each stay ended, ``(S,)`` words ``"home"``, ``"lost"`` or ``"died"``; None where nobody wrote it down.

        Raises:
            DataError: an unknown word, in a table changed after the import.
        """
        if "ended" not in self.stays.columns:
            return None
        return ended_words(self.stays["ended"].tolist(), str(self.path / "stays.parquet ended"))

    def outcome_times(self, kind: str) -> OutcomeTimes:
        """Every outcome of one kind: stay, onset and, where known, end and recognition, ``(n,)`` each.

        Raises:
            DataError: an outcome of a stay that the cohort does not have.
        """
        return outcome_times(self.stays, self.outcomes, kind, str(self.path / "outcomes.parquet"))

    def onsets(self, kind: str) -> tuple[Int64, Int64]:
        """Onsets of one kind of outcome: positions of their stays ``(n,)``, times ``(n,)`` in microseconds UTC.

        Raises:
            DataError: an outcome of a stay that the cohort does not have.
        """
        times = self.outcome_times(kind)
        return times.stay, times.onset

    def samples(self, start: int = 0, stop: int | None = None) -> Iterator[Samples]:
        """The samples of ``stays[start:stop]`` as they lie on disk, a row group at a time.

        ``Samples.stay`` counts from the first stay of the cohort, whatever ``start`` is.

        Raises:
            DataError: a damaged ``events.parquet``.
        """
        bounds = np.concatenate([[0], np.cumsum(self.stays["samples"].to_numpy(np.int64))])
        first, last, _ = slice(start, stop).indices(len(self))
        return read_samples(self.path, bounds, first, max(first, last))

    def events(self, settings: Settings, start: int = 0, stop: int | None = None) -> Events:
        """What windowing takes in: the samples of ``stays[start:stop]``; bed = position - start.

        A stay's demographics come first, as samples at the time of admission, then its samples in the order of their
        arrival. Signals that are no channel of the settings are left out.

        Args:
            settings: which signals and demographics become channels.
            start: the first stay.
            stop: the stay after the last; None for all that remain.

        Raises:
            DataError: a damaged ``events.parquet``.
        """
        first, last, _ = slice(start, stop).indices(len(self))
        last = max(first, last)
        columns = {name: i for i, name in enumerate(settings.channels)}
        pieces = [demographics(settings, self.stays[first:last], self.admitted[first:last])]
        for samples in self.samples(first, last):
            channel = np.array([columns.get(name, -1) for name in samples.names], np.int16)[samples.signal]
            keep = channel >= 0
            bed = samples.stay[keep] - np.int32(first)
            pieces.append(Events(bed, samples.time[keep], channel[keep], samples.value[keep]))
        return grouped_by_bed(pieces, last - first)


def open_cohort(path: str | Path) -> Cohort:
    """Open a cohort folder.

    Raises:
        DataError: no such folder, a folder that is no cohort, a damaged or newer one.

    Example:
        >>> open_cohort("no/such/folder")
        Traceback (most recent call last):
        vitals.errors.DataError: no/such/folder: came no such folder; wanted a cohort folder; make one with: ...
    """
    path = Path(path)
    if not path.is_dir():
        raise DataError(
            str(path), "no such folder", "a cohort folder", "make one with: vitals import …, vitals simulate …"
        )
    manifest = read_manifest(path)
    stays, outcomes = read_frame(path / "stays.parquet"), read_frame(path / "outcomes.parquet")
    require(stays, (*STAY_COLUMNS, "samples"), str(path / "stays.parquet"))
    require(outcomes, OUTCOME_COLUMNS, str(path / "outcomes.parquet"))
    twice = stays["stay_id"].duplicated()
    if twice.any():
        came = f'stay "{stays.loc[twice, "stay_id"].iloc[0]}" seen before'
        raise DataError(str(path / "stays.parquet"), came, "each stay once", "import again")
    with parquet(path / "events.parquet") as file:
        require(pd.DataFrame(columns=file.schema_arrow.names), EVENT_COLUMNS, str(path / "events.parquet"))
        rows, counted = file.metadata.num_rows, int(stays["samples"].sum())
    if rows != counted:
        came = f"{rows} rows, while stays.parquet counts {counted}"
        raise DataError(str(path / "events.parquet"), came, "the file that was written with it", "import again")
    return Cohort(path, manifest, stays, outcomes)


def write_cohort(  # noqa: PLR0913 - three tables, and three things to say about them, by name
    path: str | Path,
    events: pd.DataFrame,
    stays: pd.DataFrame,
    outcomes: pd.DataFrame,
    *,
    source: str,
    licence: str,
    onset_slack: Duration | str = "0h",
) -> Cohort:
    """Write a cohort folder from three data frames and open it.

    Times are timestamps (without a zone: UTC) or whole microseconds. Samples are put in the order of ``stays`` and,
    within a stay, of ``arrival`` (else ``time``); those that tie keep their order.

    Args:
        path: the folder; it appears whole or not at all, and may replace an older cohort but nothing else.
        events: ``stay_id, time, signal, value`` and, where known, ``arrival``.
        stays: ``stay_id, subject_id, site, admitted, discharged``, where known ``ended`` (``"home"``, ``"lost"``,
            ``"died"``; nothing is ``"lost"``), demographics, extra columns.
        outcomes: ``stay_id, kind, onset`` and, where known, ``end`` and ``recognised``, which may be missing in rows.
        source: what to cite.
        licence: what the source allows.
        onset_slack: how far after a discharge an onset may lie.

    Raises:
        DataError: a missing column, an unknown signal or stay, a value that is no number, a stay twice, a patient in
            two sites, an onset after discharge, an end before its onset, an unknown word in ``ended``, or a ``path``
            that holds something else.

    Example:
        >>> import tempfile
        >>> stays = pd.DataFrame({"stay_id": ["s1"], "subject_id": ["p1"], "site": ["A"], "admitted": [0],
        ...     "discharged": [7_200_000_000], "age": [70.0]})
        >>> events = pd.DataFrame({"stay_id": ["s1"], "time": [60_000_000], "signal": ["heart_rate"], "value": [80.0]})
        >>> none = pd.DataFrame({"stay_id": [], "kind": [], "onset": []}, dtype=object)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     cohort = write_cohort(folder + "/c", events, stays, none, source="an example", licence="CC0")
        ...     next(cohort.samples()).value.tolist()
        [80.0]
    """
    require(events, EVENT_COLUMNS, "events")
    stays = canonical_stays(stays)
    position = pd.Index(stays["stay_id"]).get_indexer(pd.Index(events["stay_id"].astype(str)))
    if (position < 0).any():
        row = int(np.flatnonzero(position < 0)[0])
        came = f'stay "{events["stay_id"].iloc[row]}"'
        raise DataError(f"events, row {row + 1}", came, "a stay of the table stays", "add the stay, or drop the row")
    code, names = pd.factorize(events["signal"].astype(str), sort=True)
    arrival = microseconds(events["arrival"], "events.arrival") if "arrival" in events.columns else None
    time, value = microseconds(events["time"], "events.time"), events["value"].to_numpy(np.float32)
    samples = Samples(position.astype(np.int32), time, code.astype(np.int16), value, tuple(names), arrival)
    slack = Duration.parse(onset_slack, "onset_slack")
    write_parts(path, [Part(stays, outcomes, samples)], About(source, licence, slack))
    return open_cohort(path)
