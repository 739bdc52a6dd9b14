"""What the step that is still running would be if it closed now: rows and single columns, without closing anything.

The running step of a bed is the one that holds its latest sample. Everything here reads the carry and changes nothing.
"""

from __future__ import annotations

import numpy as np

from vitals.spec.settings import Settings
from vitals.windowing.carry import BLOCK, Carry, Pool, Slabs
from vitals.windowing.close import Out, Scratch, close_bed, copy_waiting, fold
from vitals.windowing.compiled import compiled, compiled_flat
from vitals.windowing.order import Samples, sort
from vitals.windowing.rules import MEAN, MEDIAN, Rules, rules_of
from vitals.windowing.types import NEVER, Float32, Int32, Int64, Rows


@compiled_flat
def running_end(step: int, admitted: int, closed: int, watermark: int) -> int:
    """End of the step that holds the latest sample; the first step for one that is older than the stay."""
    first = (admitted if closed == NEVER else closed) + step
    return first if watermark <= first else first + (watermark - first + step - 1) // step * step


LATER = np.iinfo(np.int64).max
"""A time later than all."""


@compiled_flat
def in_order(pool: Pool, head: int, waiting: int) -> bool:
    """Whether a bed's waiting samples arrived in order of time."""
    place, end, later = head, waiting, LATER
    while place >= 0:
        begin = (end - 1) // BLOCK * BLOCK
        for k in range(end - begin - 1, -1, -1):
            if pool.time[place, k] > later:
                return False
            later = pool.time[place, k]
        place, end = pool.next[place], begin
    return True


@compiled_flat
def list_column(pool: Pool, head: int, waiting: int, signal: int, since: int, ordered: bool, buffer: Samples) -> int:
    """A bed's waiting samples of one column later than ``since``, the latest arrival last; returns how many.

    Where all came in order of time, no later one follows upon one that is too early.
    """
    n, place, end = 0, head, waiting
    while place >= 0:
        begin = (end - 1) // BLOCK * BLOCK
        for k in range(end - begin - 1, -1, -1):
            time = pool.time[place, k]
            if time > since:
                if pool.signal[place, k] == signal:
                    buffer.time[n], buffer.signal[n], buffer.value[n] = time, signal, pool.value[place, k]
                    n += 1
            elif ordered:
                begin = 0
                break
        place, end = (pool.next[place] if begin > 0 else -1), begin
    turn(buffer, n)
    return n


@compiled_flat
def turn(buffer: Samples, n: int) -> None:
    """Put the first n samples in the opposite order."""
    time, signal, value, _ = buffer
    for i in range(n // 2):
        j = n - 1 - i
        time[i], time[j] = time[j], time[i]
        signal[i], signal[j] = signal[j], signal[i]
        value[i], value[j] = value[j], value[i]


@compiled_flat
def insert(buffer: Samples, n: int) -> None:
    """Put n samples of one column in order of time and value: they nearly are."""
    time, _, value, _ = buffer
    for i in range(1, n):
        j = i
        while j > 0 and (time[j] < time[j - 1] or (time[j] == time[j - 1] and value[j] < value[j - 1])):
            time[j - 1], time[j] = time[j], time[j - 1]
            value[j - 1], value[j] = value[j], value[j - 1]
            j -= 1


@compiled_flat
def column_now(how: int, buffer: Samples, n: int, values: Float32) -> float:
    """What n samples of one column, in order, become in a step, as :func:`vitals.windowing.close.close_bed` has it."""
    time, _, value, _ = buffer
    many, total = 0, 0.0
    for i in range(n):
        if i == 0 or time[i] != time[i - 1]:  # of samples of one time the first counts
            total = fold(how, many, total, np.float64(value[i]))
            j = many
            if how == MEDIAN:
                while j > 0 and values[j - 1] > value[i]:
                    values[j] = values[j - 1]
                    j -= 1
            values[j] = value[i]
            many += 1
    if how == MEAN:
        total /= many
    elif how == MEDIAN:
        total = (np.float64(values[(many - 1) // 2]) + np.float64(values[many // 2])) / 2
    return total


@compiled
def close_copy(rules: Rules, slabs: Slabs, pool: Pool, b: int, end: int, alone: Slabs, out: Out, r: int) -> int:
    """Write the rows of the steps up to ``end`` as they would be if they closed now; returns the number of rows written.

    Args:
        rules: of the window.
        slabs: of the ward.
        pool: what waits.
        b: the bed.
        end: of the last step.
        alone: room for the state of one bed.
        out: takes the rows; their bed is ``b``.
        r: how many rows it holds already.
    """
    n = slabs.waiting[b]
    buffer = Samples(np.empty(n, np.int64), np.empty(n, np.int16), np.empty(n, np.float32), np.empty(n, np.int64))
    copy_waiting(pool, slabs.head[b], n, buffer)
    sort(buffer, n)
    alone.admitted[0], alone.closed[0], alone.reach[0] = slabs.admitted[b], slabs.closed[b], end
    alone.value[0], alone.sampled[0] = slabs.value[b], slabs.sampled[b]
    channels = len(rules.max_age)
    scratch = Scratch(np.zeros(channels, np.int64), np.empty(channels), np.empty(n, np.float32))
    written = close_bed(rules, alone, 0, buffer, n, scratch, out, r)
    out.bed[r:written] = b
    return int(written)


@compiled
def close_copies(rules: Rules, slabs: Slabs, pool: Pool, bed: Int32, end: Int64, alone: Slabs, out: Out) -> int:
    """Write the rows of the open steps of some beds."""
    r = 0
    for j in range(len(bed)):
        r = close_copy(rules, slabs, pool, bed[j], end[j], alone, out, r)
    return r


@compiled
def running_ends(step: int, slabs: Slabs, bed: Int32) -> Int64:
    """End of the running step of some beds."""
    end = np.empty(len(bed), np.int64)
    for j in range(len(bed)):
        b = bed[j]
        end[j] = running_end(step, slabs.admitted[b], slabs.closed[b], slabs.watermark[b])
    return end


def room(rows: int, channels: int) -> Out:
    """Room for so many rows."""
    wide = (rows, channels)
    return Out(
        np.empty(rows, np.int32), np.empty(rows, np.int64), np.empty(wide, np.float32), np.empty(wide, np.float32),
        np.empty(rows, np.int8),
    )  # fmt: skip


def most_open(rules: Rules) -> int:
    """Steps of one bed that can be open at once: later ones would make the earlier ones due."""
    return int(rules.grace // rules.step + 3)


def open_rows(settings: Settings, carry: Carry, bed: Int32) -> Rows:
    """The rows of all open steps of some beds, as they would be if the running step closed now; the carry stays as it is.

    Args:
        settings: channels and window.
        carry: the state.
        bed: ``(n,)`` beds, each once; their running step is the last row of each.

    Example:
        >>> from vitals.windowing.advance import advance
        >>> from vitals.windowing.types import Events
        >>> settings = Settings.from_tables({"name": "x", "signals": {"heart_rate": {}}, "window": {"step": "1h"},
        ...                                  "label": {"kind": "sepsis", "horizon": "6h"}})
        >>> carry = Carry.empty(settings, beds=1)
        >>> carry.admit(np.array([0]), np.array([0]))
        >>> samples = Events(np.array([0], np.int32), np.array([5]), np.array([0], np.int16), np.array([80], np.float32))
        >>> carry, rows, _ = advance(settings, carry, samples)
        >>> len(rows), open_rows(settings, carry, np.array([0], np.int32)).value.tolist()
        (0, [[80.0]])
    """
    rules = rules_of(settings)
    out = room(len(bed) * most_open(rules), len(rules.max_age))
    end = running_ends(rules.step, carry.slabs, bed)
    n = close_copies(rules, carry.slabs, carry.pool, bed, end, Carry.empty(settings, 1).slabs, out)
    return Rows(out.bed[:n], out.time[:n], out.value[:n], out.age[:n], out.reason[:n])
