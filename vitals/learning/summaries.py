"""What a learner without a memory is told of each row: the row, and the rows before it in short.

A window that would reach back before a stay's first row begins with that row, and what is counted in it is given as a
share, so that no column counts the hours of a stay. Something of the clock is left all the same: in its first hours
a stay has known few signals, its lows and highs lie close together, and the age of a value is at most the time since
the values before the admission. Ages are therefore cut at the longest window, and those of demographics, which are the
clock itself, are left out.
"""

from __future__ import annotations

import numpy as np

from vitals.signals import signal
from vitals.spec.settings import HOUR, Settings
from vitals.windowing.compiled import compiled
from vitals.windowing.types import Float32, Int32, Rows

LONGEST = 24
"""Rows in the longest window."""
_OF_A_VITAL = (
    "value", "age", "last_change", "low_24", "high_24", "measured_12", "change_1", "change_6", "change_12",
    "mean_24", "low_6", "high_6", "mean_6",
)  # fmt: skip
_OF_A_LAB = _OF_A_VITAL[:6]  # a lab comes a few times a day: shorter windows would hold one value
_RATIOS = {
    "shock_index": ("heart_rate", "sbp"),
    "bun_to_creatinine": ("bun", "creatinine"),
    "spo2_to_fio2": ("spo2", "fio2"),
    "sao2_to_fio2": ("sao2", "fio2"),
}


def summaries(settings: Settings, rows: Rows) -> tuple[Float32, tuple[str, ...]]:
    """Window summaries of every row, from that row and earlier ones of its stay.

    Of every signal: its value, age (hours, at most that of the longest window), the change from the measurement before,
    the lowest and highest of the last 24 rows, and the share of the last 12 rows in which it was measured. Of a vital
    also the change against 1, 6 and 12 rows ago, the mean of 24 rows, and lowest, highest and mean of 6. Then shock
    index, pulse pressure, BUN to creatinine and saturation to inspired oxygen, as far as the settings name their parts;
    the share of measured cells of the last 12 rows; and the demographics.

    Args:
        settings: signals, demographics and step.
        rows: whole stays, ``(R, C)``, ordered by bed and time.

    Returns:
        ``(R, F)`` float32, NaN where unknown, and the F names. The time since admission is not among them.

    Example:
        >>> settings = Settings.from_tables({
        ...     "name": "one", "signals": {"heart_rate": {}}, "window": {"step": "1h"},
        ...     "label": {"kind": "sepsis", "horizon": "6h"},
        ... })
        >>> rows = Rows(
        ...     bed=np.zeros(3, np.int32), time=np.arange(1, 4) * HOUR, reason=np.zeros(3, np.int8),
        ...     value=np.array([[80], [80], [95]], np.float32), age=np.array([[0], [1], [0]], np.float32),
        ... )
        >>> features, names = summaries(settings, rows)
        >>> dict(zip(names, features[2].tolist(), strict=True))["heart_rate last_change"]
        15.0
        >>> features[:2, names.index("heart_rate measured_12")].tolist()
        [1.0, 0.5]
    """
    names = _names(settings)
    out = np.full((len(rows), len(names)), np.nan, np.float32)
    step_hours, first, place = settings.window.step.hours, _first_rows(rows.bed), 0
    measured = np.zeros(len(rows), np.float32)
    for c, name in enumerate(settings.signals):
        columns = _OF_A_VITAL if signal(name).kind == "vital" else _OF_A_LAB
        part = out[:, place : place + len(columns)]
        _remember(rows.value[:, c], rows.age[:, c], first, step_hours, part)
        measured += part[:, 5] / np.float32(len(settings.signals))
        if len(columns) > len(_OF_A_LAB):
            _compare(rows.value[:, c], first, part)
        place += len(columns)
    for derived in _derived(settings, rows):
        out[:, place] = derived
        place += 1
    out[:, place] = measured
    out[:, place + 1 :] = rows.value[:, len(settings.signals) :]
    return out, names


def hours_in_stay(settings: Settings, rows: Rows) -> Float32:
    """The clock alone: hours from the admission to each row, ``(R, 1)``.

    In retrospective data the end of a record often is the event, so what a learner makes of this column shows how much
    a model could gain by counting hours instead of looking at the patient.

    Args:
        settings: the length of a step.
        rows: whole stays, ``(R, C)``, ordered by bed and time, from the first row of each stay on.
    """
    since_first = rows.time - rows.time[_first_rows(rows.bed)]
    return ((since_first + int(settings.window.step)) / HOUR).astype(np.float32).reshape(-1, 1)


def _names(settings: Settings) -> tuple[str, ...]:
    names = [
        f"{name} {column}"
        for name in settings.signals
        for column in (_OF_A_VITAL if signal(name).kind == "vital" else _OF_A_LAB)
    ]
    names += [name for name, parts in _RATIOS.items() if set(parts) <= set(settings.signals)]
    names += ["pulse_pressure"] if {"sbp", "dbp"} <= set(settings.signals) else []
    return (*names, "measured_12", *settings.demographics)


def _derived(settings: Settings, rows: Rows) -> list[Float32]:
    value = {name: rows.value[:, c] for c, name in enumerate(settings.signals)}
    found = []
    for above, below in _RATIOS.values():
        if above in value and below in value:
            ratio = np.full(len(rows), np.nan, np.float32)
            np.divide(value[above], value[below], out=ratio, where=value[below] > 0)
            found.append(ratio)
    if "sbp" in value and "dbp" in value:
        found.append(value["sbp"] - value["dbp"])
    return found


def _first_rows(bed: Int32) -> Int32:
    """For each row, the first row of its stay."""
    new = np.r_[True, bed[1:] != bed[:-1]] if len(bed) else np.zeros(0, bool)
    return np.maximum.accumulate(np.where(new, np.arange(len(bed), dtype=np.int32), 0)).astype(np.int32)


@compiled
def _remember(value: Float32, age: Float32, first: Int32, step: float, out: Float32) -> None:
    """What every signal tells, into the first six columns."""
    before = last = np.float32(np.nan)
    for i in range(len(value)):
        if i == first[i]:
            before = last = np.float32(np.nan)
        known = not np.isnan(value[i])
        carried = i > first[i] and not np.isnan(value[i - 1]) and age[i] >= step
        if known and not carried:
            before, last = last, value[i]
        if known:
            out[i, 0], out[i, 1], out[i, 2] = value[i], min(age[i], LONGEST * step), last - before
        out[i, 3], out[i, 4], _ = _window(value, max(first[i], i - LONGEST + 1), i)
        start = max(first[i], i - 11)
        measured = 0
        for j in range(start, i + 1):
            measured += age[j] < step  # an unknown age is no age below a step
        out[i, 5] = measured / (i + 1 - start)


@compiled
def _compare(value: Float32, first: Int32, out: Float32) -> None:
    """What a vital tells besides, into columns 6 to 12."""
    for i in range(len(value)):
        out[i, 6] = value[i] - value[max(first[i], i - 1)]
        out[i, 7] = value[i] - value[max(first[i], i - 6)]
        out[i, 8] = value[i] - value[max(first[i], i - 12)]
        _, _, out[i, 9] = _window(value, max(first[i], i - LONGEST + 1), i)
        out[i, 10], out[i, 11], out[i, 12] = _window(value, max(first[i], i - 5), i)


@compiled
def _window(value: Float32, start: int, end: int) -> tuple[float, float, float]:
    """Lowest, highest and mean of the known values from ``start`` to ``end``, both included; NaN where none is."""
    low, high, total, known = np.inf, -np.inf, 0.0, 0
    for j in range(start, end + 1):
        if not np.isnan(value[j]):
            low, high = min(low, value[j]), max(high, value[j])
            total += value[j]
            known += 1
    return (low, high, total / known) if known > 0 else (np.nan, np.nan, np.nan)
