"""Decide which scores become alerts: the same function for a live ward and for a whole cohort."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vitals.alerting import machine
from vitals.errors import DataError
from vitals.spec.policy import AlertPolicy
from vitals.windowing.types import Int64


class Outcome(IntEnum):
    """What became of a score at which an alert was due."""

    FIRED = machine.FIRED
    SUPPRESSED_SILENCE = machine.SILENCED
    SUPPRESSED_EPISODE = machine.SAME_EPISODE

    @property
    def suppressed_by(self) -> str | None:
        """``"silence"`` or ``"episode"``; None for an alert that fired.

        Example:
            >>> Outcome.FIRED.suppressed_by, Outcome(2).suppressed_by
            (None, 'silence')
        """
        return {Outcome.SUPPRESSED_SILENCE: "silence", Outcome.SUPPRESSED_EPISODE: "episode"}.get(self)


@dataclass
class AlertState:
    """What alerting remembers of each bed; plain arrays, so that a snapshot is a copy of them.

    Attributes:
        recent: the last 64 scores, one bit each (1: high), the latest lowest, ``(B,)`` uint64.
        armed: whether the episode that alerted last is over, ``(B,)`` bool.
        silenced_until: no alert before this time, ``(B,)`` int64 microseconds UTC.
    """

    recent: NDArray[np.uint64]
    armed: NDArray[np.bool_]
    silenced_until: Int64

    @classmethod
    def empty(cls, beds: int) -> AlertState:
        """The state of beds whose patients have had no score yet.

        Example:
            >>> len(AlertState.empty(3))
            3
        """
        return cls(*machine.empty_ward(beds))

    def __len__(self) -> int:
        """Number of beds."""
        return len(self.armed)

    def admit(self, beds: ArrayLike) -> None:
        """A new patient in each of these beds (indices): forget the one before; more beds are added where needed."""
        index = np.asarray(beds, np.int64)
        if len(self) <= index.max(initial=-1):
            self.grow(max(int(index.max()) + 1, 2 * len(self)))
        self.recent[index], self.armed[index], self.silenced_until[index] = machine.empty_ward(index.size)

    def grow(self, beds: int) -> None:
        """Make room for ``beds`` beds in all; those there are keep their state."""
        more = machine.empty_ward(max(0, beds - len(self)))
        self.recent = np.concatenate([self.recent, more.recent])
        self.armed = np.concatenate([self.armed, more.armed])
        self.silenced_until = np.concatenate([self.silenced_until, more.silenced_until])


@dataclass(frozen=True)
class Decisions:
    """The scores at which an alert was due, in the order of the scores.

    Attributes:
        row: position among the scores of the call, ``(m,)`` int64.
        outcome: an :class:`Outcome` each, ``(m,)`` int8.
    """

    row: Int64
    outcome: NDArray[np.int8]

    def __len__(self) -> int:
        """How many times an alert was due."""
        return len(self.row)

    @property
    def fired(self) -> Int64:
        """Rows at which an alert fired."""
        fired: Int64 = self.row[self.outcome == Outcome.FIRED]
        return fired


def decide(
    policy: AlertPolicy, state: AlertState, bed: ArrayLike, time: ArrayLike, risk: ArrayLike
) -> tuple[AlertState, Decisions]:
    """Fold scores into alerts.

    An alert is due at a valid score while ``k`` of the last ``n`` scores of the bed are high (``risk >= threshold``; a
    missing score, NaN, is not). It fires unless the silence after the last alert is running (it ends inclusively at
    ``alert + silence``) or, under ``rearm = "below_clear"``, no valid risk has been below ``clear`` since the last
    alert. However the scores are cut into calls, the alerts are the same.

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
        >>> policy = AlertPolicy(threshold=0.5, silence=Duration.parse("2h"))
        >>> times = [hour * t for t in range(5)]
        >>> state, due = decide(policy, AlertState.empty(1), [0] * 5, times, [0.1, 0.5, 0.9, 0.9, 0.2])
        >>> [(int(row), Outcome(code).name) for row, code in zip(due.row, due.outcome)]
        [(1, 'FIRED'), (2, 'SUPPRESSED_SILENCE'), (3, 'FIRED')]
    """
    beds = np.ascontiguousarray(bed, np.int64)
    times = np.ascontiguousarray(time, np.int64)
    # Whatever the width of a risk, it is compared with the threshold in double precision: float32 fits in exactly.
    risks = np.ascontiguousarray(risk, np.float64)
    if not beds.shape == times.shape == risks.shape == (beds.size,):
        shapes = f"{beds.shape} beds, {times.shape} times, {risks.shape} risks"
        raise DataError("scores", shapes, "one of each for a score", "pass columns of one length")
    if beds.size and not (beds.min() >= 0 and beds.max() < len(state)):
        raise DataError(
            "scores", f"beds {beds.min()} to {beds.max()}", f"beds of a state with {len(state)}", "admit the bed first"
        )
    ward = machine.Bed(state.recent, state.armed, state.silenced_until)
    outcome = machine.fold(machine.rule_of(policy), ward, beds, times, risks)
    row = np.flatnonzero(outcome)
    return state, Decisions(row, outcome[row])
