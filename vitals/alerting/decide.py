"""Decide which scores become alerts: the same function for a live ward and for a whole cohort."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vitals.alerting import machine
from vitals.alerting.words import ACKNOWLEDGE, EVENT, EVENT_END, OPEN, Word, Words, obey
from vitals.errors import DataError
from vitals.spec.policy import AlertPolicy
from vitals.windowing.types import Float64, Int64


class Outcome(IntEnum):
    """What became of a score at which an alert was due, in the first tier (amber) or in the second (red)."""

    FIRED = machine.FIRED
    SUPPRESSED_SILENCE = machine.SILENCED
    SUPPRESSED_EPISODE = machine.SAME_EPISODE
    SUPPRESSED_ACKNOWLEDGED = machine.ACKNOWLEDGED
    SUPPRESSED_CAP = machine.CAPPED
    SUPPRESSED_EVENT = machine.IN_EVENT
    RED_FIRED = machine.RED + machine.FIRED
    RED_SUPPRESSED_SILENCE = machine.RED + machine.SILENCED
    RED_SUPPRESSED_EPISODE = machine.RED + machine.SAME_EPISODE
    RED_SUPPRESSED_CAP = machine.RED + machine.CAPPED
    RED_SUPPRESSED_EVENT = machine.RED + machine.IN_EVENT

    @property
    def tier(self) -> str:
        """``"amber"`` or ``"red"``."""
        return "red" if self > machine.RED else "amber"

    @property
    def suppressed_by(self) -> str | None:
        """``"silence"``, ``"episode"``, ``"acknowledged"``, ``"cap"`` or ``"event"``; None for an alert that fired.

        Example:
            >>> Outcome.FIRED.suppressed_by, Outcome(2).suppressed_by, Outcome(10).tier
            (None, 'silence', 'red')
        """
        _, _, reason = self.name.partition("SUPPRESSED_")
        return reason.lower() or None


class Notice(IntEnum):
    """What is to be said of a bed's scores themselves."""

    STALE = machine.STALE
    FRESH = machine.FRESH


class AlertState:
    """What alerting remembers of each bed: plain arrays, and words that wait for a score.

    A word may be said at any time before the scores that it concerns are decided: it acts on those from its time on and on
    none before, however late they come.

    Attributes:
        ward: the arrays, one row a bed (see :class:`vitals.alerting.machine.Ward`).
        words: what was said of each bed and concerns no score that was decided yet.
    """

    def __init__(self, ward: machine.Ward, words: Words | None = None) -> None:
        self.ward = ward
        self.words = Words() if words is None else words

    @classmethod
    def empty(cls, beds: int) -> AlertState:
        """The state of beds whose patients have had no score yet.

        Example:
            >>> len(AlertState.empty(3))
            3
        """
        return cls(machine.empty_ward(beds))

    def __len__(self) -> int:
        """Number of beds."""
        return len(self.ward.bed)

    def admit(self, beds: ArrayLike) -> None:
        """A new patient in each of these beds (indices): forget the one before; more beds are added where needed."""
        index = np.asarray(beds, np.int64)
        if len(self) <= index.max(initial=-1):
            self.grow(max(int(index.max()) + 1, 2 * len(self)))
        for old, new in zip(self.ward, machine.empty_ward(index.size), strict=True):
            old[index] = new
        for bed in index.tolist():
            self.words.forget(bed)

    def grow(self, beds: int) -> None:
        """Make room for ``beds`` beds in all; those there are keep their state."""
        more = machine.empty_ward(max(0, beds - len(self)))
        self.ward = machine.Ward(*(np.concatenate(pair) for pair in zip(self.ward, more, strict=True)))

    def acknowledge(self, policy: AlertPolicy, bed: int, time: int, until: int) -> int:
        """Somebody has seen to the patient: alerts of the first tier are held back for a while, those of the second never.

        Args:
            policy: bounds how long.
            bed: row of the ward.
            time: when, microseconds UTC.
            until: when it is to end; at most ``max_snooze`` after ``time``.

        Returns:
            When it ends.
        """
        self.words.add(bed, Word(time, ACKNOWLEDGE, min(until, time + int(policy.max_snooze))))
        return self.words.acknowledged_until(self.ward, bed, time)

    def event_begins(self, bed: int, time: int) -> str | None:
        """The patient has the event: nothing after ``time`` alerts until it is over.

        Returns:
            None, or why that cannot be (``event_is_open``, ``begins_before_the_last_ended``) and nothing was changed.
        """
        fault = self.words.event_fault(bed, EVENT, time)
        if fault is None:
            self.words.add(bed, Word(time, EVENT, OPEN))
        return fault

    def event_ends(self, policy: AlertPolicy, bed: int, time: int) -> str | None:
        """The event is over: alerts may come again ``policy.reset`` later, as for a new patient.

        Returns:
            None, or why that cannot be (``no_event_is_open``, ``ends_before_it_begins``) and nothing was changed.
        """
        fault = self.words.event_fault(bed, EVENT_END, time)
        if fault is None:
            self.words.add(bed, Word(time, EVENT_END, time + int(policy.reset)))
        return fault


@dataclass(frozen=True)
class Decisions:
    """The scores at which an alert was due, and those at which scores went missing or came back, in the scores' order.

    Attributes:
        row: position among the scores of the call, ``(m,)`` int64.
        outcome: an :class:`Outcome` each, ``(m,)`` int8.
        noticed: positions of the scores with a notice, ``(q,)`` int64.
        notice: a :class:`Notice` each, ``(q,)`` int8.
    """

    row: Int64
    outcome: NDArray[np.int8]
    noticed: Int64
    notice: NDArray[np.int8]

    def __len__(self) -> int:
        """How many times an alert was due."""
        return len(self.row)

    @property
    def fires(self) -> NDArray[np.bool_]:
        """Which of them fired, ``(m,)``."""
        fires: NDArray[np.bool_] = self.outcome % machine.RED == machine.FIRED
        return fires

    @property
    def fired(self) -> Int64:
        """Rows at which an alert fired."""
        fired: Int64 = self.row[self.fires]
        return fired


def decide(
    policy: AlertPolicy, state: AlertState, bed: ArrayLike, time: ArrayLike, risk: ArrayLike
) -> tuple[AlertState, Decisions]:
    """Fold scores into alerts.

    An alert of a tier is due at a valid score while ``k`` of the last ``n`` scores of the bed are high (``risk`` at
    or over the tier's threshold; a missing score, NaN, is not). Where the second tier is due it alone decides. A due
    alert fires unless, in this order, an event or the reset after it is going on, the silence after the tier's last
    alert is running (it ends inclusively at ``alert + silence``), the first tier has been acknowledged, the policy's
    re-arm rule wants an end of the episode first, or the day's bound is reached. However the scores are cut into
    calls, the alerts are the same; a word said of a bed acts before its first score at or after the word's time.

    Args:
        policy: when a risk becomes an alert.
        state: what is remembered of each bed; it is taken over and changed in place.
        bed: row of the ward, ``(R,)``.
        time: prediction times, ``(R,)`` int64 microseconds UTC, rising within a bed.
        risk: ``(R,)``, NaN where there is none.

    Returns:
        The state, and the scores at which an alert was due.

    Raises:
        DataError: columns of different lengths, or a bed the state does not have.

    Example:
        >>> from vitals.spec.duration import Duration
        >>> hour = 3_600_000_000
        >>> policy = AlertPolicy(threshold=0.5, red=0.9, silence=Duration.parse("2h"))
        >>> times = [hour * t for t in range(5)]
        >>> state, due = decide(policy, AlertState.empty(1), [0] * 5, times, [0.1, 0.5, 0.6, 0.9, 0.2])
        >>> [(int(row), Outcome(code).name) for row, code in zip(due.row, due.outcome)]
        [(1, 'FIRED'), (2, 'SUPPRESSED_SILENCE'), (3, 'RED_FIRED')]
    """
    beds = np.ascontiguousarray(bed, np.int64)
    times = np.ascontiguousarray(time, np.int64)
    # Whatever the width of a risk, it is compared with the threshold in double precision: float32 fits in exactly.
    risks: Float64 = np.ascontiguousarray(risk, np.float64)
    if not beds.shape == times.shape == risks.shape == (beds.size,):
        shapes = f"{beds.shape} beds, {times.shape} times, {risks.shape} risks"
        raise DataError("scores", shapes, "one of each for a score", "pass columns of one length")
    if beds.size and not (beds.min() >= 0 and beds.max() < len(state)):
        raise DataError(
            "scores", f"beds {beds.min()} to {beds.max()}", f"beds of a state with {len(state)}", "admit the bed first"
        )
    outcome, notice = _fold(machine.rule_of(policy), state, beds, times, risks)
    row, noticed = np.flatnonzero(outcome), np.flatnonzero(notice)
    return state, Decisions(row, outcome[row], noticed, notice[noticed])


def _fold(
    rule: machine.Rule, state: AlertState, bed: Int64, time: Int64, risk: Float64
) -> tuple[NDArray[np.int8], NDArray[np.int8]]:
    """Take every score in order, each word in its place between the scores of its bed."""
    outcome, notice = np.empty(len(bed), np.int8), np.empty(len(bed), np.int8)

    def through(rows: Int64) -> None:
        if len(rows):
            outcome[rows], notice[rows] = machine.fold(rule, state.ward, bed[rows], time[rows], risk[rows])

    told = sorted(set(state.words.waiting) & set(np.unique(bed).tolist())) if state.words.waiting else []
    if not told:
        outcome[:], notice[:] = machine.fold(rule, state.ward, bed, time, risk)
        return outcome, notice
    through(np.flatnonzero(~np.isin(bed, told)))
    for one in told:
        rows = np.flatnonzero(bed == one)
        while (word := state.words.due(one, int(time[rows[-1]]))) is not None:
            before, rows = np.split(rows, [np.searchsorted(time[rows], word.time)])
            through(before)
            obey(state.ward, one, word)
        through(rows)
    return outcome, notice
