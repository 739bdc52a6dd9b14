"""Provisional risks to lines of bytes, many at once: one line a sample would otherwise cost more than the risk itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from vitals.feeds.lines import Answers, Risk
from vitals.feeds.names import WIDTH, Table
from vitals.windowing.compiled import compiled_flat
from vitals.windowing.types import Float32, Int8, Int32, Int64

Bytes = NDArray[np.uint8]
DECIMALS = 7
"""Of a provisional risk: it is exact to 1e-6, so more would say nothing."""

_LONGEST = 170 + WIDTH  # bytes of a line
_ONE = 10**DECIMALS
_DAY = 86_400_000_000


def _bytes(text: str) -> Bytes:
    return np.frombuffer(text.encode(), np.uint8)


# constants of the compiled loops: texts whose length they know are copied at once
_BEGIN, _MIDDLE, _RISK = map(_bytes, ('{"kind":"risk","stay":"', '","time":"', '","risk":'))
_MINUS, _T, _COLON, _DOT, _Z = b"-T:.Z"


class Texts(NamedTuple):
    """What stands in a line after its time, and the last date that was written.

    Attributes:
        after: after a risk.
        why: the line's end for each reason there is no risk, ``(K, ·)``.
        why_size: how many bytes, ``(K,)``.
        day: days since 1970 of the date, ``(1,)``.
        date: ``YYYY-MM-DDT``.
    """

    after: Bytes
    why: Bytes
    why_size: Int64
    day: Int64
    date: Bytes


@compiled_flat
def put(out: Bytes, at: int, text: Bytes, size: int) -> int:
    """Write some bytes; returns the place after them."""
    for i in range(size):
        out[at + i] = text[i]
    return at + size


@compiled_flat
def put_number(out: Bytes, at: int, number: int, digits: int) -> int:
    """Write a number with so many digits; returns the place after it."""
    for i in range(digits - 1, -1, -1):
        out[at + i] = 48 + number % 10
        number //= 10
    return at + digits


@compiled_flat
def put_date(day: int, out: Bytes) -> None:
    """Write a day since 1970 as ``YYYY-MM-DDT``."""
    # days to a date of the civil calendar, years beginning in March
    shifted = day + 719_468
    era = shifted // 146_097
    of_era = shifted - era * 146_097
    year = (of_era - of_era // 1460 + of_era // 36_524 - of_era // 146_096) // 365
    of_year = of_era - (365 * year + year // 4 - year // 100)
    month = (5 * of_year + 2) // 153
    put_number(out, 0, year + era * 400 + (month >= 10), 4)
    put_number(out, 5, month + 3 if month < 10 else month - 9, 2)
    put_number(out, 8, of_year - (153 * month + 2) // 5 + 1, 2)
    out[4] = out[7] = _MINUS
    out[10] = _T


@compiled_flat
def put_time(out: Bytes, at: int, time: int, texts: Texts) -> int:
    """Write a time as ISO 8601 text, UTC, with a fraction only where there is one."""
    day, rest = time // _DAY, time % _DAY
    if day != texts.day[0]:
        texts.day[0] = day
        put_date(day, texts.date)
    for k in range(11):
        out[at + k] = texts.date[k]
    seconds, fraction = rest // 1_000_000, rest % 1_000_000
    put_number(out, at + 11, seconds // 3600, 2)
    put_number(out, at + 14, seconds // 60 % 60, 2)
    at = put_number(out, at + 17, seconds % 60, 2)
    out[at - 6] = out[at - 3] = _COLON
    if fraction:
        out[at] = _DOT
        at = put_number(out, at + 1, fraction, 6)
    out[at] = _Z
    return at + 1


@compiled_flat
def put_lines(out: Bytes, bed: Int32, time: Int64, risk: Float32, reason: Int8, texts: Texts, stays: Table) -> int:
    """Write one line for each risk; returns how many bytes, or -1 if a bed has no plain name.

    Args:
        out: room for all lines.
        bed: of each, ``(n,)``.
        time: of each, ``(n,)``.
        risk: of each, ``(n,)``; NaN for none.
        reason: why there is none, ``(n,)``.
        texts: what stands between the parts.
        stays: names of the beds.
    """
    at = 0
    for i in range(len(bed)):
        b = bed[i]
        if b >= len(stays.size) or stays.size[b] == 0:
            return -1
        at = put(out, at, _BEGIN, len(_BEGIN))
        at = put(out, at, stays.text[b], stays.size[b])
        at = put(out, at, _MIDDLE, len(_MIDDLE))
        at = put_time(out, at, time[i], texts)
        if not np.isfinite(risk[i]):
            at = put(out, at, texts.why[reason[i]], texts.why_size[reason[i]])
            continue
        units = np.int64(np.rint(np.float64(risk[i]) * _ONE))
        at = put(out, at, _RISK, len(_RISK))
        at = put_number(out, at, units // _ONE, 1)
        out[at] = _DOT
        at = put_number(out, at + 1, units % _ONE, DECIMALS)
        at = put(out, at, texts.after, len(texts.after))
    return at


def texts_of(words: Sequence[str], model: str) -> Texts:
    """The texts of lines that name these reasons and this model."""
    after = f',"provisional":true,"model":"{model}"}}\n'
    ends = [f'","risk":null,"reason":"{word}"{after}'.encode() for word in words]
    size = np.array([len(end) for end in ends])
    why = np.frombuffer(b"".join(end.ljust(size.max()) for end in ends), np.uint8).reshape(len(words), -1)
    return Texts(_bytes(after), why, size, np.full(1, -(10**9)), np.zeros(11, np.uint8))


def room_for(lines: int, texts: Texts) -> Bytes:
    """Room for so many lines."""
    return np.empty(lines * (_LONGEST + texts.why.shape[1]), np.uint8)


def told(risk: float) -> float:
    """A risk as a line tells it, to :data:`DECIMALS`.

    Example:
        >>> told(0.12345678)
        0.1234568
    """
    number: float = np.rint(np.float64(risk) * _ONE) / _ONE
    return float(number)


def encode_answers(lines: Sequence[Risk]) -> Answers:
    """Any provisional risks as lines."""
    return Answers(msgspec.json.Encoder().encode_lines(lines), len(lines))
