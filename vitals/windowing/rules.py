"""The settings of a window as plain numbers and arrays, in the shape the compiled loops read."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from vitals.signals import signal
from vitals.spec.settings import Settings
from vitals.windowing.types import Float32, Float64, Int8, Int64

LAST, MEAN, MIN, MAX, MEDIAN = range(5)
_REDUCERS = {"last": LAST, "mean": MEAN, "min": MIN, "max": MAX, "median": MEDIAN}


class Limits(NamedTuple):
    """What values can be.

    Attributes:
        low: lowest possible value, ``(C,)``; minus infinity where there is no limit.
        high: highest possible value, ``(C,)``.
        factor: of the repairs of each column, ``(C, K)``; NaN where a column has fewer than K.
        offset: of the same, ``(C, K)``.
    """

    low: Float32
    high: Float32
    factor: Float64
    offset: Float64


class Rules(NamedTuple):
    """One window.

    Attributes:
        step: microseconds, and so are ``grace``, ``warm_up`` and ``max_gap``.
        min_observed: signals that must have a value.
        signals: how many of the columns are signals; the rest are demographics.
        reduce: a reducer a column, ``(C,)``.
        max_age: microseconds a column, ``(C,)``.
        limits: possible values of each column.
    """

    step: int
    grace: int
    warm_up: int
    max_gap: int
    min_observed: int
    signals: int
    reduce: Int8
    max_age: Int64
    limits: Limits


@functools.lru_cache(maxsize=64)
def rules_of(settings: Settings) -> Rules:
    """The rules that these settings mean (kept: they are read at every call)."""
    window = settings.window
    channels = [settings.signals[name] for name in settings.signals]
    reduce = [_REDUCERS[channel.reduce] for channel in channels] + [LAST] * len(settings.demographics)
    max_age = [int(channel.max_age) for channel in channels] + [1 << 62] * len(settings.demographics)
    limits = limits_of(settings.channels, window.limits, window.repair)
    return Rules(
        int(window.step), int(window.grace), int(window.warm_up), int(window.max_gap), window.min_observed,
        len(channels), np.array(reduce, np.int8), np.array(max_age, np.int64), limits,
    )  # fmt: skip


def limits_of(channels: Sequence[str], limits: bool = True, repair: bool = True) -> Limits:
    """The catalogue's limits and repairs of these channels, as far as they are wanted.

    What is not wanted is left out of the arrays, so that the loops need not ask.
    """
    entries = [signal(name) for name in channels]
    low, high = (np.array([entry.limits[i] for entry in entries], np.float32) for i in (0, 1))
    if not limits:
        low, high = np.full_like(low, -np.inf), np.full_like(high, np.inf)
    lines = [entry.repair if limits and repair else () for entry in entries]
    factor = np.full((len(entries), max(map(len, lines), default=0)), np.nan)
    offset = factor.copy()
    for c, line in enumerate(lines):
        for k, (by, plus) in enumerate(line):
            factor[c, k], offset[c, k] = by, plus
    return Limits(low, high, factor, offset)
