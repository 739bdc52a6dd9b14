"""Provisional risks: what each sample makes of the running step at once, before it closes."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from vitals.feeds.answers import DECIMALS, encode_answers, rounded, write_answers
from vitals.feeds.lines import DIGITS, Answers, Risk
from vitals.feeds.times import time_text
from vitals.scoring.gru import gru_of
from vitals.scoring.model import Model
from vitals.scoring.running import Gru
from vitals.scoring.ward_step import score_rows
from vitals.ward.beds import Beds
from vitals.ward.counting import NO_NUMBER
from vitals.ward.open_steps import (
    Open,
    Work,
    compute_anew,
    correct,
    multiply,
    rectified,
    through_gates,
    through_head,
)
from vitals.windowing.carry import Carry
from vitals.windowing.order import Samples
from vitals.windowing.rules import rules_of
from vitals.windowing.running import most_open, open_rows, room
from vitals.windowing.types import NEVER, Dropped, Events, Float32, Int8, Int32, Int64, Reason, Rows

WHY = tuple(reason.name.lower() if reason else NO_NUMBER for reason in Reason)
"""Why a risk is none, by :class:`vitals.windowing.types.Reason`."""

_FEW = 8  # rows from which a product of matrices is faster than row by row
_WAITING = 512  # samples of one bed; with more the running step is computed anew each time


def one_a_bed(events: Events) -> Iterator[Events]:
    """The samples in as few parts as there are samples of one bed, each bed at most once in a part, in order.

    Example:
        >>> zero = np.zeros(3)
        >>> events = Events(np.array([4, 7, 4], np.int32), np.arange(3), zero.astype(np.int16), zero.astype(np.float32))
        >>> [part.bed.tolist() for part in one_a_bed(events)]
        [[4, 7], [4]]
    """
    order = np.argsort(events.bed, kind="stable")
    bed = events.bed[order]
    first = np.flatnonzero(np.diff(bed, prepend=-1))
    nth = np.empty(len(bed), np.int64)
    nth[order] = np.arange(len(bed)) - np.repeat(first, np.diff(first, append=len(bed)))
    last = int(nth.max(initial=0))
    if last == 0:
        yield events
        return
    for n in range(last + 1):
        yield events.take(nth == n)


class Provisional:
    """Answers samples with the risk that their bed's running step would have if it closed now.

    A model whose step can be computed in compiled loops keeps what each sample changes; any other is asked itself.

    Args:
        model: gives the risks.
        beds: of the ward.

    Attributes:
        gru: the model's weights, if it is of that kind.
    """

    def __init__(self, model: Model, beds: int) -> None:
        self._model, self._rules = model, rules_of(model.settings)
        self._name = model.digest[:DIGITS]
        self.gru: Gru | None = gru_of(model)
        self._alone = Carry.empty(model.settings, 1).slabs
        self._out = room(most_open(self._rules), len(model.settings.channels))
        if self.gru is not None:
            wide, deep = self.gru.take_in.shape[0], self.gru.carry_on.shape[0]
            self._open = _nothing_open(self.gru, beds)
            buffer = Samples(
                np.empty(_WAITING, np.int64),
                np.empty(_WAITING, np.int16),
                np.empty(_WAITING, np.float32),
                np.empty(0, np.int64),
            )
            self._work = Work(
                buffer, np.empty(_WAITING, np.float32), np.empty(5, np.float32), np.empty(max(wide, deep), np.int64),
                np.empty(wide + 3 * deep, np.float32),
            )  # fmt: skip

    def answer(self, carry: Carry, hidden: Float32, events: Events) -> tuple[Float32, Int8]:
        """The risks of the running steps of some beds, after their samples were taken in and due steps closed.

        Args:
            carry: the windowing's state.
            hidden: the model's, ``(B, H)``.
            events: accepted samples, each bed at most once.

        Returns:
            ``(n,)`` risks, NaN where there is none, and why there is none.
        """
        if self.gru is None:
            return self._ask(carry, hidden, events)
        gru, kept, rules = self.gru, self._kept_of(self.gru, carry.beds), self._rules
        n, bed = len(events), events.bed
        stale = np.empty(n, np.int8)
        if correct(rules, carry.slabs, carry.pool, gru, kept, self._work, bed, events.time, events.signal, stale):
            anew = bed[stale != 0]
            compute_anew(rules, carry.slabs, carry.pool, gru, kept, self._work, anew, hidden, self._alone, self._out)
        x, reason = np.empty((n, gru.take_in.shape[0]), np.float32), np.empty(n, np.int8)
        rectified(rules, carry.slabs, kept, bed, x, reason)
        state, risk = np.empty((n, hidden.shape[1]), np.float32), np.empty(n, np.float32)
        through_gates(gru, kept, bed, self._product(x, gru.take_in), state)
        through_head(gru, self._product(state, gru.head), risk)
        risk[reason != 0] = np.nan
        return risk, reason

    def _ask(self, carry: Carry, hidden: Float32, events: Events) -> tuple[Float32, Int8]:
        rows = open_rows(self._model.settings, carry, events.bed)
        first = np.flatnonzero(np.diff(rows.bed, prepend=-1))
        place = np.repeat(np.arange(len(first), dtype=np.int32), np.diff(first, append=len(rows)))
        risk = score_rows(self._model, hidden[events.bed], Rows(place, rows.time, rows.value, rows.age, rows.reason))
        last = np.append(first[1:], len(rows)) - 1
        return risk[last], rows.reason[last]

    def _product(self, x: Float32, weight: Float32) -> Float32:
        if len(x) >= _FEW:
            product: Float32 = x @ weight
            return product
        out = np.empty((len(x), weight.shape[1]), np.float32)
        multiply(x, weight, out, self._work.active)
        return out

    def _kept_of(self, gru: Gru, beds: int) -> Open:
        more = beds - len(self._open.end)
        if more > 0:
            empty = _nothing_open(gru, more)
            self._open = Open._make(
                np.concatenate([getattr(self._open, name), getattr(empty, name)]) for name in Open._fields
            )
        return self._open

    def take(self, carry: Carry, hidden: Float32, beds: Beds, events: Events, dropped: Dropped) -> list[Answers]:
        """Answer the samples that were taken in, each bed's at most one; demographics are no news of the hour."""
        events = accepted(events, dropped)
        sudden = events.signal >= self._rules.signals
        if sudden.any():
            self.forget(events.bed[sudden])
            events = events.take(~sudden)
        return [in_words(beds, events, *self.answer(carry, hidden, events), self._name)] if len(events) else []

    def forget(self, bed: Int32 | Int64) -> None:
        """Others lie in these beds now."""
        if self.gru is not None:
            known = bed[bed < len(self._open.end)]
            self._open.end[known] = NEVER


def in_words(beds: Beds, events: Events, risk: Float32, reason: Int8, model: str) -> Answers:
    """The answers as lines.

    Args:
        beds: who lies where.
        events: the samples, ``(n,)``.
        risk: ``(n,)``, NaN where there is none.
        reason: why there is none, ``(n,)``.
        model: names the model.
    """
    finite, size = np.isfinite(risk), beds.names.table.size
    if len(size) > events.bed.max(initial=-1) and (size[events.bed] > 0).all():
        return write_answers(beds.names.table, events.bed, events.time, risk, reason, WHY, model)
    lines = []
    told = rounded(risk).tolist()
    for i, (bed, time) in enumerate(zip(events.bed.tolist(), events.time.tolist(), strict=True)):
        number, why = (told[i] / 10**DECIMALS, None) if finite[i] else (None, WHY[reason[i]])
        lines.append(Risk(beds.stay[bed], time_text(time), number, why, provisional=True, model=model))
    return encode_answers(lines)


def accepted(events: Events, dropped: Dropped) -> Events:
    """The samples that were not left out."""
    out = dropped.event[dropped.event >= 0]
    if not len(out):
        return events
    keep = np.ones(len(events), bool)
    keep[out] = False
    return events.take(keep)


def _nothing_open(gru: Gru, beds: int) -> Open:
    wide, deep, channels = gru.take_in.shape[0], gru.carry_on.shape[0], len(gru.low)
    return Open(
        np.full(beds, NEVER), np.full(beds, NEVER), np.zeros((beds, wide), np.float32),
        np.zeros((beds, channels, 5), np.float32), np.zeros((beds, deep), np.float32),
        np.zeros((beds, 3 * deep), np.float32), np.zeros((beds, channels), np.int8),
        np.zeros(beds, np.int8),
    )  # fmt: skip
