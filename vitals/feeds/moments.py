"""Times in text, read in compiled code: ISO 8601 with a zone, to microseconds since 1970."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vitals.windowing.compiled import compiled_flat

Bytes = NDArray[np.uint8]

_COLON, _MINUS, _PLUS, _DOT, _ZERO, _NINE, _T, _Z = b":-+.09TZ"
_BAD = -1
NO_TIME = np.iinfo(np.int64).min
"""What is no time."""


@compiled_flat
def code_at(data: Bytes, i: int) -> int:
    """A byte as a number with a sign, so that differences have one too."""
    return int(np.int64(data[i]))


@compiled_flat
def two(data: Bytes, i: int) -> int:
    """Two digits, or a number so far below zero that no sum with it is a time."""
    if _ZERO <= data[i] <= _NINE and _ZERO <= data[i + 1] <= _NINE:
        number: int = 10 * (code_at(data, i) - _ZERO) + (code_at(data, i + 1) - _ZERO)
        return number
    return -1_000_000


@compiled_flat
def day_of(year: int, month: int, day: int) -> int:
    """Days since 1970-01-01 of a date that exists, or -1 (before 1970 is left to the decoder)."""
    leap = (year % 4 == 0 and year % 100 != 0) or year % 400 == 0
    if year < 1970 or not 1 <= month <= 12 or day < 1:
        return _BAD
    long = 31 - (month == 4 or month == 6 or month == 9 or month == 11)
    if day > (28 + leap if month == 2 else long):
        return _BAD
    y = year - (month <= 2)
    era, shifted = y // 400, (month + 9) % 12
    of_era = y - era * 400
    days: int = era * 146_097 + of_era * 365 + of_era // 4 - of_era // 100 + (153 * shifted + 2) // 5 + day - 719_469
    return days


@compiled_flat
def moment(data: Bytes, i: int, end: int) -> int:
    """Microseconds since 1970 of ``2026-01-01T03:00:00[.000[000]]Z`` (or ``+01:00``), or a number that is no time."""
    if end - i < 20 or data[i + 4] != _MINUS or data[i + 7] != _MINUS or data[i + 10] != _T:
        return NO_TIME
    if data[i + 13] != _COLON or data[i + 16] != _COLON:
        return NO_TIME
    hour, minute, second = two(data, i + 11), two(data, i + 14), two(data, i + 17)
    day = day_of(100 * two(data, i) + two(data, i + 2), two(data, i + 5), two(data, i + 8))
    if day < 0 or not (0 <= hour < 24 and 0 <= minute < 60 and 0 <= second < 60):
        return NO_TIME
    i, fraction = i + 19, 0
    if data[i] == _DOT:
        first = i = i + 1
        while _ZERO <= data[i] <= _NINE:
            fraction, i = 10 * fraction + (code_at(data, i) - _ZERO), i + 1
        if i - first == 3:
            fraction *= 1000
        elif i - first != 6:
            return NO_TIME
    offset = 0
    if (data[i] == _PLUS or data[i] == _MINUS) and end - i == 6 and data[i + 3] == _COLON:
        hours, minutes = two(data, i + 1), two(data, i + 4)
        if not (0 <= hours < 24 and 0 <= minutes < 60):
            return NO_TIME
        offset = (60 * hours + minutes) * (1 if data[i] == _PLUS else -1)
    elif data[i] != _Z or end - i != 1:
        return NO_TIME
    time: int = (((day * 24 + hour) * 60 + minute - offset) * 60 + second) * 1_000_000 + fraction
    return time
