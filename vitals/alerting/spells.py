"""Events that end: a stay falls into spells at risk, each up to its own onset, and everything else needs nothing new."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vitals.alerting.stays import Risks, Stays, check_fit
from vitals.errors import DataError
from vitals.labelling.labels import NO_ONSET
from vitals.windowing.types import Int64


@dataclass(frozen=True)
class ClinicalEvents:
    """What happened to patients, ordered by stay and onset.

    Attributes:
        stay: index of the stay, ``(m,)`` int64.
        onset: when it began, ``(m,)`` int64 microseconds UTC.
        end: when it was over, ``(m,)``; ``NO_ONSET`` where nobody knows: the stay is not at risk again.
        recognised: when clinicians first saw or treated it, ``(m,)``; ``NO_ONSET`` where nobody wrote it down.
    """

    stay: Int64
    onset: Int64
    end: Int64
    recognised: Int64

    @classmethod
    def of(
        cls,
        stay: ArrayLike,
        onset: ArrayLike,
        end: ArrayLike | None = None,
        recognised: ArrayLike | None = None,
    ) -> ClinicalEvents:
        """Check the columns and put them in order.

        Args:
            stay: index of each event's stay, ``(m,)``.
            onset: ``(m,)`` int64 microseconds UTC.
            end: ``(m,)``; without it no end is known.
            recognised: ``(m,)``; without it nobody wrote it down.

        Raises:
            DataError: columns of different lengths, or an end before its onset.

        Example:
            >>> ClinicalEvents.of([1, 0], [50, 20], end=[80, 30]).onset.tolist()
            [20, 50]
        """
        where, when = np.asarray(stay, np.int64).reshape(-1), np.asarray(onset, np.int64).reshape(-1)
        missing = np.full(when.shape, NO_ONSET, np.int64)
        over = missing if end is None else np.asarray(end, np.int64).reshape(-1)
        seen = missing if recognised is None else np.asarray(recognised, np.int64).reshape(-1)
        if not where.shape == when.shape == over.shape == seen.shape:
            came = ", ".join(str(len(column)) for column in (where, when, over, seen))
            raise DataError("events", f"columns of {came} values", "one of each for an event", "pass equal columns")
        if (over < when).any():
            came = f"an end before its onset in row {int(np.argmax(over < when))}"
            raise DataError("events end", came, "a later one", "mend the times, or leave the end out")
        order = np.lexsort((when, where))
        return cls(where[order], when[order], over[order], seen[order])

    @property
    def times(self) -> tuple[Int64, Int64, Int64]:
        """Onset, end and recognition."""
        return self.onset, self.end, self.recognised

    def __len__(self) -> int:
        """Number of events."""
        return len(self.stay)


def spells(risks: Risks, stays: Stays, events: ClinicalEvents, reset: int = 0) -> tuple[Risks, Stays]:
    """Split each stay into spells at risk: until its first onset, then from ``end + reset`` of an event to the next onset.

    Each spell is a row of :class:`~vitals.alerting.stays.Stays`, so evaluating, tuning and curves need nothing new; a bed
    that is told of its events (``AlertState.event_begins`` and ``event_ends``) alerts live as this does offline. An event
    that sets in before the stay is at risk again cannot be warned of and only puts the next spell off.

    Args:
        risks: of all the stays; those inside an event or its reset belong to no spell and are left out.
        stays: whole stays; their own onsets are not looked at.
        events: what happened in them.
        reset: microseconds after an event's end during which there are no alerts (``policy.reset``).

    Returns:
        Risks whose ``stay`` is the number of the spell, and the spells, ordered by stay and time; ``whole`` tells the stay.

    Raises:
        DataError: risks or events of stays that are not there.

    Example:
        >>> stays = Stays.of(["anna"], [0], [100])
        >>> risks = Risks.of([0] * 5, [10, 20, 35, 45, 60], [0.1] * 5)
        >>> cut, of = spells(risks, stays, ClinicalEvents.of([0], [20], end=[40]), reset=5)
        >>> cut.time.tolist(), cut.stay.tolist(), of.admitted.tolist(), of.whole.tolist()
        ([10, 20, 45, 60], [0, 0, 1, 1], [0, 45], [0, 0])
    """
    check_fit(risks, stays)
    if len(events) and not (events.stay[0] >= 0 and events.stay[-1] < len(stays)):
        came = f"stays {events.stay[0]} to {events.stay[-1]}"
        raise DataError("events", came, f"stays 0 to {len(stays) - 1}", "pass all their stays")
    whole, begin, onset = _spans(stays, events, reset)
    cut = Stays(
        stays.patient[whole], begin, stays.discharged[whole], onset, stays.lost[whole], stays.whole[whole],
        stays.weight[whole],
    )  # fmt: skip
    return _cut(risks, len(stays), whole, begin, onset), cut


def with_endings(
    events: ClinicalEvents, ended: NDArray[Any] | None, discharged: Int64, death: str
) -> tuple[ClinicalEvents, NDArray[np.bool_]]:
    """What the ends of stays say: deaths among the events where they are the event, and of whom nobody knows what came next.

    A death in an event that was not over is what that event led to, and no second one.

    Args:
        events: what happened to the stays.
        ended: ``"home"``, ``"lost"`` or ``"died"``, ``(S,)``; None where nobody says: then all went home.
        discharged: ``(S,)`` int64 microseconds UTC.
        death: ``"event"``, ``"censor"`` or ``"no_event"`` (``[alerting] death``).

    Returns:
        The events, and which stays are lost, ``(S,)`` bool.

    Example:
        >>> none, ended = ClinicalEvents.of([], []), np.array(["died", "lost", "home"])
        >>> found, lost = with_endings(none, ended, np.array([7, 8, 9]), "event")
        >>> found.stay.tolist(), found.onset.tolist(), lost.tolist()
        ([0], [7], [False, True, False])
    """
    words = np.full(len(discharged), "home") if ended is None else ended
    lost: NDArray[np.bool_] = (words == "lost") | ((words == "died") & (death == "censor"))
    if death != "event":
        return events, lost
    open_still = np.unique(events.stay[events.end > discharged[events.stay]])
    more = np.setdiff1d(np.flatnonzero(words == "died"), open_still)
    nobody = np.full(len(more), NO_ONSET)
    both = ClinicalEvents.of(
        np.append(events.stay, more), np.append(events.onset, discharged[more]), np.append(events.end, nobody),
        np.append(events.recognised, nobody),
    )  # fmt: skip
    return both, lost


def recognised_at(stays: Stays, events: ClinicalEvents) -> Int64:
    """When the event that each spell ends with was recognised, ``(S,)``; ``NO_ONSET`` where unknown or without one.

    Example:
        >>> events = ClinicalEvents.of([0, 0], [20, 60], end=[40, 70], recognised=[25, 58])
        >>> of = spells(Risks.of([], [], []), Stays.of(["anna"], [0], [100]), events)[1]
        >>> recognised_at(of, events).tolist() == [25, 58, NO_ONSET]
        True
    """
    known = dict(zip(zip(events.stay.tolist(), events.onset.tolist(), strict=True), events.recognised, strict=True))
    of_spell = zip(stays.whole.tolist(), stays.onset.tolist(), strict=True)
    return np.array([known.get(key, NO_ONSET) for key in of_spell], np.int64)


def _spans(stays: Stays, events: ClinicalEvents, reset: int) -> tuple[Int64, Int64, Int64]:
    """Stay, begin and onset of each spell, in order."""
    found: list[tuple[int, int, int]] = []
    bounds = np.searchsorted(events.stay, np.arange(len(stays) + 1)).tolist()
    onsets, ends = events.onset.tolist(), events.end.tolist()
    for stay, (begin, left) in enumerate(zip(stays.admitted.tolist(), stays.discharged.tolist(), strict=True)):
        first = bounds[stay]
        for i in range(first, bounds[stay + 1]):
            if i == first or (onsets[i] >= begin and onsets[i] > onsets[i - 1]):
                found.append((stay, begin, onsets[i]))
            again = NO_ONSET if ends[i] == NO_ONSET else ends[i] + reset
            begin = again if i == first else max(begin, again)
        if begin <= left:
            found.append((stay, begin, NO_ONSET))
    columns = np.array(found, np.int64).reshape(-1, 3)
    return columns[:, 0], columns[:, 1], columns[:, 2]


def _cut(risks: Risks, stays: int, whole: Int64, begin: Int64, onset: Int64) -> Risks:
    """The rows of each spell: from its begin (the first of a stay: from its first row) to its onset, both included."""
    starts = risks.starts(stays)
    low, high = starts[whole], starts[whole + 1]
    first, last = low.copy(), high.copy()
    several = np.diff(whole, prepend=-1) == 0
    for i in np.flatnonzero(several | (onset != NO_ONSET)).tolist():
        time = risks.time[low[i] : high[i]]
        if several[i]:
            # an event without a duration: the row at its onset belongs to the spell before
            first[i] = low[i] + np.searchsorted(time, max(begin[i], onset[i - 1] + 1))
        last[i] = low[i] + np.searchsorted(time, onset[i], side="right")
    rows = np.maximum(last - first, 0)
    before = np.cumsum(rows) - rows
    row = np.repeat(first - before, rows) + np.arange(rows.sum())
    return Risks(np.repeat(np.arange(len(whole)), rows), risks.time[row], risks.risk[row])
