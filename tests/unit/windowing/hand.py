"""What fixtures worked out by hand need: short ways to say samples, and rows that can be read."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from vitals.spec.settings import Settings
from vitals.windowing.advance import advance
from vitals.windowing.carry import Carry
from vitals.windowing.types import NEVER, Drop, Dropped, Events, Reason, Rows

MINUTE = 60_000_000
HOUR = 60 * MINUTE
BEGIN = 1_546_300_800_000_000  # 2019-01-01; every time below is told from here on


class Row(NamedTuple):
    """A row; what is not known is None."""

    bed: int
    time: int
    value: list[float | None]
    age: list[float | None]
    reason: str


class Left(NamedTuple):
    """A sample that was left out, by its position among the samples of the call."""

    event: int
    bed: int
    signal: str
    time: int
    reason: str


def settings_of(
    signals: dict[str, dict[str, Any]] | None = None, demographics: tuple[str, ...] = (), **window: Any
) -> Settings:
    """Hourly steps, the heart rate alone, unless told otherwise."""
    return Settings.from_tables(
        {
            "name": "hand",
            "signals": {"heart_rate": {}} if signals is None else signals,
            "demographics": list(demographics),
            "window": {"step": "1h", **window},
            "label": {"kind": "sepsis", "horizon": "6h"},
        }
    )


class Bay:
    """Some beds; samples are ``(bed, time, value)`` of the first signal or ``(bed, time, value, signal)``."""

    def __init__(self, settings: Settings, *admitted: int | None) -> None:
        self.settings, self.carry = settings, Carry.empty(settings, len(admitted))
        for bed, time in enumerate(admitted):
            if time is not None:
                self.admit(bed, time)

    def admit(self, bed: int, time: int) -> None:
        """Begin a stay."""
        self.carry.admit(np.array([bed]), np.array([BEGIN + time]))

    def take(self, *samples: tuple[Any, ...], until: Any = None) -> tuple[list[Row], list[Left]]:
        """The rows that these samples and this clock close, and what was left out."""
        clock = until
        if isinstance(until, list):
            clock = np.array([NEVER if time is None else BEGIN + time for time in until])
        elif until is not None and until != NEVER:
            clock = BEGIN + until
        self.carry, rows, dropped = advance(self.settings, self.carry, self.events(*samples), until=clock)
        return readable(rows), self.left(dropped)

    def events(self, *samples: tuple[Any, ...]) -> Events:
        """Samples as arrays."""
        names = self.settings.channels
        column = [names.index(sample[3]) if len(sample) > 3 else 0 for sample in samples]
        return Events(
            np.array([sample[0] for sample in samples], np.int32),
            np.array([BEGIN + sample[1] for sample in samples], np.int64),
            np.array(column, np.int16),
            np.array([sample[2] for sample in samples], np.float32),
        )

    def left(self, dropped: Dropped) -> list[Left]:
        """What was left out, in the order of arrival."""
        found = [
            Left(
                int(dropped.event[i]), int(dropped.bed[i]), self.settings.channels[dropped.signal[i]],
                int(dropped.time[i]) - BEGIN, Drop(dropped.reason[i]).name,
            )
            for i in range(len(dropped.event))
        ]  # fmt: skip
        return sorted(found)


def readable(rows: Rows) -> list[Row]:
    """Rows as plain values."""
    return [
        Row(
            int(rows.bed[i]), int(rows.time[i]) - BEGIN, _known(rows.value[i]), _known(rows.age[i]),
            Reason(rows.reason[i]).name,
        )
        for i in range(len(rows))
    ]  # fmt: skip


def values(rows: list[Row]) -> list[float | None]:
    """The first column."""
    return [row.value[0] for row in rows]


def ages(rows: list[Row]) -> list[float | None]:
    """The ages of the first column."""
    return [row.age[0] for row in rows]


def _known(numbers: np.ndarray) -> list[float | None]:
    return [None if math.isnan(number) else number for number in numbers.tolist()]
