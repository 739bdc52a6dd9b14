"""Retrospective stays made ready: rows, labels and parts of one or several cohorts, by the kernel the live ward runs."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vitals.alerting.frames import Tables
from vitals.alerting.spells import ClinicalEvents, spells, with_endings
from vitals.alerting.stays import Risks, Stays
from vitals.cohort.split import parts
from vitals.cohort.store import Cohort, open_cohort
from vitals.errors import DataError, SettingsError, nearest
from vitals.flows.joining import column, ended_of, events_of, refuse_no_outcome, refuse_shared
from vitals.labelling.labels import label_rows, outlasts
from vitals.spec.settings import Settings
from vitals.windowing.advance import advance
from vitals.windowing.carry import Carry
from vitals.windowing.types import Dropped, Float32, Float64, Int64, Rows

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
        ended: ``"home"``, ``"lost"`` or ``"died"``, ``(S,)``; None where no cohort says.
        lost: whether nobody knows what came after the discharge, ``(S,)``, by the settings' ``[alerting] death``.
        events: of the labelled kind, with deaths where the settings count them as the event.
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
    ended: NDArray[Any] | None
    lost: NDArray[np.bool_]
    events: ClinicalEvents
    rows: Rows
    label: NDArray[np.float32]
    usable: NDArray[np.bool_]
    left_out: dict[str, int]
    cohorts: tuple[str, ...]

    @property
    def onset_stay(self) -> Int64:
        """Stay of each onset, ``(m,)``."""
        return self.events.stay

    @property
    def onset_time(self) -> Int64:
        """When it was, ``(m,)`` microseconds UTC."""
        return self.events.onset

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

    def whole_stays(self) -> Stays:
        """The stays with their first onsets."""
        return Stays.of(
            self.subject_id, self.admitted, self.discharged, self.onset_stay, self.onset_time, lost=self.lost
        )

    def risks(self, risk: Float32 | Float64) -> Risks:
        """A score of each row, ``(R,)``, as alerting sees it."""
        return Risks.of(self.rows.bed, self.rows.time, risk)

    def spells(self, risk: Float32 | Float64, reset: int = 0) -> tuple[Risks, Stays]:
        """Scores and stays cut at the events, as policies are tuned and judged on them.

        Args:
            risk: of each row, ``(R,)``.
            reset: microseconds without alerts after an event (``policy.reset``).
        """
        return spells(self.risks(risk), self.whole_stays(), self.events, reset)

    def tables(self, risk: Float32 | Float64, news2: Float64 | None = None) -> Tables:
        """All that judging needs.

        Args:
            risk: of each row, ``(R,)``.
            news2: NEWS2 of each row divided by its maximum, ``(R,)``; None where it is not to be compared with.
        """
        return Tables(
            self.risks(risk), self.whole_stays(), self.events, self.subject_id,
            died=None if self.ended is None else self.ended == "died", part=self.part,
            news2=news2, label=self.label, usable=self.usable,
        )  # fmt: skip

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
        keep, mine = self.rows_of(stays), number[self.events.stay] >= 0
        events = (number[self.events.stay[mine]], *(times[mine] for times in self.events.times))
        rows = Rows(
            number[self.rows.bed[keep]].astype(np.int32), self.rows.time[keep], self.rows.value[keep],
            self.rows.age[keep], self.rows.reason[keep],
        )  # fmt: skip
        return Study(
            self.stay_id[stays], self.subject_id[stays], self.site[stays], self.part[stays], self.admitted[stays],
            self.discharged[stays], None if self.ended is None else self.ended[stays], self.lost[stays],
            ClinicalEvents.of(*events), rows, self.label[keep], self.usable[keep], self.left_out, self.cohorts,
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
    refuse_shared(cohorts, "subject_id")
    refuse_shared(cohorts, "stay_id")
    discharged = np.concatenate([cohort.discharged for cohort in cohorts])
    ended = ended_of(cohorts)
    events, lost = with_endings(events_of(settings, cohorts, first), ended, discharged, settings.alerting.death)
    refuse_no_outcome(settings, cohorts, events.onset)
    whole = Rows(
        np.concatenate([one.bed + np.int32(at) for one, at in zip(rows, first[:-1], strict=True)]),
        *(np.concatenate([getattr(one, name) for one in rows]) for name in ("time", "value", "age", "reason")),
    )
    label, usable = label_rows(settings.label, whole.time, whole.bed, events.stay, events.onset)
    columns = {name: column(cohorts, name) for name in ("stay_id", "subject_id", "site")}
    study = Study(
        **columns,
        part=parts(settings.split, columns["subject_id"]),
        admitted=np.concatenate([cohort.admitted for cohort in cohorts]),
        discharged=discharged, ended=ended, lost=lost, events=events, rows=whole, label=label, usable=usable,
        left_out=left_out, cohorts=tuple(cohort.digest for cohort in cohorts),
    )  # fmt: skip
    unknown = outlasts(whole.time, whole.bed, study.whole_stays().lost_at, settings.label.horizon)
    return replace(study, usable=usable & ~unknown)


def text_digest(texts: Iterable[object]) -> str:
    """SHA-256 of a list of texts, in order."""
    digest = hashlib.sha256()
    for text in texts:
        content = str(text).encode()
        digest.update(len(content).to_bytes(8, "big") + content)
    return digest.hexdigest()
