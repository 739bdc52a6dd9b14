"""Samples taken in one after the other, each answered by the step it falls into. Compiled loops; what you read is what runs."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from vitals.feeds.answers import Bytes, Texts, put_lines
from vitals.feeds.names import Table
from vitals.scoring.running import Gru
from vitals.ward.open_steps import Open, Work, correct, multiply, rectify, through_gates, through_head
from vitals.windowing.arrive import take_in
from vitals.windowing.carry import Pool, Slabs
from vitals.windowing.close import push
from vitals.windowing.compiled import compiled_flat
from vitals.windowing.rules import Rules
from vitals.windowing.types import NEVER, Float32, Int8, Int16, Int32, Int64


class Run(NamedTuple):
    """Room for the answers to samples that are taken in together.

    Attributes:
        bed: whose step was corrected, ``(N,)``.
        time: by a sample of which time, ``(N,)``.
        x: what the input layer gave after it, ``(N, E)``.
        gates: what that adds to the gates, ``(N, 3H)``.
        state: after the step, ``(N, H)``.
        head: the layer before the logit, ``(N, K)``.
        risk: ``(N,)``; NaN for none.
        reason: why there can be none, ``(N,)``.
        out: the lines.
        waiting: beds whose steps must be closed or computed first, each once, ``(N,)``.
        asked: positions of their samples, ``(N,)``; -1 where none is to be answered.
        marked: 1 for those beds while samples are taken in, ``(B,)``.
    """

    bed: Int32
    time: Int64
    x: Float32
    gates: Float32
    state: Float32
    head: Float32
    risk: Float32
    reason: Int8
    out: Bytes
    waiting: Int32
    asked: Int64
    marked: Int8


@compiled_flat
def take(
    rules: Rules,
    slabs: Slabs,
    pool: Pool,
    gru: Gru,
    kept: Open,
    work: Work,
    bed: Int32,
    time: Int64,
    signal: Int16,
    value: Float32,
    at: int,
    verdict: Int8,
    run: Run,
) -> tuple[int, int, int, int]:
    """Take in samples from position ``at`` on, until a bed comes again whose step has to be closed or computed first.

    Args:
        rules: of the window.
        slabs: of the ward.
        pool: what waits; there must be room.
        gru: the weights.
        kept: the running steps; of no bed where none can be corrected.
        work: room for the samples of one bed.
        bed: of the samples, ``(n,)``.
        time: of the samples, ``(n,)``.
        signal: of the samples, ``(n,)``.
        value: of the samples, ``(n,)``.
        at: where to begin.
        verdict: takes the verdict on each sample that is taken in or left out.
        run: takes the answers.

    Returns:
        The position after the last sample that was looked at, how many were answered, how many beds wait, and how many
        samples were left out or repaired.
    """
    i, n, m, other = at, 0, 0, 0
    while i < len(bed) and n < len(run.bed) and m < len(run.bed) and not run.marked[bed[i]]:
        b, c = bed[i], signal[i]
        verdict[i], v = take_in(rules, slabs, b, time[i], c, value[i])
        other += verdict[i] != 0
        if verdict[i] <= 0:
            push(pool, slabs, b, time[i], c, v + np.float32(0))  # as in gather
            news = c < rules.signals  # demographics are no news of the hour
            if not news and len(kept.end) > 0:
                kept.end[b] = NEVER
            due = slabs.reach[b] != slabs.closed[b]
            if due or (news and not correct(rules, slabs, pool, gru, kept, work, b, time[i], c)):
                run.waiting[m], run.asked[m], run.marked[b] = b, (i if news else -1), 1
                m += 1
            elif news:
                run.bed[n], run.time[n] = b, time[i]
                run.reason[n] = rectify(rules, slabs, kept, b, run.x[n])
                n += 1
        i += 1
    for j in range(m):
        run.marked[run.waiting[j]] = 0
    return i, n, m, other


@compiled_flat
def write_risks(gru: Gru, run: Run, n: int, texts: Texts, stays: Table) -> int:
    """The risks of the first n answers from their layer before the logit, and their lines; returns how many bytes."""
    through_head(gru, run.head[:n], run.risk[:n])
    for i in range(n):
        if run.reason[i] != 0:
            run.risk[i] = np.nan
    return int(put_lines(run.out, run.bed[:n], run.time[:n], run.risk[:n], run.reason[:n], texts, stays))


@compiled_flat
def answer_few(gru: Gru, kept: Open, run: Run, n: int, active: Int64, texts: Texts, stays: Table) -> int:
    """The lines of the first n answers, row by row: for few a library for matrices takes longer to begin."""
    multiply(run.x[:n], gru.take_in, run.gates[:n], active)
    through_gates(gru, kept, run.bed[:n], run.gates[:n], run.state[:n])
    multiply(run.state[:n], gru.head, run.head[:n], active)
    return int(write_risks(gru, run, n, texts, stays))
