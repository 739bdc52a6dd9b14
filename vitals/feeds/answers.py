"""Provisional risks to lines of bytes, many at once: one line a sample would otherwise cost more than the risk itself."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from vitals.feeds.lines import Answers, Risk
from vitals.feeds.names import WIDTH, Table
from vitals.windowing.compiled import compiled_flat
from vitals.windowing.types import Float64, Int8, Int32, Int64

Bytes = NDArray[np.uint8]
DECIMALS = 7
"""Of a provisional risk: it is exact to 1e-6, so more would say nothing."""

_LONGEST = 170 + WIDTH  # bytes of a line
_ONE = 10**DECIMALS
_DAY = 86_400_000_000


class Texts(NamedTuple):
    """What stands before the name, between name and time, before the risk and after it; and ``-T:.Z`` of a time."""

    begin: Bytes
    middle: Bytes
    before: Bytes
    after: Bytes
    marks: Bytes


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
def put_time(out: Bytes, at: int, time: int, marks: Bytes) -> int:
    """Write a time as ISO 8601 text, UTC, with a fraction only where there is one; ``marks`` is ``-T:.Z``."""
    day, rest = time // _DAY, time % _DAY
    # days to a date of the civil calendar, years beginning in March
    shifted = day + 719_468
    era = shifted // 146_097
    of_era = shifted - era * 146_097
    year = (of_era - of_era // 1460 + of_era // 36_524 - of_era // 146_096) // 365
    of_year = of_era - (365 * year + year // 4 - year // 100)
    month = (5 * of_year + 2) // 153
    at = put_number(out, at, year + era * 400 + (month >= 10), 4)
    out[at] = marks[0]
    at = put_number(out, at + 1, month + 3 if month < 10 else month - 9, 2)
    out[at] = marks[0]
    at = put_number(out, at + 1, of_year - (153 * month + 2) // 5 + 1, 2)
    out[at] = marks[1]
    seconds, fraction = rest // 1_000_000, rest % 1_000_000
    at = put_number(out, at + 1, seconds // 3600, 2)
    out[at] = marks[2]
    at = put_number(out, at + 1, seconds // 60 % 60, 2)
    out[at] = marks[2]
    at = put_number(out, at + 1, seconds % 60, 2)
    if fraction:
        out[at] = marks[3]
        at = put_number(out, at + 1, fraction, 6)
    out[at] = marks[4]
    return at + 1


@compiled_flat
def put_lines(
    out: Bytes,
    bed: Int32,
    time: Int64,
    units: Int64,
    texts: Texts,
    whys: Bytes,
    why_size: Int64,
    names: Bytes,
    size: Int32,
) -> int:
    """Write one line for each risk; returns how many bytes.

    Args:
        out: room for all lines.
        bed: of each, ``(n,)``.
        time: of each, ``(n,)``.
        units: the risk in units of the last decimal, or -1 - k for none with the reason k, ``(n,)``.
        texts: what stands between the parts.
        whys: lines' ends for each reason, ``(K, ·)``.
        why_size: their lengths.
        names: of the beds, ``(B, WIDTH)``.
        size: their lengths, ``(B,)``.
    """
    begin, middle, before, after, marks = texts
    at = 0
    for i in range(len(bed)):
        b = bed[i]
        at = put(out, at, begin, len(begin))
        at = put(out, at, names[b], size[b])
        at = put(out, at, middle, len(middle))
        at = put_time(out, at, time[i], marks)
        if units[i] < 0:
            k = -1 - units[i]
            at = put(out, at, whys[k], why_size[k])
            continue
        at = put(out, at, before, len(before))
        at = put_number(out, at, units[i] // _ONE, 1)
        out[at] = marks[3]
        at = put_number(out, at + 1, units[i] % _ONE, DECIMALS)
        at = put(out, at, after, len(after))
    return at


def _bytes(text: str) -> Bytes:
    return np.frombuffer(text.encode(), np.uint8)


@functools.cache
def _texts(model: str) -> Texts:
    end = f',"provisional":true,"model":"{model}"}}\n'
    return Texts(*map(_bytes, ('{"kind":"risk","stay":"', '","time":"', '","risk":', end, "-T:.Z")))


def rounded(risk: NDArray[np.float32]) -> Float64:
    """Risks in units of the last decimal that is told."""
    units: Float64 = np.rint(risk.astype(np.float64) * _ONE)
    return units


def write_answers(
    stays: Table, bed: Int32, time: Int64, risk: NDArray[np.float32], why: Int8, words: tuple[str, ...], model: str
) -> Answers:
    r"""Risks of stays with plain names as lines.

    Args:
        stays: names of the beds.
        bed: row of the ward, ``(n,)``.
        time: of the sample, ``(n,)``.
        risk: ``(n,)``, NaN for none.
        why: the number of the reason there is none, ``(n,)``.
        words: the reasons.
        model: names the model.

    Example:
        >>> from vitals.feeds.names import Names
        >>> names = Names(1)
        >>> names.enter("p1", 0)
        >>> bed, time, why = np.array([0], np.int32), np.array([1_000_000]), np.array([0], np.int8)
        >>> write_answers(names.table, bed, time, np.array([0.25], np.float32), why, ("unknown",), "7ed4").text
        b'{"kind":"risk","stay":"p1","time":"1970-01-01T00:00:01Z","risk":0.2500000,"provisional":true,"model":"7ed4"}\n'
    """
    units = np.where(np.isfinite(risk), np.nan_to_num(rounded(risk)), -1.0 - why).astype(np.int64)
    whys, sizes = _ends(words, model)
    out = np.empty(len(bed) * (_LONGEST + whys.shape[1]), np.uint8)
    end = put_lines(out, bed, time, units, _texts(model), whys, sizes, stays.text, stays.size)
    return Answers(out[:end].tobytes(), len(bed))


@functools.cache
def _ends(words: tuple[str, ...], model: str) -> tuple[Bytes, Int64]:
    texts = [f'","risk":null,"reason":"{word}","provisional":true,"model":"{model}"}}\n'.encode() for word in words]
    size = np.array([len(text) for text in texts])
    return np.frombuffer(b"".join(text.ljust(size.max()) for text in texts), np.uint8).reshape(len(words), -1), size


def encode_answers(lines: Sequence[Risk]) -> Answers:
    """Any provisional risks as lines."""
    return Answers(msgspec.json.Encoder().encode_lines(lines), len(lines))
