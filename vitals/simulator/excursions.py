"""What moves vital signs without being dangerous: the false alarms of every ward."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float64]


@dataclass(frozen=True)
class Excursion:
    """One kind of harmless change.

    Attributes:
        name: what happens.
        per_day: how often.
        minutes: shortest and longest.
        change: of each vital sign at its height; "mind" in steps of AVPU.
        hours: hours of the day between which it begins; from a later to an earlier hour runs over midnight.
    """

    name: str
    per_day: float
    minutes: tuple[int, int]
    change: Mapping[str, float]
    hours: tuple[int, int] = (0, 24)

    def begins_at(self, hour: float) -> bool:
        """Whether this can begin at that hour of the day."""
        first, last = self.hours
        return first <= hour < last if first < last else hour >= first or hour < last


EXCURSIONS = (
    Excursion("mobilisation", 4.0, (10, 40), {"heart_rate": 20, "resp_rate": 6, "sbp": 10, "spo2": -1}, (7, 21)),
    Excursion("pain", 1.3, (30, 150), {"heart_rate": 15, "resp_rate": 4, "sbp": 18, "dbp": 8}),
    Excursion("fever", 0.35, (180, 600), {"heart_rate": 14, "resp_rate": 3, "temperature": 1.5, "sbp": -4}),
    Excursion("procedure", 0.5, (20, 90), {"heart_rate": 12, "resp_rate": 3, "sbp": -8, "spo2": -2}, (8, 18)),
    Excursion("desaturation asleep", 1.2, (10, 90), {"spo2": -4.5, "heart_rate": 4}, (22, 6)),
    Excursion("pain relief", 0.6, (60, 240), {"resp_rate": -3.5, "sbp": -14, "dbp": -8, "spo2": -1.2}),
    Excursion("thirst", 0.3, (180, 720), {"heart_rate": 12, "sbp": -12, "dbp": -6}),
    Excursion("anxiety", 0.5, (30, 180), {"heart_rate": 12, "resp_rate": 6, "sbp": 8}),
    Excursion("confusion at night", 0.12, (120, 480), {"mind": 1.2, "heart_rate": 10, "resp_rate": 3}, (20, 4)),
)


def draw_excursions(rng: np.random.Generator, hour_of_day: Float) -> dict[str, Float]:
    """The sum of all harmless changes during a stay.

    Args:
        rng: where the chance comes from.
        hour_of_day: 0 to 24 for each minute of the stay, ``(minutes,)``.

    Returns:
        The change of each vital sign, ``(minutes,)`` in its unit.

    Example:
        >>> two_days = (np.arange(2880) / 60) % 24
        >>> sorted(draw_excursions(np.random.default_rng(1), two_days))[:2]
        ['dbp', 'heart_rate']
    """
    length = len(hour_of_day)
    change: dict[str, Float] = {}
    for kind in EXCURSIONS:
        for start in rng.integers(0, length, rng.poisson(kind.per_day * length / 1440)):
            duration, size = int(rng.integers(*kind.minutes)), rng.lognormal(0, 0.4)
            if not kind.begins_at(hour_of_day[start]):
                continue
            stop = min(start + duration, length)
            bump = size * np.hanning(duration + 2)[1 : 1 + stop - start]
            for vital, height in kind.change.items():
                change.setdefault(vital, np.zeros(length))[start:stop] += height * bump
    return change
