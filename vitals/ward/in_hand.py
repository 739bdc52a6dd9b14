"""All that the compiled loops need of a ward in one piece: handing sixty arrays over one by one costs more than what they do."""

from __future__ import annotations

from typing import Any

from numba import types
from numba.experimental import structref

from vitals.feeds.answers import Texts
from vitals.feeds.names import Table
from vitals.scoring.running import Gru
from vitals.ward.open_steps import Open, Work, compute_anew, rectify, through_gates
from vitals.ward.taking import Run, answer_few, take, write_risks
from vitals.windowing.carry import Pool, Slabs
from vitals.windowing.close import Out
from vitals.windowing.compiled import compiled
from vitals.windowing.rules import Rules
from vitals.windowing.types import Float32, Int8, Int16, Int32, Int64

FEW = 8
"""Answers up to which no product of matrices is worth while."""

_FIELDS = ["rules", "slabs", "pool", "gru", "kept", "work", "run", "alone", "out", "texts", "stays"]


@structref.register
class _InHandType(types.StructRef):
    """How numba knows it."""


class InHand(structref.StructRefProxy):
    """The same arrays as those it was made of; when one of them is replaced, it has to be made again."""


structref.define_proxy(InHand, _InHandType, _FIELDS)  # type: ignore[no-untyped-call]


@compiled
def in_hand(
    rules: Rules, slabs: Slabs, pool: Pool, gru: Gru, kept: Open, work: Work, run: Run, alone: Slabs, out: Out, texts: Texts,
    stays: Table,
) -> Any:  # fmt: skip
    """Put the parts of a ward together."""
    return InHand(rules, slabs, pool, gru, kept, work, run, alone, out, texts, stays)  # type: ignore[no-untyped-call]


@compiled
def take_now(
    ward: Any, bed: Int32, time: Int64, signal: Int16, value: Float32, at: int, verdict: Int8
) -> tuple[int, int, int, int, int]:
    """Take in samples, as :func:`vitals.ward.taking.take` does, and write the answers if they are few.

    Returns:
        The position after the last, how many were answered, how many beds wait, how many were left out or repaired, and how
        many bytes were written.
    """
    i, n, m, other = take(
        ward.rules, ward.slabs, ward.pool, ward.gru, ward.kept, ward.work, bed, time, signal, value, at, verdict,
        ward.run,
    )  # fmt: skip
    size = 0
    if 0 < n <= FEW:
        size = answer_few(ward.gru, ward.kept, ward.run, n, ward.work.active, ward.texts, ward.stays)
    return i, n, m, other, size


@compiled
def compute_now(ward: Any, bed: Int32, time: Int64, hidden: Float32) -> int:
    """Compute the running steps of some beds anew, and write the answers if they are few; returns how many bytes."""
    rules, slabs, kept, run, n = ward.rules, ward.slabs, ward.kept, ward.run, len(bed)
    compute_anew(rules, slabs, ward.pool, ward.gru, kept, ward.work, bed, hidden, ward.alone, ward.out)
    for i in range(n):
        run.bed[i], run.time[i] = bed[i], time[i]
        run.reason[i] = rectify(rules, slabs, kept, bed[i], run.x[i])
    if n > FEW:
        return 0
    return int(answer_few(ward.gru, kept, run, n, ward.work.active, ward.texts, ward.stays))


@compiled
def gates_now(ward: Any, n: int) -> None:
    """The states of the first n answers from what the input layer adds to the gates."""
    run = ward.run
    through_gates(ward.gru, ward.kept, run.bed[:n], run.gates[:n], run.state[:n])


@compiled
def write_now(ward: Any, n: int) -> int:
    """The lines of the first n answers from their layer before the logit; returns how many bytes."""
    return int(write_risks(ward.gru, ward.run, n, ward.texts, ward.stays))
