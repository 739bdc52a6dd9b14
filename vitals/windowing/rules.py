"""The settings of a window as plain numbers and arrays, in the shape the compiled loops read."""

from __future__ import annotations

import functools
from typing import NamedTuple

import numpy as np

from vitals.signals import signal
from vitals.spec.settings import Settings
from vitals.windowing.types import Float32, Int8, Int64

LAST, MEAN, MIN, MAX, MEDIAN = range(5)
_REDUCERS = {"last": LAST, "mean": MEAN, "min": MIN, "max": MAX, "median": MEDIAN}


class Rules(NamedTuple):
    """One window.

    Attributes:
        step: microseconds, and so are ``grace``, ``warm_up`` and ``max_gap``.
        min_observed: signals that must have a value.
        signals: how many of the columns are signals; the rest are demographics.
        reduce: a reducer a column, ``(C,)``.
        max_age: microseconds a column, ``(C,)``.
        low: lowest possible value, ``(C,)``.
        high: highest possible value, ``(C,)``.
    """

    step: int
    grace: int
    warm_up: int
    max_gap: int
    min_observed: int
    signals: int
    reduce: Int8
    max_age: Int64
    low: Float32
    high: Float32


@functools.lru_cache(maxsize=64)
def rules_of(settings: Settings) -> Rules:
    """The rules that these settings mean (kept: they are read at every call)."""
    window = settings.window
    channels = [settings.signals[name] for name in settings.signals]
    reduce = [_REDUCERS[channel.reduce] for channel in channels] + [LAST] * len(settings.demographics)
    max_age = [int(channel.max_age) for channel in channels] + [1 << 62] * len(settings.demographics)
    limits = np.array([signal(name).limits for name in settings.channels], np.float32)
    return Rules(
        int(window.step), int(window.grace), int(window.warm_up), int(window.max_gap), window.min_observed,
        len(channels), np.array(reduce, np.int8), np.array(max_age, np.int64), limits[:, 0].copy(), limits[:, 1].copy(),
    )  # fmt: skip
