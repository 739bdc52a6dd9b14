"""Closing steps: what was measured in a step becomes one value a signal, and the values still fresh become a row."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from vitals.windowing.carry import Pool, Slabs
from vitals.windowing.rules import MAX, MEAN, MEDIAN, MIN, Rules
from vitals.windowing.types import NEVER, Drop, Float32, Float64, Int8, Int16, Int32, Int64, Reason

_DUPLICATE = int(Drop.DUPLICATE)
_WARMING_UP, _TOO_LITTLE_KNOWN = int(Reason.WARMING_UP), int(Reason.TOO_LITTLE_KNOWN)
_MICROSECONDS_PER_HOUR = 3.6e9


class Samples(NamedTuple):
    """Samples of one bed in the order in which they are reduced, or of one call in the order of arrival."""

    time: Int64
    signal: Int16
    value: Float32
    event: Int64


class Out(NamedTuple):
    """Room for the rows of one call (see :class:`vitals.windowing.types.Rows`)."""

    bed: Int32
    time: Int64
    value: Float32
    age: Float32
    reason: Int8


class Drops(NamedTuple):
    """Room for the samples left out (see :class:`vitals.windowing.types.Dropped`)."""

    event: Int64
    bed: Int32
    signal: Int16
    time: Int64
    reason: Int8


class Scratch(NamedTuple):
    """Work space for one step: how many samples each column has, and what they have become so far."""

    many: Int64
    total: Float64
    values: Float32


@njit(cache=True, nogil=True)
def push(pool: Pool, slabs: Slabs, b: int, time: int, signal: int, value: float) -> None:
    """Let a sample of an open step wait."""
    place = pool.free[0]
    pool.free[0], pool.free[1] = pool.next[place], pool.free[1] - 1
    pool.time[place], pool.signal[place], pool.value[place] = time, signal, value
    pool.next[place] = slabs.head[b]
    slabs.head[b] = place
    slabs.waiting[b] += 1


@njit(cache=True, nogil=True)
def gather(pool: Pool, slabs: Slabs, b: int, positions: Int64, new: Samples, buffer: Samples) -> int:
    """Bring together a bed's waiting and new samples; the pool forgets the waiting ones."""
    n, place = 0, slabs.head[b]
    while place >= 0:
        buffer.time[n], buffer.signal[n], buffer.value[n] = pool.time[place], pool.signal[place], pool.value[place]
        buffer.event[n] = -1
        n, following = n + 1, pool.next[place]
        pool.next[place] = pool.free[0]
        pool.free[0], pool.free[1] = place, pool.free[1] + 1
        place = following
    slabs.head[b], slabs.waiting[b] = -1, 0
    for i in positions:
        buffer.time[n], buffer.signal[n], buffer.event[n] = new.time[i], new.signal[i], i
        buffer.value[n] = new.value[i] + np.float32(0)  # -0 becomes 0: the two would tie, and arrival would decide
        n += 1
    return n


@njit(cache=True, nogil=True)
def before(buffer: Samples, i: int, j: int) -> bool:
    """Whether sample i is reduced before sample j: by time, then signal, then value; never by arrival."""
    if buffer.time[i] != buffer.time[j]:
        return bool(buffer.time[i] < buffer.time[j])
    if buffer.signal[i] != buffer.signal[j]:
        return bool(buffer.signal[i] < buffer.signal[j])
    return bool(buffer.value[i] < buffer.value[j])


@njit(cache=True, nogil=True)
def sort(buffer: Samples, n: int) -> None:
    """Put the first n samples in order (nearly always they are: a merge sort by time, then insertion within a time)."""
    ordered = True
    for i in range(1, n):
        ordered &= not before(buffer, i, i - 1)
    if ordered:
        return
    order = np.argsort(buffer.time[:n], kind="mergesort")
    buffer.time[:n], buffer.signal[:n] = buffer.time[:n][order], buffer.signal[:n][order]
    buffer.value[:n], buffer.event[:n] = buffer.value[:n][order], buffer.event[:n][order]
    for i in range(1, n):
        j = i
        while j > 0 and before(buffer, j, j - 1):
            for column in (buffer.time, buffer.event):
                column[j - 1], column[j] = column[j], column[j - 1]
            buffer.signal[j - 1], buffer.signal[j] = buffer.signal[j], buffer.signal[j - 1]
            buffer.value[j - 1], buffer.value[j] = buffer.value[j], buffer.value[j - 1]
            j -= 1


@njit(cache=True, nogil=True)
def drop(drops: Drops, n: int, event: int, b: int, signal: int, time: int, reason: int) -> int:
    """Note a sample that is left out; returns how many are noted now."""
    drops.event[n], drops.bed[n], drops.signal[n] = event, b, signal
    drops.time[n], drops.reason[n] = time, reason
    return n + 1


@njit(cache=True, nogil=True)
def median(buffer: Samples, lo: int, hi: int, signal: int, values: Float32) -> float:
    """Median of one signal's samples in a step, each time counted once."""
    n = 0
    for i in range(lo, hi):
        if buffer.signal[i] == signal and not repeats(buffer, lo, i):
            values[n] = buffer.value[i]
            n += 1
    ordered = np.sort(values[:n])
    return float((np.float64(ordered[(n - 1) // 2]) + np.float64(ordered[n // 2])) / 2)


@njit(cache=True, nogil=True)
def repeats(buffer: Samples, lo: int, i: int) -> bool:
    """Whether a sample has the time and signal of the one before it, which has the smaller value and counts instead."""
    return bool(i > lo and buffer.time[i] == buffer.time[i - 1] and buffer.signal[i] == buffer.signal[i - 1])


@njit(cache=True, error_model="numpy", nogil=True)
def reduce_step(rules: Rules, slabs: Slabs, b: int, buffer: Samples, lo: int, hi: int, scratch: Scratch) -> None:
    """Make one value a signal of the samples ``lo:hi``, which are those of one step."""
    count, total = scratch.many, scratch.total
    for i in range(lo, hi):
        c, v = buffer.signal[i], np.float64(buffer.value[i])
        if repeats(buffer, lo, i):
            continue
        how = rules.reduce[c]
        if count[c] == 0:
            total[c] = v
        elif how == MEAN:
            total[c] += v
        elif how == MIN:
            total[c] = min(total[c], v)
        elif how == MAX:
            total[c] = max(total[c], v)
        else:
            total[c] = v
        count[c] += 1
        slabs.sampled[b, c] = buffer.time[i]
    for c in range(len(count)):
        if count[c] > 0:
            if rules.reduce[c] == MEAN:
                total[c] /= count[c]
            elif rules.reduce[c] == MEDIAN:
                total[c] = median(buffer, lo, hi, c, scratch.values)
            slabs.value[b, c] = np.float32(total[c])
            count[c] = 0


@njit(cache=True, error_model="numpy", nogil=True)
def write_row(rules: Rules, slabs: Slabs, b: int, end: int, out: Out, r: int) -> None:
    """The row of the step that ends at ``end``: every value that is not too old, and its age."""
    observed = 0
    out.bed[r], out.time[r] = b, end
    for c in range(len(rules.max_age)):
        sampled = slabs.sampled[b, c]
        if sampled != NEVER and end - sampled <= rules.max_age[c]:
            out.value[r, c] = slabs.value[b, c]
            out.age[r, c] = np.float32((end - sampled) / _MICROSECONDS_PER_HOUR)
            observed += c < rules.signals
        else:
            out.value[r, c] = np.nan
            out.age[r, c] = np.nan
    out.reason[r] = 0
    if end - slabs.admitted[b] < rules.warm_up:
        out.reason[r] = _WARMING_UP
    elif observed < rules.min_observed:
        out.reason[r] = _TOO_LITTLE_KNOWN


@njit(cache=True, error_model="numpy", nogil=True)
def close_bed(rules: Rules, slabs: Slabs, b: int, buffer: Samples, n: int, scratch: Scratch, out: Out, r: int) -> int:
    """Close the due steps of one bed; returns the number of rows written so far. Later samples stay in the buffer."""
    lo = 0
    end = slabs.admitted[b] if slabs.closed[b] == NEVER else slabs.closed[b] + rules.step
    while end <= slabs.reach[b]:
        hi = lo
        while hi < n and buffer.time[hi] <= end:
            hi += 1
        if hi > lo:
            reduce_step(rules, slabs, b, buffer, lo, hi, scratch)
        if end > slabs.admitted[b]:
            write_row(rules, slabs, b, end, out, r)
            r += 1
        lo = hi
        end += rules.step
    slabs.closed[b] = slabs.reach[b]
    return r


@njit(cache=True, nogil=True)
def close(
    rules: Rules, slabs: Slabs, pool: Pool, touched: Int32, start: Int64, order: Int64,
    new: Samples, buffer: Samples, scratch: Scratch, out: Out, drops: Drops, dropped: int,
) -> int:  # fmt: skip
    """Close every due step of the touched beds; returns how many samples have been left out so far."""
    r = 0
    for j in range(len(touched)):
        b, positions = touched[j], order[start[j] : start[j + 1]]
        if slabs.reach[b] == slabs.closed[b]:
            for i in positions:
                push(pool, slabs, b, new.time[i], new.signal[i], new.value[i] + np.float32(0))  # as in gather
            continue
        n = gather(pool, slabs, b, positions, new, buffer)
        sort(buffer, n)
        r = close_bed(rules, slabs, b, buffer, n, scratch, out, r)
        for i in range(n):
            if buffer.time[i] > slabs.closed[b]:
                push(pool, slabs, b, buffer.time[i], buffer.signal[i], buffer.value[i])
            elif repeats(buffer, 0, i):
                dropped = drop(drops, dropped, buffer.event[i], b, buffer.signal[i], buffer.time[i], _DUPLICATE)
    return dropped


@njit(cache=True, nogil=True)
def list_drops(verdict: Int8, bed: Int32, new: Samples, drops: Drops) -> int:
    """Note the samples that were refused on arrival; returns how many."""
    n = 0
    for i in range(len(verdict)):
        if verdict[i] != 0:
            n = drop(drops, n, i, bed[i], new.signal[i], new.time[i], verdict[i])
    return n
