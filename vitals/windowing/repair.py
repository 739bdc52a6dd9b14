"""Repairing mistakes of unit: what a value outside its limits must have been, where only one conversion explains it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vitals.windowing.compiled import compiled, compiled_flat
from vitals.windowing.rules import Limits
from vitals.windowing.types import Events, Float32, Int8, Int16, Int64, Repaired

MENDED = -1
"""The verdict on a sample that is accepted, but only as what it is in another unit."""


@compiled_flat
def repair(limits: Limits, c: int, value: np.float32) -> np.float32:
    """What a value of column c that lies outside the limits is in the unit of the catalogue.

    Returns:
        A value within the limits; NaN if no conversion gives one, or more than one does. Computed in double precision
        and rounded once, before it is compared with the limits.
    """
    found, fitting = np.float32(np.nan), 0
    for k in range(limits.factor.shape[1]):
        converted = np.float32(np.float64(value) * limits.factor[c, k] + limits.offset[c, k])
        if limits.low[c] <= converted <= limits.high[c]:
            found, fitting = converted, fitting + 1
    return found if fitting == 1 else np.float32(np.nan)


@compiled
def possible(limits: Limits, signal: Int16, value: Float32) -> NDArray[np.bool_]:
    """Which values windowing can use, as they are or repaired, ``(n,)``."""
    answer = np.zeros(len(value), np.bool_)
    for i in range(len(value)):
        c, v = signal[i], value[i]
        if np.isfinite(v):
            answer[i] = limits.low[c] <= v <= limits.high[c] or np.isfinite(repair(limits, c, v))
    return answer


@compiled
def convert(limits: Limits, signal: Int16, value: Float32, place: Int64) -> None:
    """Put what they are in the unit of the catalogue in the place of some values."""
    for i in place:
        value[i] = repair(limits, signal[i], value[i])


def converted(limits: Limits, events: Events, verdict: Int8) -> tuple[Float32, Repaired]:
    """The values to go on with, and a list of those that are not what they came as.

    The samples belong to the caller, so they are copied before one is changed. Verdicts become 0, accepted.
    """
    place = np.flatnonzero(verdict == MENDED)
    value = events.value.copy()
    convert(limits, events.signal, value, place)
    verdict[place] = 0
    return value, Repaired(place, events.bed[place], events.signal[place], events.time[place], value[place])
