"""What is not as it should be within the samples and the risks, counted."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from vitals.ward.tally import Tally
from vitals.windowing.types import REPAIRED, Drop, Dropped, Events, Int64, Reason, Rows

NO_NUMBER = "model_gave_no_number"

WHY = tuple(reason.name.lower() if reason else NO_NUMBER for reason in Reason)
"""Why a risk is none, by :class:`vitals.windowing.types.Reason`."""

_DROP = {int(reason): reason.name.lower() for reason in Drop}


def count_unseen(tally: Tally, stays: Sequence[str], events: Events, unseen: Int64, signals: Sequence[str]) -> None:
    """Count samples that take part in windowing, as offline, though the model was never taught what they mean."""
    for i in np.flatnonzero(np.isin(events.signal, unseen)).tolist():
        tally.note("signal_not_trained", stays[events.bed[i]], int(events.time[i]), signal=signals[events.signal[i]])


def count_dropped(tally: Tally, stays: Sequence[str], dropped: Dropped, signals: Sequence[str]) -> None:
    """Count what windowing left out or repaired, by arrival, and by time where a step's close found it."""
    if not len(dropped.event) and not len(dropped.repaired):
        return
    late = dropped.reason != Drop.DUPLICATE
    told = dropped.repaired
    bed, time = np.append(dropped.bed, told.bed), np.append(dropped.time, told.time)
    signal = np.append(dropped.signal, told.signal).tolist()
    place = np.append(np.where(late, dropped.event, dropped.time), told.event)
    reasons = [_DROP[reason] for reason in dropped.reason.tolist()] + [REPAIRED] * len(told)
    for i in np.lexsort((place, bed)).tolist():
        tally.note(reasons[i], stays[bed[i]], int(time[i]), signal=signals[signal[i]])


def count_no_number(tally: Tally, stays: Sequence[str], rows: Rows, wrong: NDArray[np.bool_]) -> None:
    """Count risks that are no numbers though the rows say nothing against one."""
    for r in np.flatnonzero(wrong & (rows.reason == 0)).tolist():
        tally.note(NO_NUMBER, stays[rows.bed[r]], int(rows.time[r]))


def accepted(events: Events, dropped: Dropped) -> Events:
    """The samples that were not left out."""
    out = dropped.event[dropped.event >= 0]
    if not len(out):
        return events
    keep = np.ones(len(events), bool)
    keep[out] = False
    return events.take(keep)
