"""Provisional risks: what each sample makes of the running step at once, before it closes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from vitals.feeds.answers import Texts, encode_answers, put_lines, room_for, texts_of, told
from vitals.feeds.lines import DIGITS, Answers, Risk
from vitals.feeds.names import Table
from vitals.feeds.times import time_text
from vitals.scoring.model import Model
from vitals.scoring.running import Gru
from vitals.scoring.ward_step import score_rows
from vitals.ward.beds import Beds
from vitals.ward.counting import WHY
from vitals.ward.in_hand import compute_now, gates_now, in_hand, take_now, write_now
from vitals.ward.open_steps import Open
from vitals.ward.taking import Run
from vitals.ward.trial import gru_of, nothing_open, room_to_work
from vitals.windowing.advance import close_due, left_out
from vitals.windowing.carry import BLOCK, Carry, Pool, Slabs
from vitals.windowing.rules import rules_of
from vitals.windowing.running import most_open, open_rows, room
from vitals.windowing.types import NEVER, Dropped, Events, Float32, Int8, Int32, Int64, Rows

_MANY = 1024  # samples that are answered together: what they need stays in the processor's cache


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
        self._weights = self.gru or _no_weights(len(model.settings.channels))
        self._alone = Carry.empty(model.settings, 1).slabs
        self._out = room(most_open(self._rules), len(model.settings.channels))
        self._open = nothing_open(self._weights, beds if self.gru else 0)
        self._work, self._texts = room_to_work(self._weights), texts_of(WHY, self._name)
        self._run = _run(self._weights, self._texts, beds)
        self._hand: Any = None
        self._held: tuple[Slabs | None, Pool | None, Table | None, Run | None] = None, None, None, None
        self._events, self._asked, self._written = Events.none(), np.zeros(0, np.int64), (0, 0)
        self._verdict, self._no_rows = np.zeros(0, np.int8), Rows.none(len(model.settings.channels))

    def take(self, carry: Carry, beds: Beds, events: Events) -> Iterator[tuple[Events, Rows, Dropped]]:
        """Take in samples, as many at once as can be, and close the steps that they make due.

        After each part :meth:`settled` answers samples whose step goes on, and :meth:`anew`, once the rows are scored, all others.

        Args:
            carry: the windowing's state; it is updated in place.
            beds: who lies where.
            events: samples in order of arrival.

        Yields:
            The samples of a part, the rows of the steps that were closed, and the samples that were left out.
        """
        at, settings = 0, self._model.settings
        while at < len(events):
            end, other, due = self._take(carry, beds, events, at)
            part = events if end - at == len(events) else events.between(at, end)
            dropped = left_out(settings, part, self._verdict[at:end]) if other else _NONE_LEFT_OUT
            rows = self._no_rows
            if len(due):
                rows, doubled = close_due(settings, carry, due)
                dropped = dropped.followed_by(doubled)
            yield part, rows, dropped
            at = end

    def _take(self, carry: Carry, beds: Beds, events: Events, at: int) -> tuple[int, int, Int32]:
        """The position after the last sample that was taken in, how many were left out, and the beds that wait."""
        many, run = len(events) - at, self._run
        carry.make_room(many // BLOCK + min(many, carry.beds) + 1)
        self._events, self._verdict = events, np.empty(len(events), np.int8)
        end, n, m, other, size = take_now(
            self._in_hand(carry, beds), events.bed, events.time, events.signal, events.value, at, self._verdict
        )
        self._written, self._asked = (n, size), _NONE
        if not m:
            return end, other, _NOBODY
        asked = run.asked[:m]
        self._asked = asked[asked >= 0]
        return end, other, np.sort(run.waiting[:m])

    def settled(self, beds: Beds) -> list[Answers]:
        """The answers to samples whose step goes on."""
        n, size = self._written
        return [self._in_words(beds, n, size or self._multiply(n))] if n else []

    def anew(self, carry: Carry, hidden: Float32, beds: Beds) -> list[Answers]:
        """The answers to samples of beds that waited, after their due steps were closed.

        Args:
            carry: the windowing's state.
            hidden: the model's, ``(B, H)``.
            beds: who lies where.
        """
        n, run = len(self._asked), self._run
        if not n:
            return []
        bed, time = self._events.bed[self._asked], self._events.time[self._asked]
        if self.gru is None:
            run.bed[:n], run.time[:n] = bed, time
            run.risk[:n], run.reason[:n] = self._ask(carry, hidden, bed)
            size = put_lines(run.out, bed, time, run.risk[:n], run.reason[:n], self._texts, beds.names.table)
        else:
            size = compute_now(self._in_hand(carry, beds), bed, time, hidden) or self._multiply(n)
        return [self._in_words(beds, n, size)]

    def _multiply(self, n: int) -> int:
        """Answer many at once; returns how many bytes."""
        run = self._run
        np.matmul(run.x[:n], self._weights.take_in, out=run.gates[:n])
        gates_now(self._hand, n)
        np.matmul(run.state[:n], self._weights.head, out=run.head[:n])
        return int(write_now(self._hand, n))

    def _ask(self, carry: Carry, hidden: Float32, bed: Int32) -> tuple[Float32, Int8]:
        rows = open_rows(self._model.settings, carry, bed)
        first = np.flatnonzero(np.diff(rows.bed, prepend=-1))
        place = np.repeat(np.arange(len(first), dtype=np.int32), np.diff(first, append=len(rows)))
        risk = score_rows(self._model, hidden[bed], Rows(place, rows.time, rows.value, rows.age, rows.reason))
        last = np.append(first[1:], len(rows)) - 1
        return np.where(rows.reason[last] == 0, risk[last], np.nan).astype(np.float32), rows.reason[last]

    def _in_words(self, beds: Beds, n: int, size: int) -> Answers:
        """The first n answers as lines: those that were written, or others where a name is not plain."""
        run, lines = self._run, []
        if size > 0:
            return Answers(run.out[:size].tobytes(), n)
        for bed, time, risk, why in zip(
            run.bed[:n].tolist(), run.time[:n].tolist(), run.risk[:n], run.reason[:n], strict=True
        ):
            number, reason = (told(risk), None) if np.isfinite(risk) else (None, WHY[why])
            lines.append(Risk(beds.stay[bed], time_text(time), number, reason, provisional=True, model=self._name))
        return encode_answers(lines)

    def _in_hand(self, carry: Carry, beds: Beds) -> Any:
        """The ward as the compiled loops take it, made again where an array was replaced by a larger one."""
        self._grow(carry.beds)
        slabs, pool, table, run = self._held
        if slabs is not carry.slabs or pool is not carry.pool or table is not beds.names.table or run is not self._run:
            self._hand = in_hand(
                self._rules, carry.slabs, carry.pool, self._weights, self._open, self._work, self._run, self._alone, self._out,
                self._texts, beds.names.table,
            )  # fmt: skip
            self._held = carry.slabs, carry.pool, beds.names.table, self._run
        return self._hand

    def _grow(self, beds: int) -> None:
        more = beds - len(self._run.marked)
        if more > 0:
            self._run = self._run._replace(marked=np.zeros(beds, np.int8))
            if self.gru is not None:
                empty = nothing_open(self.gru, more)
                self._open = Open(*(np.concatenate([a, b]) for a, b in zip(self._open, empty, strict=True)))

    def forget(self, bed: Int64) -> None:
        """Others lie in these beds now."""
        self._open.end[bed[bed < len(self._open.end)]] = NEVER


_NONE, _NOBODY, _NONE_LEFT_OUT = np.zeros(0, np.int64), np.zeros(0, np.int32), Dropped.none()


def _run(gru: Gru, texts: Texts, beds: int) -> Run:
    wide, deep = gru.take_in.shape[0], gru.carry_on.shape[0]
    x, gates, state, head = (np.empty((_MANY, n), np.float32) for n in (wide, 3 * deep, deep, gru.head.shape[1]))
    return Run(
        np.empty(_MANY, np.int32), np.empty(_MANY, np.int64), x, gates, state, head, np.empty(_MANY, np.float32),
        np.empty(_MANY, np.int8), room_for(_MANY, texts), np.empty(_MANY, np.int32), np.empty(_MANY, np.int64),
        np.zeros(beds, np.int8),
    )  # fmt: skip


def _no_weights(channels: int) -> Gru:
    """What stands for the weights of a model that is asked itself."""
    shapes = {"take_in": (0, 0), "carry_on": (0, 0), "embed": (0, 0), "head": (0, 0), "column": (channels, 5)}
    return Gru._make(
        np.zeros(shapes.get(name, 0), np.int64 if name == "column" else np.float32) for name in Gru._fields
    )
