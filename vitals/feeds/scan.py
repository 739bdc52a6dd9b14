"""Plain lines of samples to columns, in one compiled pass over the bytes; every other line is left to the decoder.

A line is plain if it is one flat object of known keys, each at most once, in any order: the ``stay`` and the ``signal``
short names that the tables know, the ``time`` an integer or an ISO 8601 text with Z or an offset, the ``value`` a number
of at most 15 digits without an exponent; perhaps ``kind`` "sample", the ``unit`` of the catalogue, ``arrival`` and
``seq``. What a plain line says is exactly what the decoder and the intake would make of it. The loop never has to know
why a line is not plain: it stops there.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from vitals.feeds.moments import NO_TIME, Bytes, code_at, moment
from vitals.feeds.names import Table, find
from vitals.feeds.times import EARLIEST, LATEST
from vitals.windowing.compiled import compiled_flat
from vitals.windowing.types import Float32, Int16, Int32, Int64

_QUOTE, _BACKSLASH, _COLON, _COMMA, _OPEN, _CLOSE, _END = b'"\\:,{}\n'
_MINUS, _PLUS, _DOT, _ZERO, _NINE, _T, _Z, _SPACE = b"-+.09TZ "
_STAY, _TIME, _SIGNAL, _VALUE = (int.from_bytes(key, "big") for key in (b"stay", b"time", b"signal", b"value"))
_KIND, _UNIT, _ARRIVAL, _SEQ = (int.from_bytes(key, "big") for key in (b"kind", b"unit", b"arrival", b"seq"))
_SAMPLE = int.from_bytes(b"sample", "big")
_TENS = np.array([float(f"1e{power}") for power in range(16)])
_TOO_LARGE = 10**15
_MOST_DIGITS = 15  # a whole number of so many digits, and 10 to so high a power, are exact: one division rounds once
_HAS_STAY, _HAS_SIGNAL, _HAS_TIME, _HAS_VALUE, _HAS_KIND, _HAS_UNIT, _HAS_ARRIVAL, _HAS_SEQ = (
    1,
    2,
    4,
    8,
    16,
    32,
    64,
    128,
)
_NEEDED = _HAS_STAY | _HAS_SIGNAL | _HAS_TIME | _HAS_VALUE
_BAD = -1


class Columns(NamedTuple):
    """Samples in the order of their lines: row of the ward, time, column and value, ``(n,)`` each.

    A value beyond single precision is infinite, and windowing counts it.
    """

    bed: Int32
    time: Int64
    signal: Int16
    value: Float32


@compiled_flat
def blank(data: Bytes, i: int) -> int:
    """The next place that is no space."""
    while data[i] == _SPACE:
        i += 1
    return i


@compiled_flat
def word(data: Bytes, i: int) -> tuple[int, int]:
    """A text of at most seven bytes from after its quote, as a number, and the place after its end; or -1 and anything."""
    code = n = 0
    while data[i] != _QUOTE:
        if n == 7 or data[i] < _SPACE or data[i] == _BACKSLASH:
            return _BAD, i
        code, n, i = code << 8 | code_at(data, i), n + 1, i + 1
    return code, i + 1


@compiled_flat
def text_end(data: Bytes, i: int) -> int:
    """Where a plain text ends, from after its quote; -1 for one that needs decoding."""
    while data[i] != _QUOTE:
        if data[i] < _SPACE or data[i] >= 127 or data[i] == _BACKSLASH:
            return _BAD
        i += 1
    return i


@compiled_flat
def number(data: Bytes, i: int) -> tuple[int, int, int, int]:
    """Sign, digits as a whole number, how many of them follow the point, and the place after them; or -1 at the end.

    No exponent, no needless zero, nothing that a whole number of 63 bits or a double could not hold exactly.
    """
    sign = 1
    if data[i] == _MINUS:
        sign, i = -1, i + 1
    first, whole = i, 0
    while _ZERO <= data[i] <= _NINE and i - first <= 18:
        whole, i = 10 * whole + (code_at(data, i) - _ZERO), i + 1
    digits = i - first
    if digits == 0 or digits > 18 or (data[first] == _ZERO and digits > 1):
        return 0, 0, 0, _BAD
    fraction = 0
    if data[i] == _DOT:
        i += 1
        while _ZERO <= data[i] <= _NINE and digits + fraction <= _MOST_DIGITS:
            whole, fraction, i = 10 * whole + (code_at(data, i) - _ZERO), fraction + 1, i + 1
        if fraction == 0 or digits + fraction > _MOST_DIGITS:
            return 0, 0, 0, _BAD
    if whole == 0 and sign < 0:  # -0: a decoder may keep the sign
        return 0, 0, 0, _BAD
    return sign, whole, fraction, i


@compiled_flat
def key_at(data: Bytes, i: int) -> tuple[int, int]:
    """A key, as a number, and where its value begins; or -1 and anything."""
    i = blank(data, i)
    if data[i] != _QUOTE:
        return _BAD, i
    key, i = word(data, i + 1)
    if key == _BAD:
        return _BAD, i
    i = blank(data, i)
    if data[i] != _COLON:
        return _BAD, i
    return key, blank(data, i + 1)


@compiled_flat
def text_field(data: Bytes, key: int, i: int, end: int) -> tuple[int, int]:
    """What a text between two quotes gives: the bit of its key, 0 if it is not plain, and a time."""
    if key == _TIME:
        time = moment(data, i, end)
        return (_HAS_TIME if EARLIEST <= time <= LATEST else 0), time
    if key == _KIND:
        return (_HAS_KIND if word(data, i)[0] == _SAMPLE else 0), 0
    return (_HAS_ARRIVAL if key == _ARRIVAL else 0), 0


@compiled_flat
def number_field(data: Bytes, key: int, i: int) -> tuple[int, int, float, int]:
    """What a number gives: the bit of its key, 0 if it is not plain, a time, a value, and the place after it."""
    sign, whole, fraction, i = number(data, i)
    bit = 0
    if i == _BAD:
        return 0, 0, 0.0, i
    if key == _VALUE and whole < _TOO_LARGE:
        return _HAS_VALUE, 0, sign * whole / _TENS[fraction], i
    if fraction == 0 and key == _TIME and EARLIEST <= sign * whole <= LATEST:
        bit = _HAS_TIME
    elif fraction == 0 and key == _ARRIVAL:
        bit = _HAS_ARRIVAL
    elif fraction == 0 and key == _SEQ and sign > 0:
        bit = _HAS_SEQ
    return bit, sign * whole, 0.0, i


@compiled_flat
def scan(data: Bytes, at: int, stays: Table, words: Table, unit_of: Int32, out: Columns, n: int) -> tuple[int, int]:
    """Read plain lines, from the one that begins at ``at``, until one is not plain or none is left.

    Args:
        data: whole lines, the last one with its end.
        at: where to begin.
        stays: the number of a name is its row of the ward.
        words: the number of a signal is its column; units have the numbers after those.
        unit_of: number of the unit of each column.
        out: takes the samples.
        n: how many it holds already.

    Returns:
        How many samples ``out`` holds now, and where the line begins that was not read.
    """
    (slot, text, size), (word_slot, word_text, word_size) = stays, words
    beds, times, columns, values = out
    while at < len(data) and data[at] == _OPEN:
        i, seen, bed, column, unit, time, value, open_ = at + 1, 0, _BAD, _BAD, _BAD, NO_TIME, 0.0, True
        while open_:
            key, i = key_at(data, i)
            bit, found = 0, _BAD
            if key != _BAD and data[i] == _QUOTE:
                end = text_end(data, i + 1)
                if end == _BAD:
                    break
                if key == _STAY:
                    bed = find(slot, text, size, data, i + 1, end)
                    bit = _HAS_STAY if bed >= 0 else 0
                elif key == _SIGNAL or key == _UNIT:
                    found = find(word_slot, word_text, word_size, data, i + 1, end)
                    if key == _SIGNAL and 0 <= found < len(unit_of):
                        column, bit = found, _HAS_SIGNAL
                    elif key == _UNIT and found >= len(unit_of):
                        unit, bit = found, _HAS_UNIT
                else:
                    bit, found = text_field(data, key, i + 1, end)
                    time = found if key == _TIME else time
                i = end + 1
            elif key != _BAD:
                bit, found, number_, i = number_field(data, key, i)
                value = number_ if key == _VALUE else value
                time = found if key == _TIME else time
            if bit == 0 or seen & bit:
                break
            seen |= bit
            i = blank(data, i)
            open_ = data[i] == _COMMA
            i += open_
        other_unit = seen & _HAS_UNIT and unit != unit_of[column]
        if open_ or data[i] != _CLOSE or data[i + 1] != _END or seen & _NEEDED != _NEEDED or other_unit:
            break  # (a line that was given up is still open)
        beds[n], times[n], columns[n], values[n] = bed, time, column, np.float32(value)
        n, at = n + 1, i + 2
    return n, at
