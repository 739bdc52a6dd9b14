"""Leakage lint: does something that no model should know tell the outcome all by itself?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from vitals.cohort.store import Cohort
from vitals.cohort.tables import DEMOGRAPHICS, STAY_COLUMNS
from vitals.labelling.ranking import auroc

HOUR = 3_600_000_000
_HORIZON = 6  # hours before an onset that count as positive here
_FEW = 50  # a column of more words than this is taken for an identifier
_NO_CLOCK = 48 * 365  # hours; a stay longer than two years is cut here, so that a wrong date cannot fill the memory

_NEVER = 1 << 61  # an onset that never comes, with room left to calculate


@dataclass(frozen=True)
class Leak:
    """How well something tells one kind of outcome.

    Attributes:
        what: the clock, or a column of the table of stays.
        kind: the kind of outcome.
        auroc: between 0.5 (tells nothing) and 1.
    """

    what: str
    kind: str
    auroc: float


def leaks(cohort: Cohort) -> list[Leak]:
    """The AUROC of the clock, of the record's length and of every extra column, for each kind of outcome.

    ``"time since admission"`` is judged hour by hour (positive: an onset within six hours, or past), the others stay
    by stay (positive: the stay has an outcome of the kind). Demographics are a model's business and are left out.
    """
    found = []
    ours = (*STAY_COLUMNS, "ended", "samples", *DEMOGRAPHICS)
    extra = [name for name in cohort.stays.columns if name not in ours]
    for kind in dict.fromkeys(cohort.outcomes["kind"]):
        stay, onset = cohort.onsets(kind)
        has = np.zeros(len(cohort), np.bool_)
        has[stay] = True
        first = np.full(len(cohort), _NEVER)
        np.minimum.at(first, stay, onset)
        found.append(Leak("time since admission", kind, _clock(cohort, first)))
        columns: dict[str, NDArray[np.float64]] = {
            "length of the record": (cohort.discharged - cohort.admitted).astype(np.float64),
            "number of samples": cohort.stays["samples"].to_numpy(np.float64),
        }
        columns |= {f"stays.{name}": ranks for name in extra if (ranks := _ranks(cohort.stays[name], has)) is not None}
        found += [Leak(name, kind, _either_way(values, has)) for name, values in columns.items()]
    return found


def _either_way(score: NDArray[np.float64], positive: NDArray[np.bool_]) -> float:
    known = ~np.isnan(score)
    area = auroc(positive[known], score[known])
    return max(area, 1 - area)


def _clock(cohort: Cohort, first_onset: NDArray[np.int64]) -> float:
    hours = np.minimum((cohort.discharged - cohort.admitted) // HOUR, _NO_CLOCK)
    longest = int(hours.max(initial=0))
    # Of each hour since admission, how many stays are still there, and how many of them are positive.
    first_hour = (first_onset - cohort.admitted + HOUR - 1) // HOUR - _HORIZON
    begins = np.clip(first_hour, 1, None)
    positive = np.zeros(longest + 2)
    has = (first_onset < _NEVER) & (begins <= hours)
    np.add.at(positive, begins[has], 1)
    np.add.at(positive, hours[has] + 1, -1)
    positive = np.cumsum(positive)[1 : longest + 1]
    there = np.cumsum(np.bincount(hours, minlength=longest + 1)[::-1])[::-1][1 : longest + 1]
    negative = there - positive
    pairs = positive.sum() * negative.sum()
    below = np.cumsum(negative) - negative
    area = float((positive * (below + negative / 2)).sum() / pairs) if pairs else float("nan")
    return max(area, 1 - area)


def _ranks(column: pd.Series, has: NDArray[np.bool_]) -> NDArray[np.float64] | None:
    """A column as numbers: its own, or for a few words how often each goes with the outcome; None for identifiers."""
    if pd.api.types.is_numeric_dtype(column.dtype):
        return column.to_numpy(np.float64, na_value=np.nan)
    code, words = pd.factorize(column.astype(str))
    if len(words) > min(_FEW, max(1, len(column) // 5)):
        return None
    rate = np.bincount(code, weights=has) / np.bincount(code)
    return np.asarray(rate[code], np.float64)
