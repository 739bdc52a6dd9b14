"""The order in which the samples of a step are reduced: by time, signal and value, never by arrival."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from vitals.windowing.compiled import compiled, compiled_flat
from vitals.windowing.types import Float32, Int16, Int64


class Samples(NamedTuple):
    """Samples of one bed in the order in which they are reduced, or of one call in the order of arrival."""

    time: Int64
    signal: Int16
    value: Float32
    event: Int64


def room_for_samples(n: int) -> Samples:
    """Room for so many samples."""
    return Samples(np.empty(n, np.int64), np.empty(n, np.int16), np.empty(n, np.float32), np.empty(n, np.int64))


@compiled_flat
def before(time: int, signal: int, value: float, other_time: int, other_signal: int, other_value: float) -> bool:
    """Whether a sample is reduced before another: by time, then signal, then value; never by arrival."""
    if time != other_time:
        return bool(time < other_time)
    if signal != other_signal:
        return bool(signal < other_signal)
    return bool(value < other_value)


@compiled
def sort(buffer: Samples, n: int) -> None:
    """Put the first n samples in order (nearly always they are: a merge sort by time, then insertion within a time)."""
    time, signal, value, event = buffer
    ordered = True
    for i in range(1, n):
        ordered &= not before(time[i], signal[i], value[i], time[i - 1], signal[i - 1], value[i - 1])
    if ordered:
        return
    order = np.argsort(time[:n], kind="mergesort")
    time[:n], signal[:n], value[:n], event[:n] = time[:n][order], signal[:n][order], value[:n][order], event[:n][order]
    for i in range(1, n):
        j = i
        while j > 0 and before(time[j], signal[j], value[j], time[j - 1], signal[j - 1], value[j - 1]):
            time[j - 1], time[j] = time[j], time[j - 1]
            signal[j - 1], signal[j] = signal[j], signal[j - 1]
            value[j - 1], value[j] = value[j], value[j - 1]
            event[j - 1], event[j] = event[j], event[j - 1]
            j -= 1
