"""Alerts on data frames: anybody's risks, from any library whose frames have columns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vitals.alerting.columns import MISSING, Frame, column, microseconds_of, numbers, positions, require
from vitals.alerting.spells import ClinicalEvents, with_endings
from vitals.alerting.stays import Risks, Stays
from vitals.errors import DataError, nearest
from vitals.labelling.labels import NO_ONSET, ended_words
from vitals.spec.settings import Alerting
from vitals.windowing.types import Float64, Int64

NEWS2_MOST = 20
"""Points at which NEWS2 ends; divided by them it is on the scale of a risk."""


@dataclass(frozen=True)
class Tables:
    """What data frames say, as arrays.

    Attributes:
        risks: of all the stays.
        stays: whole stays with their first onsets.
        events: all that happened to them.
        subject_id: the patient of each stay, ``(S,)``.
        died: which stays ended by death, ``(S,)`` bool; None where nobody says how they ended.
        part: the part of a split that each stay was in, ``(S,)``; None where the table does not say.
        row_part: the same of each row, ``(R,)``, where rows were split.
        news2: NEWS2 of each row divided by its maximum, ``(R,)``, NaN where unknown; None where it is not to be compared with.
        label: of each row by the rules a model was trained on, ``(R,)``; None: whether an onset comes within the horizon.
        usable: whether that label may be used, ``(R,)`` bool.
    """

    risks: Risks
    stays: Stays
    events: ClinicalEvents
    subject_id: NDArray[Any]
    died: NDArray[np.bool_] | None = None
    part: NDArray[Any] | None = None
    row_part: NDArray[Any] | None = None
    news2: Float64 | None = None
    label: NDArray[Any] | None = None
    usable: NDArray[np.bool_] | None = None


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
        risks: ``stay_id, prediction_time, risk``, in any order, and perhaps ``news2``, the points, and ``part``; risk and points
            may be missing.
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
    require(risks, "risks", ("stay_id", "prediction_time", "risk"))
    require(stays, "stays", ("stay_id", "subject_id", "admitted", "discharged"))
    require(outcomes, "outcomes", ("stay_id", "onset", *(() if kind is None else ("kind",))))
    index = _numbered(stays)
    stay, time = positions(risks, "risks", index), microseconds_of(risks, "prediction_time", "risks")
    order = np.lexsort((time, stay))
    risk = _risk(risks)
    ended, discharged = _ended(stays), microseconds_of(stays, "discharged", "stays")
    events, lost = with_endings(_events(outcomes, index, kind), ended, discharged, (alerting or Alerting()).death)
    subject_id = np.asarray(stays["subject_id"])
    whole = Stays.of(
        subject_id, microseconds_of(stays, "admitted", "stays"), discharged, events.stay, events.onset, lost=lost
    )
    ours = Risks.of(stay[order], time[order], risk[order])
    _refuse_outside(ours, whole)
    return Tables(
        ours, whole, events, subject_id, died=None if ended is None else ended == "died",
        part=np.asarray(stays["part"]) if "part" in list(stays.columns) else None,
        row_part=np.asarray(risks["part"])[order] if "part" in list(risks.columns) else None, news2=_news2(risks, order),
    )  # fmt: skip


def _numbered(stays: Frame) -> dict[Any, int]:
    names = np.asarray(column(stays, "stay_id", "stays")).tolist()
    index = {name: position for position, name in enumerate(names)}
    if len(index) < len(names):
        twice = next(name for position, name in enumerate(names) if index[name] != position)
        raise DataError("stays stay_id", f"{twice!r} twice", "each stay once", "leave out the duplicate")
    return index


def _events(outcomes: Frame, index: dict[Any, int], kind: str | None) -> ClinicalEvents:
    chosen = np.ones(len(np.asarray(column(outcomes, "stay_id", "outcomes"))), bool)
    kinds = np.asarray(outcomes["kind"], object) if "kind" in list(outcomes.columns) else np.zeros(0, object)
    there = sorted({str(one) for one in kinds.tolist()})
    if kind is None and len(there) > 1:
        raise DataError("outcomes kind", ", ".join(there), "one kind", f'name it: kind="{there[0]}"')
    if kind is not None:
        if len(kinds) and kind not in there:
            raise DataError("kind", repr(kind), f"one of {', '.join(there)}", nearest(kind, there))
        chosen &= kinds == kind
    onset = microseconds_of(outcomes, "onset", "outcomes", missing=True)
    chosen &= onset != MISSING
    known = {}
    for name in {"end", "recognised"} & set(map(str, outcomes.columns)):
        times = microseconds_of(outcomes, name, "outcomes", missing=True)
        known[name] = np.where(times == MISSING, NO_ONSET, times)[chosen]
    stay = positions(outcomes, "outcomes", index, chosen)
    return ClinicalEvents.of(stay, onset[chosen], known.get("end"), known.get("recognised"))


def _ended(stays: Frame) -> NDArray[Any] | None:
    """How each stay ended; None where the table has no such column."""
    if "ended" not in list(stays.columns):
        return None
    return ended_words(np.asarray(stays["ended"], object).tolist(), "stays ended")


def _refuse_outside(risks: Risks, stays: Stays) -> None:
    outside = (risks.time < stays.admitted[risks.stay]) | (risks.time > stays.discharged[risks.stay])
    if outside.any():
        came = f"{int(outside.sum())} of {len(risks)} risks outside their stays"
        raise DataError(
            "risks prediction_time", came, "times from admission to discharge", "leave them out, or mend the times"
        )


def _news2(risks: Frame, order: Int64) -> Float64 | None:
    if "news2" not in list(risks.columns):
        return None
    points = numbers(risks, "news2", f"points from 0 to {NEWS2_MOST}")[order]
    if ((points < 0) | (points > NEWS2_MOST)).any():
        wrong = points[(points < 0) | (points > NEWS2_MOST)]
        raise DataError("risks news2", f"{wrong[0]:g}", f"points from 0 to {NEWS2_MOST}", "leave out what is none")
    return points / NEWS2_MOST if not np.isnan(points).all() else None


def _risk(risks: Frame) -> Float64:
    """The risks, refused where they are no risks: percentages and points have to be brought to 0 to 1 first."""
    risk = numbers(risks, "risk", "numbers from 0 to 1")
    if not len(risk):
        raise DataError("risks", "no row", "at least one risk", "pass the risks of these stays")
    wrong = risk[(risk < 0) | (risk > 1)]  # a missing one is neither
    if len(wrong):
        cure = "divide percentages by 100 and points by their maximum"
        raise DataError("risks risk", f"{wrong[0]:g} ({len(wrong)} such rows)", "numbers from 0 to 1", cure)
    return risk
