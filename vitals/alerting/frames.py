"""Alerts on data frames: anybody's risks, from any library whose frames have columns."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from vitals.alerting.spells import ClinicalEvents
from vitals.alerting.stays import Risks, Stays
from vitals.errors import DataError, nearest
from vitals.labelling.labels import NO_ONSET
from vitals.spec.settings import Alerting
from vitals.windowing.types import Float64, Int64

ENDED = ("home", "lost", "died")
"""How a stay can end: well, with nobody knowing what came next, by death. A missing word is ``"lost"``."""


class Frame(Protocol):
    """A pandas or polars data frame, or anything with named columns."""

    @property
    def columns(self) -> Iterable[Any]:
        """Names of the columns."""

    def __getitem__(self, name: str, /) -> Any:
        """One column."""


@dataclass(frozen=True)
class Tables:
    """What data frames say, as arrays.

    Attributes:
        risks: of all the stays.
        stays: whole stays with their first onsets.
        events: all that happened to them.
        subject_id: the patient of each stay, ``(S,)``.
        died: which stays ended by death, ``(S,)`` bool.
        part: the part of a split that each stay was in, ``(S,)``; None where the table does not say.
    """

    risks: Risks
    stays: Stays
    events: ClinicalEvents
    subject_id: NDArray[Any]
    died: NDArray[np.bool_]
    part: NDArray[Any] | None


def from_frames(
    risks: Frame, stays: Frame, outcomes: Frame, kind: str | None = None, alerting: Alerting | None = None
) -> tuple[Risks, Stays]:
    """Risks and stays with their first onsets, as :func:`~vitals.alerting.tune.tune` takes them.

    Args:
        risks: see :func:`read_frames`.
        stays: see there.
        outcomes: see there; an ``end`` is not looked at.
        kind: the kind of outcome to judge; None for all that are there.
        alerting: says what a death is.

    Raises:
        DataError: see there.

    Example:
        >>> import pandas as pd
        >>> risks = pd.DataFrame({"stay_id": ["b", "a"], "prediction_time": [5, 5], "risk": [0.2, 0.9]})
        >>> stays = pd.DataFrame({"stay_id": ["a", "b"], "subject_id": [1, 2], "admitted": [0, 0], "discharged": [9, 9]})
        >>> onsets = pd.DataFrame({"stay_id": ["a"], "onset": [8]})
        >>> from_frames(risks, stays, onsets)[0].risk.tolist()
        [0.9, 0.2]
    """
    tables = read_frames(risks, stays, outcomes, kind, alerting)
    return tables.risks, tables.stays


def read_frames(
    risks: Frame, stays: Frame, outcomes: Frame, kind: str | None = None, alerting: Alerting | None = None
) -> Tables:
    """Everything that three data frames say. Times are datetimes (UTC where they name no zone) or whole microseconds.

    Args:
        risks: ``stay_id, prediction_time, risk``, in any order; a risk may be missing.
        stays: ``stay_id, subject_id, admitted, discharged`` and, where known, ``ended`` (``"home"``, ``"lost"``,
            ``"died"``) and ``part``.
        outcomes: ``stay_id, onset`` and, where known, ``end``, ``recognised`` and ``kind``; a missing onset is none.
        kind: the kind of outcome to judge; None for all that are there.
        alerting: its ``death`` says whether a death is the event, an end after which nothing is known, or no event.

    Raises:
        DataError: a missing column, a stay that ``stays`` does not have or has twice, a missing time, an unknown word
            in ``ended``, or two risks of a stay at one time.

    Example:
        >>> import pandas as pd
        >>> risks = pd.DataFrame({"stay_id": ["a"], "prediction_time": [5], "risk": [0.2]})
        >>> stays = pd.DataFrame({"stay_id": ["a"], "subject_id": [1], "admitted": [0], "discharged": [9], "ended": ["died"]})
        >>> outcomes = pd.DataFrame({"stay_id": ["a"], "onset": [6], "end": [7]})
        >>> tables = read_frames(risks, stays, outcomes, alerting=Alerting(death="event"))
        >>> tables.events.onset.tolist(), tables.stays.onset.tolist()
        ([6, 9], [6])
    """
    death = (alerting or Alerting()).death
    index = _numbered(stays)
    stay, time = _positions(risks, "risks", index), microseconds_of(risks, "prediction_time", "risks")
    order = np.lexsort((time, stay))
    risk = _risk(risks)
    ended = _ended(stays, len(index))
    discharged = microseconds_of(stays, "discharged", "stays")
    events = _events(outcomes, index, kind)
    if death == "event":
        events = _with_deaths(events, np.flatnonzero(ended == "died"), discharged)
    subject_id = np.asarray(_column(stays, "subject_id", "stays"))
    cut = Stays.of(
        subject_id, microseconds_of(stays, "admitted", "stays"), discharged, events.stay, events.onset,
        lost=(ended == "lost") | ((ended == "died") & (death == "censor")),
    )  # fmt: skip
    part = np.asarray(stays["part"]) if "part" in list(stays.columns) else None
    ours = Risks.of(stay[order], time[order], risk[order])
    return Tables(ours, cut, events, subject_id, ended == "died", part)


_MISSING = np.iinfo(np.int64).min  # what NaT is as a whole number


def microseconds_of(frame: Frame, name: str, table: str, missing: bool = False) -> Int64:
    """A column of times as int64 microseconds UTC, ``(n,)``.

    Raises:
        DataError: no such column, no times, or a missing one where ``missing`` is not allowed.
    """
    column = _column(frame, name, table)
    if "datetime" in str(column.dtype).lower():
        values = np.asarray(column, "datetime64[us]").astype(np.int64)
    else:
        values = np.asarray(column)
        if values.dtype.kind not in "iu" and len(values):
            wanted = "datetimes, or whole microseconds"
            raise DataError(f"{table} {name}", f"a column of {values.dtype}", wanted, "convert the column")
    if not missing and (values == _MISSING).any():
        raise DataError(f"{table} {name}", "a missing time", "a time in every row", "leave out such rows")
    return values.astype(np.int64)


def _numbered(stays: Frame) -> dict[Any, int]:
    names = np.asarray(_column(stays, "stay_id", "stays")).tolist()
    index = {name: position for position, name in enumerate(names)}
    if len(index) < len(names):
        twice = next(name for position, name in enumerate(names) if index[name] != position)
        raise DataError("stays stay_id", f"{twice!r} twice", "each stay once", "leave out the duplicate")
    return index


def _events(outcomes: Frame, index: dict[Any, int], kind: str | None) -> ClinicalEvents:
    chosen = np.ones(len(np.asarray(_column(outcomes, "stay_id", "outcomes"))), bool)
    if kind is not None:
        chosen &= np.asarray(_column(outcomes, "kind", "outcomes")) == kind
    onset = microseconds_of(outcomes, "onset", "outcomes", missing=True)
    chosen &= onset != _MISSING
    known = {}
    for name in {"end", "recognised"} & set(map(str, outcomes.columns)):
        times = microseconds_of(outcomes, name, "outcomes", missing=True)
        known[name] = np.where(times == _MISSING, NO_ONSET, times)[chosen]
    stay = _positions(outcomes, "outcomes", index, chosen)
    return ClinicalEvents.of(stay, onset[chosen], known.get("end"), known.get("recognised"))


def _ended(stays: Frame, many: int) -> NDArray[Any]:
    """How each stay ended; ``"home"`` for all where the table has no such column."""
    if "ended" not in list(stays.columns):
        return np.full(many, "home", object)
    said = np.asarray(stays["ended"], object).tolist()
    words = [word if isinstance(word, str) and word else "lost" for word in said]  # None, NaN and "" say nothing
    unknown = sorted(set(words) - set(ENDED))
    if unknown:
        wanted = "one of " + ", ".join(ENDED)
        raise DataError("stays ended", f"{unknown[0]!r}", wanted, nearest(unknown[0], ENDED))
    return np.array(words, object)


def _with_deaths(events: ClinicalEvents, died: Int64, discharged: Int64) -> ClinicalEvents:
    """Deaths among the events, but for stays whose last event was not over: what it led to is part of it."""
    open_still = np.unique(events.stay[events.end > discharged[events.stay]])
    more = np.setdiff1d(died, open_still)
    nobody = np.full(len(more), NO_ONSET)
    return ClinicalEvents.of(
        np.append(events.stay, more), np.append(events.onset, discharged[more]), np.append(events.end, nobody),
        np.append(events.recognised, nobody),
    )  # fmt: skip


def _column(frame: Frame, name: str, table: str) -> Any:
    if name not in list(frame.columns):
        raise DataError(f"{table} {name}", "no such column", "the column", nearest(name, map(str, frame.columns)))
    return frame[name]


def _positions(frame: Frame, table: str, index: dict[Any, int], chosen: NDArray[np.bool_] | None = None) -> Int64:
    names = np.asarray(_column(frame, "stay_id", table))
    names = names if chosen is None else names[chosen]
    try:
        return np.fromiter((index[name] for name in names.tolist()), np.int64, len(names))
    except KeyError as error:
        wanted = "a stay of the stays table"
        raise DataError(f"{table} stay_id", f"unknown stay {error}", wanted, "add the stay") from None


def _risk(risks: Frame) -> Float64:
    """The risks, refused where they are no risks: percentages and points have to be brought to 0 to 1 first."""
    column = _column(risks, "risk", "risks")
    try:
        risk: Float64 = np.asarray(column, np.float64)
    except (TypeError, ValueError) as error:
        raise DataError("risks risk", str(error), "numbers from 0 to 1", "convert the column") from None
    if not len(risk):
        raise DataError("risks", "no row", "at least one risk", "pass the risks of these stays")
    wrong = risk[(risk < 0) | (risk > 1)]  # a missing one is neither
    if len(wrong):
        cure = "divide percentages by 100 and points by their maximum"
        raise DataError("risks risk", f"{wrong[0]:g} and {len(wrong) - 1} more", "numbers from 0 to 1", cure)
    return risk
