"""What flows through the windowing: events in, rows out, and why a sample or a risk was left out."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

Int16 = NDArray[np.int16]
Int32 = NDArray[np.int32]
Int64 = NDArray[np.int64]
Int8 = NDArray[np.int8]
Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]

NEVER = np.iinfo(np.int64).min
"""The time of something that has not happened yet."""

REPAIRED = "repaired"
"""What a converted sample is counted as, beside the reasons of those left out."""


class Drop(IntEnum):
    """Why a sample did not become part of a row."""

    LATE = 1  # its step had been closed (and the grace was over)
    DUPLICATE = 2  # another sample of the same stay, time and signal counts instead
    IMPOSSIBLE = 3  # outside the limits of its signal
    NOT_A_NUMBER = 4  # NaN or infinite
    AHEAD = 5  # farther ahead of its stay's clock than max_gap: its clock must be wrong


class Reason(IntEnum):
    """Why a row can have no risk (0: it can)."""

    NONE = 0
    WARMING_UP = 1  # the stay is younger than the warm-up
    TOO_LITTLE_KNOWN = 2  # fewer signals have a value than min_observed


@dataclass(frozen=True)
class Events:
    """Samples in the order in which they arrived.

    Attributes:
        bed: row of the ward, ``(n,)`` int32.
        time: when each was measured, ``(n,)`` int64 microseconds UTC.
        signal: column of the rows, ``(n,)`` int16 index into ``settings.channels``.
        value: in the unit of the catalogue, ``(n,)`` float32.
    """

    bed: Int32
    time: Int64
    signal: Int16
    value: Float32

    @classmethod
    def none(cls) -> Events:
        """No sample."""
        none = np.zeros(0, np.int64)
        return cls(none.astype(np.int32), none, none.astype(np.int16), none.astype(np.float32))

    def __len__(self) -> int:
        """Number of samples."""
        return len(self.bed)

    def take(self, chosen: NDArray[np.bool_]) -> Events:
        """The chosen samples, ``(n,)`` bool, in the same order."""
        return Events(self.bed[chosen], self.time[chosen], self.signal[chosen], self.value[chosen])

    def between(self, begin: int, end: int) -> Events:
        """Those from one position up to another."""
        return Events(self.bed[begin:end], self.time[begin:end], self.signal[begin:end], self.value[begin:end])

    def followed_by(self, later: Events) -> Events:
        """These samples, then the later ones."""
        return Events(
            np.concatenate([self.bed, later.bed]), np.concatenate([self.time, later.time]),
            np.concatenate([self.signal, later.signal]), np.concatenate([self.value, later.value]),
        )  # fmt: skip


@dataclass(frozen=True)
class Rows:
    """Closed steps, ordered by bed and within a bed by time.

    Attributes:
        bed: row of the ward, ``(R,)`` int32.
        time: end of the step (inclusive) = prediction time, ``(R,)`` int64 microseconds UTC.
        value: ``(R, C)`` float32 in clinical units, NaN where nothing is known.
        age: hours between the sample behind ``value`` and ``time``, ``(R, C)`` float32, NaN where nothing is known.
        reason: a :class:`Reason` each, ``(R,)`` int8.
    """

    bed: Int32
    time: Int64
    value: Float32
    age: Float32
    reason: Int8

    def __len__(self) -> int:
        """Number of rows."""
        return len(self.bed)

    @classmethod
    def none(cls, channels: int) -> Rows:
        """No step."""
        none, wide = np.zeros(0, np.int64), np.zeros((0, channels), np.float32)
        return cls(none.astype(np.int32), none, wide, wide, none.astype(np.int8))

    def take(self, chosen: NDArray[np.bool_]) -> Rows:
        """The chosen rows, ``(R,)`` bool, in the same order."""
        return Rows(self.bed[chosen], self.time[chosen], self.value[chosen], self.age[chosen], self.reason[chosen])


@dataclass(frozen=True)
class Repaired:
    """Samples that were taken in with another value than they came with, in order of arrival.

    Attributes:
        event: position in the :class:`Events` of this call, ``(r,)``.
        bed: row of the ward, ``(r,)`` int32.
        signal: column, ``(r,)`` int16.
        time: when it was measured, ``(r,)`` int64.
        value: what it was taken for, in the unit of the catalogue, ``(r,)`` float32.
    """

    event: Int64
    bed: Int32
    signal: Int16
    time: Int64
    value: Float32

    @classmethod
    def none(cls) -> Repaired:
        """No sample."""
        none = np.zeros(0, np.int64)
        return cls(none, none.astype(np.int32), none.astype(np.int16), none, none.astype(np.float32))

    def __len__(self) -> int:
        """Number of samples."""
        return len(self.event)


@dataclass(frozen=True)
class Dropped:
    """Samples that were left out, and those that are not what they came as.

    Attributes:
        event: position in the :class:`Events` of this call, or -1 for one that had been waiting in the carry, ``(d,)``.
        bed: row of the ward, ``(d,)`` int32.
        signal: column, ``(d,)`` int16.
        time: when it was measured, ``(d,)`` int64.
        reason: a :class:`Drop` each, ``(d,)`` int8.
        repaired: samples that were not left out, but converted; one of them may prove a duplicate later.
    """

    event: Int64
    bed: Int32
    signal: Int16
    time: Int64
    reason: Int8
    repaired: Repaired = field(default_factory=Repaired.none)

    @classmethod
    def none(cls) -> Dropped:
        """No sample."""
        none = np.zeros(0, np.int64)
        return cls(none, none.astype(np.int32), none.astype(np.int16), none, none.astype(np.int8))

    def followed_by(self, later: Dropped) -> Dropped:
        """These samples, then the later ones, none of which was repaired."""
        return Dropped(
            np.concatenate([self.event, later.event]), np.concatenate([self.bed, later.bed]),
            np.concatenate([self.signal, later.signal]), np.concatenate([self.time, later.time]),
            np.concatenate([self.reason, later.reason]), self.repaired,
        )  # fmt: skip

    def counts(self) -> dict[str, int]:
        """How many for each reason, by name, and how many were ``repaired``."""
        counts = {reason.name.lower(): int((self.reason == reason).sum()) for reason in Drop}
        counts[REPAIRED] = len(self.repaired)
        return {name: count for name, count in counts.items() if count}
