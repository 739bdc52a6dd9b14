"""What is kept of the running step of every bed, corrected by each sample. Compiled loops; what you read is what runs."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from vitals.scoring.running import Gru, add_product, add_row, copy, features, from_state, next_state, tanh
from vitals.windowing.carry import Pool, Slabs
from vitals.windowing.close import Out, reason_of
from vitals.windowing.compiled import compiled, compiled_flat
from vitals.windowing.order import Samples
from vitals.windowing.rules import LAST, Rules
from vitals.windowing.running import close_copy, column_now, in_order, insert, list_column, running_end
from vitals.windowing.types import Float32, Int8, Int32, Int64

_MICROSECONDS_PER_HOUR = 3.6e9


class Open(NamedTuple):
    """The running step of every bed.

    Attributes:
        closed: what the bed's ``closed`` was when this was computed, ``(B,)``.
        end: of the running step, ``(B,)``; NEVER where nothing is kept.
        embedded: the input layer of its row, before the rectifier, ``(B, E)``.
        five: features of every channel, ``(B, C, 5)``.
        before: the state after the steps before it, ``(B, H)``.
        gates: what that state adds to the gates, ``(B, 3H)``.
        fresh: 1 where a channel has a value, ``(B, C)``.
        mixed: 1 where samples that wait did not come in order of time, ``(B,)``.
    """

    closed: Int64
    end: Int64
    embedded: Float32
    five: Float32
    before: Float32
    gates: Float32
    fresh: Int8
    mixed: Int8


class Work(NamedTuple):
    """Room for one bed: samples of a column and their values, five features, active units, and ``(E + 3H,)`` numbers."""

    buffer: Samples
    values: Float32
    five: Float32
    active: Int64
    sums: Float32


@compiled_flat
def correct(
    rules: Rules, slabs: Slabs, pool: Pool, gru: Gru, kept: Open, work: Work, b: int, time: int, c: int
) -> bool:
    """Correct the running step of a bed by the sample of column c that was just taken in.

    Returns:
        False where the step has to be computed anew instead.
    """
    if len(kept.end) == 0 or slabs.waiting[b] > len(work.values):
        return False
    end = running_end(rules.step, slabs.admitted[b], slabs.closed[b], slabs.watermark[b])
    if kept.end[b] != end or kept.closed[b] != slabs.closed[b] or time <= end - rules.step:
        return False
    kept.mixed[b] |= time < slabs.watermark[b]
    # of a column that takes the last value no earlier sample can matter
    last_alone = rules.reduce[c] == LAST and kept.mixed[b] == 0
    since = time - 1 if last_alone else end - rules.step
    n = list_column(pool, slabs.head[b], slabs.waiting[b], c, since, kept.mixed[b] == 0, work.buffer)
    insert(work.buffer, n)
    sampled = work.buffer.time[n - 1]
    kept.fresh[b, c] = end - sampled <= rules.max_age[c]
    value = age = np.float32(np.nan)
    if kept.fresh[b, c]:
        value = np.float32(column_now(rules.reduce[c], work.buffer, n, work.values))
        age = np.float32((end - sampled) / _MICROSECONDS_PER_HOUR)
    features(gru, c, value, age, work.five)
    for k in range(5):
        if gru.column[c, k] >= 0 and work.five[k] != kept.five[b, c, k]:
            add_row(work.five[k] - kept.five[b, c, k], gru.embed[gru.column[c, k]], kept.embedded[b])
            kept.five[b, c, k] = work.five[k]
    return True


@compiled_flat
def embed(gru: Gru, value: Float32, age: Float32, five: Float32, out: Float32) -> None:
    """The input layer of a row, before the rectifier, and its features."""
    copy(gru.embed_bias, out)
    for c in range(len(value)):
        features(gru, c, value[c], age[c], five[c])
        for k in range(5):
            if gru.column[c, k] >= 0 and five[c, k] != 0:
                add_row(five[c, k], gru.embed[gru.column[c, k]], out)


@compiled_flat
def take_over(gru: Gru, kept: Open, out: Out, rows: int, hidden: Float32, b: int, work: Work) -> None:
    """Compute the running step of a bed from the rows of its open steps; the last one is the running step."""
    copy(hidden[b], kept.before[b])
    for r in range(rows):
        from_state(gru, kept.before[b], kept.gates[b], work.active)
        embed(gru, out.value[r], out.age[r], kept.five[b], kept.embedded[b])
        if r < rows - 1:
            next_state(gru, kept.embedded[b], kept.before[b], kept.gates[b], work.sums, work.active, kept.before[b])
    for c in range(len(gru.low)):
        kept.fresh[b, c] = not np.isnan(out.value[rows - 1, c])


@compiled
def compute_anew(
    rules: Rules,
    slabs: Slabs,
    pool: Pool,
    gru: Gru,
    kept: Open,
    work: Work,
    bed: Int32,
    hidden: Float32,
    alone: Slabs,
    out: Out,
) -> None:
    """Compute the running step of some beds from all that waits and the state after the last closed step."""
    for b in bed:
        end = running_end(rules.step, slabs.admitted[b], slabs.closed[b], slabs.watermark[b])
        rows = close_copy(rules, slabs, pool, b, end, alone, out, 0)
        take_over(gru, kept, out, rows, hidden, b, work)
        kept.closed[b], kept.end[b], kept.mixed[b] = (
            slabs.closed[b],
            end,
            not in_order(pool, slabs.head[b], slabs.waiting[b]),
        )


@compiled_flat
def rectified(kept: Open, b: int, out: Float32) -> None:
    """The input layer of the running step of a bed behind its rectifier, ``(E,)``."""
    for j in range(len(out)):
        out[j] = max(kept.embedded[b, j], np.float32(0))


@compiled_flat
def rectify(rules: Rules, slabs: Slabs, kept: Open, b: int, out: Float32) -> int:
    """Write the input layer of the running step of a bed, ``(E,)``; returns why it can have no risk, or 0."""
    observed = 0
    rectified(kept, b, out)
    for c in range(rules.signals):
        observed += kept.fresh[b, c]
    return int(reason_of(rules.warm_up, rules.min_observed, kept.end[b] - slabs.admitted[b], observed))


@compiled_flat
def multiply(x: Float32, weight: Float32, out: Float32, active: Int64) -> None:
    """``x @ weight``, ``(n, ·)``, for few rows: a library for matrices takes longer to begin."""
    for i in range(len(x)):
        for j in range(out.shape[1]):
            out[i, j] = 0
        add_product(x[i], weight, out[i], active)


@compiled_flat
def through_gates(gru: Gru, kept: Open, bed: Int32, sums: Float32, out: Float32) -> None:
    """The state after the running step, ``(n, H)``, from what the input layer adds to the gates, ``(n, 3H)``."""
    deep, half = out.shape[1], np.float32(0.5)
    bias = gru.take_in_bias
    for i in range(len(bed)):
        b = bed[i]
        for j in range(2 * deep):
            sums[i, j] = half * tanh(half * (sums[i, j] + bias[j] + kept.gates[b, j])) + half
        for j in range(deep):
            k = 2 * deep + j
            new = tanh(sums[i, k] + bias[k] + sums[i, deep + j] * kept.gates[b, k])
            out[i, j] = new + sums[i, j] * (kept.before[b, j] - new)


@compiled_flat
def through_head(gru: Gru, sums: Float32, risk: Float32) -> None:
    """The calibrated risks, ``(n,)``, from the layer before the logit without its bias, ``(n, K)``."""
    half = np.float32(0.5)
    for i in range(len(risk)):
        logit = gru.scalars[0]
        for j in range(len(gru.last)):
            logit += max(sums[i, j] + gru.head_bias[j], np.float32(0)) * gru.last[j]
        risk[i] = half * tanh(half * (gru.scalars[1] * logit + gru.scalars[2])) + half
