"""What a simulated ward consists of: stays, samples in the order in which they arrived, and outcomes, as plain columns."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
OPENED = 1_767_225_600_000_000  # 2026-01-01T00:00Z, the ward's first midnight

SIGNALS = ("heart_rate", "resp_rate", "spo2", "sbp", "dbp", "map", "temperature", "avpu", "oxygen")
KIND = "deterioration"


@dataclass(frozen=True)
class Stays:
    """The stays, one row each.

    Attributes:
        stay_id: ``(S,)`` text, ``"sim00000"`` upwards.
        subject_id: the person, ``(S,)`` text; a few come back for another stay.
        site: ``(S,)`` text, ``"north"`` or ``"south"``; a person stays at one site.
        admitted: ``(S,)`` int64 microseconds UTC.
        discharged: ``(S,)`` int64 microseconds UTC.
        age: years, ``(S,)`` float32.
        sex: 1 male, 0 female, ``(S,)`` float32.
    """

    stay_id: NDArray[np.str_]
    subject_id: NDArray[np.str_]
    site: NDArray[np.str_]
    admitted: NDArray[np.int64]
    discharged: NDArray[np.int64]
    age: NDArray[np.float32]
    sex: NDArray[np.float32]

    def __len__(self) -> int:
        """Number of stays."""
        return len(self.stay_id)


@dataclass(frozen=True)
class Samples:
    """Measurements, ordered by arrival.

    Attributes:
        stay: row of the stays, ``(n,)`` int32.
        time: when it was measured, ``(n,)`` int64 microseconds UTC.
        signal: position in ``Ward.signals``, ``(n,)`` int16.
        value: in the unit of the catalogue, ``(n,)`` float32.
        arrival: when it reached the scorer, ``(n,)`` int64 microseconds UTC.
    """

    stay: NDArray[np.int32]
    time: NDArray[np.int64]
    signal: NDArray[np.int16]
    value: NDArray[np.float32]
    arrival: NDArray[np.int64]

    def __len__(self) -> int:
        """Number of samples, those that were delivered twice included."""
        return len(self.stay)


@dataclass(frozen=True)
class Outcomes:
    """The onsets; a stay without a row had none.

    Attributes:
        stay: row of the stays, ``(m,)`` int32.
        kind: ``(m,)`` text, ``"deterioration"``.
        onset: ``(m,)`` int64 microseconds UTC, before the stay's discharge.
        course: what was behind it, ``(m,)`` text: sepsis, respiratory failure, bleeding or cardiac.
    """

    stay: NDArray[np.int32]
    kind: NDArray[np.str_]
    onset: NDArray[np.int64]
    course: NDArray[np.str_]

    def __len__(self) -> int:
        """Number of onsets."""
        return len(self.stay)


@dataclass(frozen=True)
class Ward:
    """Everything that happened on a simulated ward.

    Attributes:
        signals: the names that ``events.signal`` points into.
        stays: one row a stay.
        events: every sample, in the order in which it arrived.
        outcomes: one row a deterioration.
    """

    signals: tuple[str, ...]
    stays: Stays
    events: Samples
    outcomes: Outcomes
