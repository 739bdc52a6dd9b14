"""What alerts are judged on: risks along stays, and what happened in those stays."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vitals.errors import DataError
from vitals.labelling.labels import NO_ONSET, first_onsets
from vitals.spec.settings import Alerting
from vitals.windowing.types import Int64

Float64 = NDArray[np.float64]


@dataclass(frozen=True)
class Risks:
    """Risks of stays, ordered by stay and within a stay by time (anybody's: a model's, or a bedside score's).

    Attributes:
        stay: index of the stay, ``(R,)`` int64.
        time: prediction time, ``(R,)`` int64 microseconds UTC.
        risk: ``(R,)`` float64, NaN where there is none. A score on another scale (NEWS2) is divided by its maximum.
    """

    stay: Int64
    time: Int64
    risk: Float64

    @classmethod
    def of(cls, stay: ArrayLike, time: ArrayLike, risk: ArrayLike) -> Risks:
        """Check the columns and take them over.

        Raises:
            DataError: columns of different lengths, rows out of order, or two rows of a stay at one time.

        Example:
            >>> len(Risks.of([0, 0, 1], [10, 20, 10], [0.1, 0.2, float("nan")]))
            3
        """
        columns = (
            np.ascontiguousarray(stay, np.int64),
            np.ascontiguousarray(time, np.int64),
            np.ascontiguousarray(risk, np.float64),
        )
        if not columns[0].shape == columns[1].shape == columns[2].shape == (columns[0].size,):
            shapes = ", ".join(str(column.shape) for column in columns)
            raise DataError(
                "risks", f"columns of shape {shapes}", "one stay, time and risk a row", "pass equal columns"
            )
        step, later = np.diff(columns[0]), np.diff(columns[1]) > 0
        wrong = np.flatnonzero((step < 0) | ((step == 0) & ~later))
        if len(wrong):
            raise DataError(
                f"risks row {wrong[0] + 1}",
                "a time that is not after the one before it in its stay",
                "rows ordered by stay and time, one for each time",
                "sort by stay and time and leave out duplicates",
            )
        return cls(*columns)

    def __len__(self) -> int:
        """Number of rows."""
        return len(self.stay)

    def starts(self, stays: int) -> Int64:
        """First row of each stay and, last, the number of rows, ``(stays + 1,)``."""
        return np.searchsorted(self.stay, np.arange(stays + 1)).astype(np.int64)


@dataclass(frozen=True)
class Stays:
    """Who was monitored, when, and when the first event of each stay set in.

    Attributes:
        patient: number of the patient, from 0, ``(S,)`` int64; the unit of resampling.
        admitted: ``(S,)`` int64 microseconds UTC.
        discharged: ``(S,)`` int64 microseconds UTC.
        onset: first onset, ``(S,)`` int64 microseconds UTC, ``NO_ONSET`` where there was none. It may lie after the
            discharge, where the record ends before the event.
        lost: whether the record ends without its being known what came next (a transfer, lost data), ``(S,)`` bool.
        whole: the stay each belongs to, ``(S,)`` int64: where events end and alerts come again, one stay has several rows.
        weight: how many stays each stands for, ``(S,)`` float64; 1 but in a sample (:func:`~vitals.alerting.weighting.weighted`).
        predictable: onsets that any compared score could warn of, ``(S,)`` bool; None: those that the judged one could.
    """

    patient: Int64
    admitted: Int64
    discharged: Int64
    onset: Int64
    lost: NDArray[np.bool_]
    whole: Int64
    weight: Float64
    predictable: NDArray[np.bool_] | None = None

    @classmethod
    def of(
        cls,
        subject_id: ArrayLike,
        admitted: ArrayLike,
        discharged: ArrayLike,
        onset_stay: ArrayLike = (),
        onset_time: ArrayLike = (),
        lost: ArrayLike | None = None,
    ) -> Stays:
        """Number the patients and take the first onset of each stay; a stay is at risk until then.

        Args:
            subject_id: the patient of each stay, ``(S,)``, any kind of name or number.
            admitted: ``(S,)`` int64 microseconds UTC.
            discharged: ``(S,)`` int64 microseconds UTC.
            onset_stay: stay index of each onset, ``(m,)``.
            onset_time: when each happened, ``(m,)`` int64 microseconds UTC.
            lost: whether nobody knows what came after the discharge, ``(S,)``; without it everybody went home well.

        Raises:
            DataError: columns of different lengths, a discharge before its admission, or an onset of no stay.

        Example:
            >>> stays = Stays.of(["anna", "ben", "anna"], [0, 0, 500], [100, 100, 600], [1], [70])
            >>> stays.patient.tolist(), stays.onset[1]
            ([0, 1, 0], np.int64(70))
        """
        names = np.asarray(subject_id)
        if any(name is None or name != name for name in names.ravel().tolist()):  # noqa: PLR0124 - NaN differs from itself
            raise DataError(
                "stays subject_id", "a missing patient", "one for every stay", "leave out or name such stays"
            )
        _, patient = np.unique(names, return_inverse=True)
        begin, end = np.asarray(admitted, np.int64), np.asarray(discharged, np.int64)
        if not patient.shape == begin.shape == end.shape == (begin.size,):
            shapes = f"{patient.shape} patients, {begin.shape} admissions, {end.shape} discharges"
            raise DataError("stays", shapes, "one of each for a stay", "pass equal columns")
        if (end < begin).any():
            wrong = int(np.flatnonzero(end < begin)[0])
            raise DataError(f"stays row {wrong}", "a discharge before the admission", "a later one", "mend the times")
        unknown = np.zeros(begin.size, bool) if lost is None else np.asarray(lost, bool)
        if unknown.shape != begin.shape:
            raise DataError("stays lost", f"{unknown.shape} values", f"{begin.size}, one a stay", "pass equal columns")
        onset = first_onsets(begin.size, onset_stay, onset_time)
        return cls(patient.astype(np.int64), begin, end, onset, unknown, np.arange(begin.size), np.ones(begin.size))

    def __len__(self) -> int:
        """Number of stays."""
        return len(self.patient)

    @property
    def has_onset(self) -> NDArray[np.bool_]:
        """Whether an event set in, ``(S,)``."""
        has: NDArray[np.bool_] = self.onset != NO_ONSET
        return has

    @property
    def seconds_at_risk(self) -> Float64:
        """How long each stay was at risk, ``(S,)``: from admission to the first onset, or to discharge.

        Example:
            >>> Stays.of([1, 2], [0, 0], [9_000_000, 9_000_000], [1], [4_000_000]).seconds_at_risk.tolist()
            [9.0, 4.0]
        """
        seconds: Float64 = np.maximum(np.minimum(self.onset, self.discharged) - self.admitted, 0) / 1_000_000
        return seconds

    @property
    def patients(self) -> int:
        """Number of patients."""
        return int(self.patient.max(initial=-1)) + 1

    def by_patient(self, by_stay: Float64) -> Float64:
        """Sums of each patient's stays, each as often as its weight says: ``(S, M)`` to ``(patients, M)``."""
        total = np.zeros((self.patients, by_stay.shape[1]))
        np.add.at(total, self.patient, self.weight[:, None] * by_stay)
        return total

    def hit_window(self, alerting: Alerting) -> tuple[Int64, Int64]:
        """First and last time at which an alert warns of the onset (both included), ``(S,)`` each.

        Both are ``NO_ONSET`` where there is none, so that every alert comes before.
        """
        first = np.where(self.has_onset, self.onset - np.int64(alerting.lead_max), NO_ONSET)
        last = np.where(self.has_onset, self.onset - np.int64(alerting.lead_min), NO_ONSET)
        return first, last

    @property
    def lost_at(self) -> Int64:
        """When a stay without an onset was lost, ``(S,)`` int64 microseconds UTC; ``NO_ONSET`` for all others."""
        at: Int64 = np.where(self.lost & ~self.has_onset, self.discharged, NO_ONSET)
        return at

    def unknown_from(self, alerting: Alerting) -> Int64:
        """From when on an alert without an onset cannot be called false, ``(S,)``: its time to be true outlasts the record.

        ``NO_ONSET`` where that is never so.
        """
        unknown: Int64 = np.where(
            self.lost & ~self.has_onset, self.discharged - np.int64(alerting.lead_max) + 1, NO_ONSET
        )
        return unknown


def check_fit(risks: Risks, stays: Stays) -> None:
    """Refuse risks of stays that are not there.

    Raises:
        DataError: a stay index outside ``stays``.
    """
    if len(risks) and not (risks.stay[0] >= 0 and risks.stay[-1] < len(stays)):
        raise DataError(
            "risks",
            f"stays {risks.stay[0]} to {risks.stay[-1]}",
            f"stays 0 to {len(stays) - 1}",
            "pass all their stays",
        )


def patients_digest(subject_ids: Iterable[object]) -> str:
    """A digest of a set of patients, whatever their order and number of stays: what a policy was tuned on.

    Example:
        >>> patients_digest(["b", "a", "b"]) == patients_digest(["a", "b"]) != patients_digest(["a"])
        True
    """
    digest = hashlib.blake2b(digest_size=16)
    for name in sorted({str(subject) for subject in subject_ids}):
        digest.update(f"{len(name)}:{name}".encode())
    return digest.hexdigest()
