"""Closing steps: what was measured in a step becomes one value a signal, and the values still fresh become a row."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from vitals.windowing.carry import BLOCK, Pool, Slabs
from vitals.windowing.compiled import compiled, compiled_flat
from vitals.windowing.order import Samples, sort
from vitals.windowing.rules import MAX, MEAN, MEDIAN, MIN, Rules
from vitals.windowing.types import NEVER, Drop, Float32, Float64, Int8, Int16, Int32, Int64, Reason

_DUPLICATE = int(Drop.DUPLICATE)
_WARMING_UP, _TOO_LITTLE_KNOWN = int(Reason.WARMING_UP), int(Reason.TOO_LITTLE_KNOWN)
_MICROSECONDS_PER_HOUR = 3.6e9


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


@compiled_flat
def push(pool: Pool, slabs: Slabs, b: int, time: int, signal: int, value: float) -> None:
    """Let a sample of an open step wait."""
    k = slabs.waiting[b] % BLOCK
    if k == 0:
        place = pool.free[0]
        pool.free[0], pool.free[1] = pool.next[place], pool.free[1] - 1
        pool.next[place] = slabs.head[b]
        slabs.head[b] = place
    place = slabs.head[b]
    pool.time[place, k], pool.signal[place, k], pool.value[place, k] = time, signal, value
    slabs.waiting[b] += 1


@compiled_flat
def copy_waiting(pool: Pool, head: int, n: int, buffer: Samples) -> None:
    """Copy the n waiting samples of a bed, in order of arrival."""
    time, signal, value, _ = buffer
    place, end = head, n
    while place >= 0:
        begin = (end - 1) // BLOCK * BLOCK
        for i in range(begin, end):
            k = i - begin
            time[i], signal[i], value[i] = pool.time[place, k], pool.signal[place, k], pool.value[place, k]
        place, end = pool.next[place], begin


@compiled_flat
def empty_bed(pool: Pool, slabs: Slabs, b: int) -> None:
    """Give back the blocks of a bed: none of its samples wait any longer."""
    place = slabs.head[b]
    while place >= 0:
        following = pool.next[place]
        pool.next[place] = pool.free[0]
        pool.free[0], pool.free[1] = place, pool.free[1] + 1
        place = following
    slabs.head[b], slabs.waiting[b] = -1, 0


@compiled_flat
def gather(pool: Pool, slabs: Slabs, b: int, positions: Int64, new: Samples, buffer: Samples) -> int:
    """Bring together a bed's waiting and new samples of the steps that are due; all others wait on."""
    time, signal, value, event = buffer
    times, signals, values, _ = new
    waited, n = slabs.waiting[b], 0
    copy_waiting(pool, slabs.head[b], waited, buffer)
    empty_bed(pool, slabs, b)
    for i in range(waited):
        if time[i] > slabs.reach[b]:
            push(pool, slabs, b, time[i], signal[i], value[i])
        else:
            time[n], signal[n], value[n], event[n] = time[i], signal[i], value[i], -1
            n += 1
    for i in positions:
        cleaned = values[i] + np.float32(0)  # -0 becomes 0: the two would tie, and arrival would decide
        if times[i] > slabs.reach[b]:
            push(pool, slabs, b, times[i], signals[i], cleaned)
        else:
            time[n], signal[n], value[n], event[n] = times[i], signals[i], cleaned, i
            n += 1
    return n


@compiled_flat
def drop(drops: Drops, n: int, event: int, b: int, signal: int, time: int, reason: int) -> int:
    """Note a sample that is left out; returns how many are noted now."""
    drops.event[n], drops.bed[n], drops.signal[n] = event, b, signal
    drops.time[n], drops.reason[n] = time, reason
    return n + 1


@compiled
def median(buffer: Samples, lo: int, hi: int, c: int, values: Float32) -> float:
    """Median of one signal's samples in a step, each time counted once."""
    time, signal, value, _ = buffer
    n = 0
    for i in range(lo, hi):
        if signal[i] == c and not (i > lo and same(time[i], c, time[i - 1], signal[i - 1])):
            values[n] = value[i]
            n += 1
    ordered = np.sort(values[:n])
    return float((np.float64(ordered[(n - 1) // 2]) + np.float64(ordered[n // 2])) / 2)


@compiled_flat
def same(time: int, signal: int, other_time: int, other_signal: int) -> bool:
    """Whether two samples measure the same; of such the first, which has the smaller value, counts."""
    return time == other_time and signal == other_signal


@compiled_flat
def fold(how: int, many: int, total: float, value: float) -> float:
    """One more sample of a step, of which ``many`` have become ``total``."""
    if many == 0:
        return value
    if how == MEAN:
        return total + value
    if how == MIN:
        return min(total, value)
    if how == MAX:
        return max(total, value)
    return value


@compiled_flat
def reason_of(warm_up: int, min_observed: int, since: int, observed: int) -> int:
    """Why a row can have no risk, or 0."""
    if since < warm_up:
        return _WARMING_UP
    return _TOO_LITTLE_KNOWN if observed < min_observed else 0


@compiled
def close_bed(rules: Rules, slabs: Slabs, b: int, buffer: Samples, n: int, scratch: Scratch, out: Out, r: int) -> int:
    """Close the due steps of one bed; returns the number of rows written so far.

    One function on purpose: handing arrays to another for every step would count references, which costs three times
    what the loops do.
    """
    (time, signal, value, _), (many, total, values) = buffer, scratch
    known, sampled, admitted, reach = slabs.value[b], slabs.sampled[b], slabs.admitted[b], slabs.reach[b]
    reduce, max_age, out_value, out_age = rules.reduce, rules.max_age, out.value, out.age
    lo = 0
    end = admitted if slabs.closed[b] == NEVER else slabs.closed[b] + rules.step
    while end <= reach:
        hi = lo
        while hi < n and time[hi] <= end:
            c = signal[hi]
            if not (hi > lo and same(time[hi], c, time[hi - 1], signal[hi - 1])):
                total[c] = fold(reduce[c], many[c], total[c], np.float64(value[hi]))
                many[c] += 1
                sampled[c] = time[hi]
            hi += 1
        for i in range(lo, hi):
            c = signal[i]
            if many[c] > 0:  # the first time this signal is met again
                if reduce[c] == MEAN:
                    total[c] /= many[c]
                elif reduce[c] == MEDIAN:
                    total[c] = median(buffer, lo, hi, c, values)
                known[c] = np.float32(total[c])
                many[c] = 0
        if end > admitted:
            observed = 0
            for c in range(len(max_age)):
                fresh = (sampled[c] != NEVER) & (end - sampled[c] <= max_age[c])
                out_value[r, c] = known[c] if fresh else np.float32(np.nan)
                out_age[r, c] = np.float32((end - sampled[c]) / _MICROSECONDS_PER_HOUR) if fresh else np.float32(np.nan)
                observed += fresh & (c < rules.signals)
            out.bed[r], out.time[r], out.reason[r] = (
                b,
                end,
                reason_of(rules.warm_up, rules.min_observed, end - admitted, observed),
            )
            r += 1
        lo = hi
        end += rules.step
    slabs.closed[b] = reach
    return r


@compiled
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
        time, signal, _, event = buffer
        for i in range(1, n):
            if same(time[i], signal[i], time[i - 1], signal[i - 1]):
                dropped = drop(drops, dropped, event[i], b, signal[i], time[i], _DUPLICATE)
    return dropped


@compiled
def list_drops(verdict: Int8, bed: Int32, new: Samples, drops: Drops) -> int:
    """Note the samples that were refused on arrival; returns how many."""
    n = 0
    for i in range(len(verdict)):
        if verdict[i] != 0:
            n = drop(drops, n, i, bed[i], new.signal[i], new.time[i], verdict[i])
    return n
