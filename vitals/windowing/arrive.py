"""Which samples are taken in, and which steps they make due. Compiled loops; what you read is what runs."""

from __future__ import annotations

import numpy as np

from vitals.windowing.carry import BLOCK, Slabs
from vitals.windowing.compiled import compiled, compiled_flat
from vitals.windowing.repair import MENDED, repair
from vitals.windowing.rules import Rules
from vitals.windowing.types import NEVER, Drop, Float32, Int8, Int16, Int32, Int64

_LATE, _IMPOSSIBLE, _NOT_A_NUMBER, _AHEAD = map(int, (Drop.LATE, Drop.IMPOSSIBLE, Drop.NOT_A_NUMBER, Drop.AHEAD))


@compiled_flat
def last_end(admitted: int, step: int, time: int) -> int:
    """End of the last step (step 0 ends at the admission) that lies at or before ``time``; NEVER if there is none."""
    if time < admitted:
        return NEVER
    return admitted + (time - admitted) // step * step


@compiled_flat
def judge(time: int, value: float, low: float, high: float, reach: int, known: int, max_gap: int) -> int:
    """Why this sample must be left out, or 0; numbers only, since a tuple of arrays costs more to hand over than that."""
    if not np.isfinite(value):
        return _NOT_A_NUMBER
    if value < low or value > high:
        return _IMPOSSIBLE
    if time <= reach:
        return _LATE
    # compared by subtraction, since known + max_gap could leave the range of int64
    if time > known and time - known > max_gap:
        return _AHEAD
    return 0


@compiled_flat
def take_in(rules: Rules, slabs: Slabs, b: int, t: int, c: int, v: np.float32) -> tuple[int, np.float32]:
    """Judge the next sample of a bed; an accepted one moves the bed's watermark and the steps that are due.

    Returns:
        The verdict, above 0 for one that must be left out, and the value to go on with.
    """
    known = max(slabs.watermark[b], slabs.reach[b], slabs.admitted[b])
    low, high = rules.limits.low[c], rules.limits.high[c]
    verdict = judge(t, v, low, high, slabs.reach[b], known, rules.max_gap)
    if verdict == _IMPOSSIBLE:
        mended = repair(rules.limits, c, v)
        if np.isfinite(mended):
            v, verdict = mended, judge(t, mended, low, high, slabs.reach[b], known, rules.max_gap) or MENDED
    if verdict <= 0 and t > slabs.watermark[b]:
        slabs.watermark[b] = t
        # a later sample proves that a step is over only once it lies more than grace behind the step's end
        slabs.reach[b] = max(slabs.reach[b], last_end(slabs.admitted[b], rules.step, t - rules.grace - 1))
    return verdict, v


@compiled_flat
def arrive(rules: Rules, slabs: Slabs, bed: Int32, time: Int64, signal: Int16, value: Float32, verdict: Int8) -> int:
    """Judge every sample in order of arrival, as :func:`take_in` does.

    Returns:
        How many are accepted with the verdict MENDED, so that most calls need not look for them.
    """
    repaired = 0
    for i in range(len(bed)):
        verdict[i], _ = take_in(rules, slabs, bed[i], time[i], signal[i], value[i])
        repaired += verdict[i] == MENDED
    return repaired


@compiled
def pass_time(rules: Rules, slabs: Slabs, clock: Int64) -> None:
    """Make every step due whose end the clock has reached."""
    for b in range(len(clock)):
        if slabs.admitted[b] != NEVER and clock[b] != NEVER:
            slabs.reach[b] = max(slabs.reach[b], last_end(slabs.admitted[b], rules.step, clock[b]))


@compiled
def beds_of(bed: Int32, beds: int) -> Int32:
    """The beds that occur, each once, in order."""
    met = np.zeros((beds + 63) // 64, np.uint64)
    many = 0
    for b in bed:
        bit = np.uint64(1) << np.uint64(b & 63)
        many += met[b >> 6] & bit == 0
        met[b >> 6] |= bit
    touched = np.empty(many, np.int32)
    n = 0
    for at in range(len(met)):
        rest, b = met[at], at << 6
        while rest != 0:
            if rest & np.uint64(1):
                touched[n] = b
                n += 1
            rest, b = rest >> np.uint64(1), b + 1
    return touched


@compiled
def group_by_bed(bed: Int32, verdict: Int8, touched: Int32, beds: int) -> tuple[Int64, Int64]:
    """Positions of the accepted samples by bed, in order of arrival within a bed.

    Returns:
        ``start`` ``(len(touched) + 1,)`` and ``order``: the samples of ``touched[j]`` are
        ``order[start[j]:start[j + 1]]``.
    """
    place = np.empty(beds, np.int32)  # only those of touched beds are read
    for j in range(len(touched)):
        place[touched[j]] = j
    start = np.zeros(len(touched) + 1, np.int64)
    for i in range(len(bed)):
        if verdict[i] == 0:
            start[place[bed[i]] + 1] += 1
    for j in range(len(touched)):
        start[j + 1] += start[j]
    order = np.empty(start[-1], np.int64)
    end = start[:-1].copy()
    for i in range(len(bed)):
        if verdict[i] == 0:
            j = place[bed[i]]
            order[end[j]] = i
            end[j] += 1
    return start, order


@compiled_flat
def more_blocks(waiting: int, new: int) -> int:
    """Blocks of the pool that a bed with so many waiting samples takes for new ones."""
    return int((waiting + new + BLOCK - 1) // BLOCK - (waiting + BLOCK - 1) // BLOCK)


@compiled
def count(
    rules: Rules, slabs: Slabs, touched: Int32, start: Int64, order: Int64, time: Int64
) -> tuple[int, int, int, int]:
    """How much room :func:`vitals.windowing.close.close` needs: rows, blocks of the pool, duplicates, buffer."""
    rows = blocks = duplicates = longest = 0
    for j in range(len(touched)):
        b = touched[j]
        new = start[j + 1] - start[j]
        if slabs.reach[b] == slabs.closed[b]:
            blocks += more_blocks(slabs.waiting[b], new)
            continue
        since = max(slabs.closed[b], slabs.admitted[b])
        rows += (slabs.reach[b] - since) // rules.step
        duplicates += new + slabs.waiting[b]
        longest = max(longest, new + slabs.waiting[b])
        open_ = 0
        for i in range(start[j], start[j + 1]):
            open_ += time[order[i]] > slabs.reach[b]
        blocks += more_blocks(slabs.waiting[b], open_)  # of those that wait some may leave: never more are needed
    return rows, blocks, duplicates, longest
