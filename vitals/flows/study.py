"""Retrospective stays made ready: rows, labels and parts of one or several cohorts, by the kernel the live ward runs."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vitals.alerting.stays import Stays
from vitals.cohort.split import parts
from vitals.cohort.store import Cohort, open_cohort
from vitals.errors import DataError, SettingsError, nearest
from vitals.labelling.labels import label_rows
from vitals.spec.settings import Settings
from vitals.windowing.advance import advance
from vitals.windowing.carry import Carry
from vitals.windowing.types import Dropped, Int64, Rows

Progress = Callable[[int, int, str], None]
PARTS = ("train", "validation", "tuning", "held_out")


def cohort_rows(settings: Settings, cohort: Cohort, start: int = 0, stop: int | None = None) -> tuple[Rows, Dropped]:
    """The rows of ``stays[start:stop]``: a ward that holds all of them, advanced once to their discharges.

    Args:
        settings: channels and window.
        cohort: the open cohort.
        start: first stay.
        stop: stay after the last; None for all that remain.

    Returns:
        Rows whose ``bed`` counts from ``start``, and the samples left out.
    """
    admitted, discharged = cohort.admitted[start:stop], cohort.discharged[start:stop]
    carry = Carry.empty(settings, len(admitted))
    carry.admit(np.arange(len(admitted)), admitted)
    _, rows, dropped = advance(settings, carry, cohort.events(settings, start, stop), until=discharged)
    return rows, dropped


@dataclass(frozen=True)
class Study:
    """All stays of some cohorts, numbered from 0, with everything that is known of them.

    Attributes:
        stay_id: ``(S,)``.
        subject_id: ``(S,)``.
        site: ``(S,)``.
        part: ``(S,)``.
        admitted: ``(S,)`` microseconds UTC.
        discharged: ``(S,)`` microseconds UTC.
        onset_stay: stay of each onset of the labelled kind, ``(m,)``.
        onset_time: when it was, ``(m,)``.
        rows: ``bed`` is the stay's number.
        label: 0 or 1, ``(R,)``.
        usable: whether the label may be used, ``(R,)``.
        left_out: samples left out, by reason.
        cohorts: digest of each cohort.
    """

    stay_id: NDArray[np.object_]
    subject_id: NDArray[np.object_]
    site: NDArray[np.object_]
    part: NDArray[np.str_]
    admitted: Int64
    discharged: Int64
    onset_stay: Int64
    onset_time: Int64
    rows: Rows
    label: NDArray[np.float32]
    usable: NDArray[np.bool_]
    left_out: dict[str, int]
    cohorts: tuple[str, ...]

    @property
    def digest(self) -> str:
        """SHA-256 of all the cohorts together."""
        return text_digest(self.cohorts)

    def stays_of(self, part: str) -> Int64:
        """Numbers of the stays in a part."""
        return np.flatnonzero(self.part == part)

    def rows_of(self, stays: Int64) -> NDArray[np.bool_]:
        """Which rows belong to these stays, ``(R,)``."""
        chosen = np.zeros(len(self.stay_id), bool)
        chosen[stays] = True
        return chosen[self.rows.bed]

    def alert_stays(self) -> Stays:
        """The stays as alerting sees them."""
        return Stays.of(self.subject_id, self.admitted, self.discharged, self.onset_stay, self.onset_time)

    def take(self, part: str) -> Study:
        """The study of one part alone, its stays numbered from 0 again; ``"all"`` is the whole of it.

        Raises:
            SettingsError: no such part.
            DataError: a part without a stay.
        """
        if part == "all":
            return self
        if part not in PARTS:
            raise SettingsError("part", repr(part), "all, " + ", ".join(PARTS), nearest(part, (*PARTS, "all")))
        stays = self.stays_of(part)
        if not len(stays):
            raise DataError(f"part {part}", "no stay", "at least one", "bring more patients or change [split]")
        return self.of(stays)

    def of(self, stays: Int64) -> Study:
        """The study of some stays alone, numbered from 0 again in their order; nothing else of the others is left.

        Args:
            stays: numbers of the stays, rising, ``(s,)``.
        """
        number = np.full(len(self.stay_id), -1, np.int64)
        number[stays] = np.arange(len(stays))
        keep, onset = self.rows_of(stays), number[self.onset_stay] >= 0
        rows = Rows(
            number[self.rows.bed[keep]].astype(np.int32), self.rows.time[keep], self.rows.value[keep],
            self.rows.age[keep], self.rows.reason[keep],
        )  # fmt: skip
        return Study(
            self.stay_id[stays], self.subject_id[stays], self.site[stays], self.part[stays], self.admitted[stays],
            self.discharged[stays], number[self.onset_stay[onset]], self.onset_time[onset], rows, self.label[keep],
            self.usable[keep], self.left_out, self.cohorts,
        )  # fmt: skip


def open_study(settings: Settings, paths: Iterable[Path], progress: Progress | None = None) -> Study:
    """Read cohorts, window them, label them and split them by patient.

    Raises:
        DataError: a patient or a stay in two of the cohorts, or an outcome kind that none of them has.
    """
    cohorts = [open_cohort(path) for path in paths]
    rows: list[Rows] = []
    dropped: dict[str, int] = {}
    for i, cohort in enumerate(cohorts):
        if progress:
            progress(i, len(cohorts), f"windowing {cohort.path.name}")
        one, left = cohort_rows(settings, cohort)
        # live, a discharge is known only when it comes, so samples after it have rows; a study has no use for them
        rows.append(one.take(one.time <= cohort.discharged[one.bed]))
        for reason, n in left.counts().items():
            dropped[reason] = dropped.get(reason, 0) + n
    if progress:
        progress(len(cohorts), len(cohorts), "windowing")
    return _join(settings, cohorts, rows, dropped)


def _join(settings: Settings, cohorts: list[Cohort], rows: list[Rows], left_out: dict[str, int]) -> Study:
    first = np.cumsum([0, *(len(cohort) for cohort in cohorts)])
    _refuse_shared(cohorts, "subject_id")
    _refuse_shared(cohorts, "stay_id")
    onsets = [cohort.onsets(settings.label.kind) for cohort in cohorts]
    onset_stay = np.concatenate([stay + at for (stay, _), at in zip(onsets, first[:-1], strict=True)])
    onset_time = np.concatenate([time for _, time in onsets])
    _refuse_no_outcome(settings, cohorts, onset_time)
    whole = Rows(
        np.concatenate([one.bed + np.int32(at) for one, at in zip(rows, first[:-1], strict=True)]),
        *(np.concatenate([getattr(one, name) for one in rows]) for name in ("time", "value", "age", "reason")),
    )
    label, usable = label_rows(settings.label, whole.time, whole.bed, onset_stay, onset_time)
    columns = {name: _column(cohorts, name) for name in ("stay_id", "subject_id", "site")}
    return Study(
        **columns,
        part=parts(settings.split, columns["subject_id"]),
        admitted=np.concatenate([cohort.admitted for cohort in cohorts]),
        discharged=np.concatenate([cohort.discharged for cohort in cohorts]),
        onset_stay=onset_stay, onset_time=onset_time, rows=whole, label=label, usable=usable, left_out=left_out,
        cohorts=tuple(cohort.digest for cohort in cohorts),
    )  # fmt: skip


def _column(cohorts: list[Cohort], name: str) -> NDArray[np.object_]:
    return np.concatenate([cohort.stays[name].astype(str).to_numpy(object) for cohort in cohorts])


def _refuse_shared(cohorts: list[Cohort], name: str) -> None:
    seen: dict[Any, Path] = {}
    for cohort in cohorts:
        for value in cohort.stays[name].unique():
            if value in seen:
                raise DataError(
                    f"{cohort.path} {name}", f"{value}, which is in {seen[value]} too", "each in one cohort",
                    "give one cohort only, or tell the patients apart by their ids",
                )  # fmt: skip
        seen.update(dict.fromkeys(cohort.stays[name].unique(), cohort.path))


def _refuse_no_outcome(settings: Settings, cohorts: list[Cohort], onset_time: Int64) -> None:
    if not len(onset_time):
        kinds = sorted({str(kind) for cohort in cohorts for kind in cohort.outcomes["kind"].unique()})
        raise DataError(
            "outcomes", f'no onset of kind "{settings.label.kind}"', "at least one",
            f"set [label] kind to one of: {', '.join(kinds) or 'none is there'}",
        )  # fmt: skip


def text_digest(texts: Iterable[object]) -> str:
    """SHA-256 of a list of texts, in order."""
    digest = hashlib.sha256()
    for text in texts:
        content = str(text).encode()
        digest.update(len(content).to_bytes(8, "big") + content)
    return digest.hexdigest()
