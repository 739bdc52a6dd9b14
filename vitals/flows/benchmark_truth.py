"""What came true of every stay and row of a benchmark: all that judging needs, so that judging opens no cohort."""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass, fields, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vitals.alerting.stays import Stays
from vitals.bedside.news2 import SIGNALS as NEWS2_SIGNALS
from vitals.bedside.risk import bedside_risk
from vitals.cohort.split import parts
from vitals.flows.study import Study
from vitals.labelling.labels import NO_ONSET, first_onsets
from vitals.labelling.utility import hours_from_onset
from vitals.spec.settings import Settings, Split
from vitals.windowing.types import Float32, Float64, Int64, Rows

KNOWN = Split(seed=1, train=0.89, validation=0.04, tuning=0.07, held_out=0.0)
"""What the patients that a run may see are used for."""
_QUICK = (120, 240)  # stays with and without an onset that a trial keeps of each site


@dataclass(frozen=True)
class Truth:
    """Stays numbered from 0, and their rows in order.

    Attributes:
        stay: where each stay is in the cohort, ``(S,)``.
        subject_id: ``(S,)`` text.
        site: ``(S,)`` text.
        fold: the part of the patients each belongs to, ``(S,)``.
        admitted: ``(S,)`` microseconds UTC.
        discharged: ``(S,)`` microseconds UTC.
        onset: first onset, ``(S,)``, ``NO_ONSET`` where there was none.
        start: the rows of stay s are ``start[s]`` to ``start[s + 1]``, ``(S + 1,)``.
        time: prediction times, ``(R,)``.
        label: 0 or 1, ``(R,)``.
        usable: whether the label may be used, ``(R,)``.
        news2: on the scale of a risk, ``(R,)``, NaN where nothing of it was observed.
    """

    stay: Int64
    subject_id: NDArray[np.str_]
    site: NDArray[np.str_]
    fold: Int64
    admitted: Int64
    discharged: Int64
    onset: Int64
    start: Int64
    time: Int64
    label: Float32
    usable: NDArray[np.bool_]
    news2: Float32

    def __len__(self) -> int:
        """Number of stays."""
        return len(self.stay)

    @property
    def bed(self) -> Int64:
        """The stay of each row, ``(R,)``."""
        return np.repeat(np.arange(len(self)), np.diff(self.start))

    @property
    def patient(self) -> Int64:
        """The number of each stay's patient, ``(S,)``."""
        return np.unique(self.subject_id, return_inverse=True)[1].astype(np.int64)

    @property
    def tau(self) -> Float64:
        """Hours from the onset of each row, ``(R,)``; NaN in stays without one."""
        has = np.flatnonzero(self.onset != NO_ONSET)
        return hours_from_onset(self.time, self.bed, has, self.onset[has])

    @property
    def last(self) -> Int64:
        """The last row of each stay, ``(S,)``; stays have at least one row."""
        return self.start[1:] - 1

    def alert_stays(self) -> Stays:
        """The stays as alerting sees them."""
        has = np.flatnonzero(self.onset != NO_ONSET)
        return Stays.of(self.subject_id, self.admitted, self.discharged, has, self.onset[has])

    def rows_of(self, stays: Int64) -> NDArray[np.bool_]:
        """Which rows belong to these stays, ``(R,)``."""
        chosen = np.zeros(len(self), bool)
        chosen[stays] = True
        return chosen[self.bed]

    def of(self, stays: Int64) -> Truth:
        """The truth of some stays alone, numbered from 0 again; ``stays`` must rise."""
        keep, length = self.rows_of(stays), np.diff(self.start)[stays]
        columns = {name: getattr(self, name)[stays] for name in _OF_A_STAY}
        rows = {name: getattr(self, name)[keep] for name in ("time", "label", "usable", "news2")}
        return replace(self, **columns, **rows, start=np.r_[0, np.cumsum(length)])

    def to_bytes(self) -> bytes:
        """A compressed file of all columns."""
        file = io.BytesIO()
        np.savez_compressed(file, **{field.name: getattr(self, field.name) for field in fields(self)})
        return file.getvalue()


_OF_A_STAY = ("stay", "subject_id", "site", "fold", "admitted", "discharged", "onset")


def read_truth(path: Path) -> Truth:
    """The truth that :meth:`Truth.to_bytes` wrote."""
    with np.load(path, allow_pickle=False) as file:
        return Truth(**{field.name: file[field.name] for field in fields(Truth)})


def truth_of(study: Study, settings: Settings, folds: int, quick: bool) -> Truth:
    """What came true of a study's stays; stays without a row are left out.

    Args:
        study: of the recipe's own channels.
        settings: of the recipe.
        folds: parts of the patients.
        quick: keep a few stays of each site only.
    """
    length = np.bincount(study.rows.bed, minlength=len(study.stay_id))
    onset = first_onsets(len(study.stay_id), study.onset_stay, study.onset_time)
    whole = Truth(
        stay=np.arange(len(study.stay_id)), subject_id=study.subject_id.astype(str), site=study.site.astype(str),
        fold=folds_of(study.subject_id.tolist(), folds), admitted=study.admitted, discharged=study.discharged,
        onset=onset, start=np.r_[0, np.cumsum(length)], time=study.rows.time, label=study.label, usable=study.usable,
        news2=_news2(settings, study.rows),
    )  # fmt: skip
    keep = length > 0
    return whole.of(np.flatnonzero(keep & _few(whole) if quick else keep))


def _few(truth: Truth) -> NDArray[np.bool_]:
    few = np.zeros(len(truth), bool)
    for site in np.unique(truth.site):
        for has, many in zip((True, False), _QUICK, strict=True):
            few[np.flatnonzero((truth.site == site) & ((truth.onset != NO_ONSET) == has))[:many]] = True
    return few


def _news2(settings: Settings, rows: Rows) -> Float32:
    """NEWS2 of the rows, each value carried at most eight hours; NaN throughout where none of its signals is known."""
    if not set(NEWS2_SIGNALS) & set(settings.channels):
        return np.full(len(rows), np.nan, np.float32)
    return bedside_risk("news2", rows, settings.channels)


def folds_of(subject_ids: list[str], folds: int) -> Int64:
    """The fold of each patient, 0 to ``folds - 1``: a keyed hash of the id alone, so it is the same whatever the data.

    Example:
        >>> folds_of(["anna", "ben", "anna"], 5)[::2].tolist() == folds_of(["anna"], 5).tolist() * 2
        True
    """
    # another key than that of the split inside the folds: the two must not hang together
    digests = (hashlib.blake2b(str(name).encode(), digest_size=8, key=b"fold").digest() for name in subject_ids)
    return np.array([int.from_bytes(digest, "big") % folds for digest in digests], np.int64)


def parts_of(truth: Truth, site: str | None, fold: int) -> NDArray[np.str_]:
    """What each stay is for in a run: ``"train"``, ``"validation"``, ``"tuning"``, ``"held_out"`` or ``"left_out"``.

    Args:
        truth: all stays.
        site: where the patients to learn from were; None everywhere.
        fold: the part of them that is held out; patients of other sites are held out whatever their fold.

    Returns:
        ``(S,)``. A stay elsewhere of a patient who is known at home is left out: judging it would flatter.
    """
    part = parts(KNOWN, truth.subject_id.tolist()).astype("U10")
    home = np.ones(len(truth), bool) if site is None else truth.site == site
    away = ~home | (truth.fold == fold)
    known = np.isin(truth.subject_id, truth.subject_id[~away])
    part[away] = np.where(known[away], "left_out", "held_out")
    return part
