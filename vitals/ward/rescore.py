"""What risks would have been had a late sample come in time: told beside what was said, which stays as it is."""

from __future__ import annotations

import functools
import hashlib
from array import array
from collections.abc import Iterator, Sequence

import numpy as np

from vitals.feeds.lines import DIGITS, Risk
from vitals.feeds.times import time_text
from vitals.scoring.model import Model
from vitals.scoring.ward_step import score_rows
from vitals.spec.duration import HOUR
from vitals.ward.counting import WHY, accepted
from vitals.ward.tally import Tally
from vitals.windowing.advance import advance
from vitals.windowing.carry import Carry, Slabs
from vitals.windowing.types import NEVER, Drop, Dropped, Events, Float32, Int64, Rows

KEPT = 24 * HOUR
"""Of every bed, so much is kept that can still be corrected; what is later is told as ``not_corrected``."""

MOST = 20_000
"""Samples that are kept of a bed at most; where more come, less time is kept."""


def same(one: np.float32 | None, other: np.float32) -> bool:
    """Whether two risks are the same to the last bit, or none both.

    Example:
        >>> same(np.float32(0.5), np.float32(0.5)), same(None, np.float32(0.5)), same(np.float32(np.nan), np.float32(np.nan))
        (True, False, True)
    """
    return one is not None and bool(one == other or (np.isnan(one) and np.isnan(other)))


class Recent:
    """The latest samples of a bed, in order of arrival; those that came too late are among them."""

    def __init__(self) -> None:
        self.time, self.signal, self.value = array("q"), array("h"), array("f")

    def add(self, time: int, signal: int, value: float) -> None:
        """One more sample."""
        self.time.append(time)
        self.signal.append(signal)
        self.value.append(value)

    def until(self, end: int, bed: int) -> Events:
        """Those up to a time, in order of time, as samples of a bed."""
        time, signal = np.array(self.time, np.int64), np.array(self.signal, np.int16)
        order = np.argsort(time, kind="stable")
        order = order[time[order] <= end]
        value = np.array(self.value, np.float32)
        return Events(np.full(len(order), bed, np.int32), time[order], signal[order], value[order])

    def forget(self, end: int) -> None:
        """Forget those up to a time."""
        keep = [i for i, time in enumerate(self.time) if time > end]
        for name in ("time", "signal", "value"):
            column = getattr(self, name)
            setattr(self, name, array(column.typecode, (column[i] for i in keep)))


class Rescore:
    """Follows the ward a day behind, and from there goes the way again with what came too late.

    Args:
        model: scores the rows, by the same functions as the ward.
        beds: rows of the ward.
        tally: counts what can no longer be corrected.
    """

    def __init__(self, model: Model, beds: int, tally: Tally) -> None:
        self._model, self._tally = model, tally
        self._carry, self._hidden = Carry.empty(model.settings, beds), model.initial_hidden(beds)
        self._recent: dict[int, Recent] = {}
        self._said: dict[int, dict[int, np.float32]] = {}  # the latest that was said of each bed and time

    def admit(self, bed: Int64, admitted: Int64, beds: int) -> None:
        """Others lie in these beds now; there are so many rows."""
        more = beds - self._carry.beds
        if more > 0:
            self._carry.grow(beds)
            self._hidden = np.concatenate([self._hidden, self._model.initial_hidden(more)])
        self._carry.admit(bed, admitted)
        self._hidden[bed] = self._model.initial_hidden(len(bed))
        for b in bed.tolist():
            self._recent.pop(b, None)
            self._said.pop(b, None)

    def take(
        self, now: Slabs, stays: Sequence[str], came: tuple[Events, Dropped], said: tuple[Rows, Float32]
    ) -> list[Risk]:
        """Take in samples and risks after the ward did; returns what late samples make of risks that were said before.

        Args:
            now: the ward's windowing.
            stays: who lies where.
            came: samples, where one is late each bed at most once, and what the ward left out of them.
            said: the rows that were closed, and their risks.
        """
        rows, risk = said
        for bed, time, one in zip(rows.bed.tolist(), rows.time.tolist(), risk, strict=True):
            self._said.setdefault(bed, {})[time] = one
        events, dropped = came
        taken = accepted(events, dropped)
        columns = (taken.bed, taken.time, taken.signal, taken.value)
        for bed, *sample in zip(*(column.tolist() for column in columns), strict=True):
            self._recent.setdefault(bed, Recent()).add(*sample)
        lines: list[Risk] = []
        for i in np.sort(dropped.event[(dropped.reason == Drop.LATE) & (dropped.event >= 0)]).tolist():
            lines += self._correct(now, stays[events.bed[i]], events.take(np.arange(len(events)) == i))
        self._follow(now)
        return lines

    def _correct(self, now: Slabs, stay: str, late: Events) -> list[Risk]:
        bed, time, signal, value = (column.tolist()[0] for column in (late.bed, late.time, late.signal, late.value))
        if time <= self._carry.slabs.closed[bed]:
            self._tally.note("not_corrected", stay, time, signal=self._model.settings.channels[signal])
            return []
        recent, said = self._recent.setdefault(bed, Recent()), self._said.setdefault(bed, {})
        recent.add(time, signal, value)
        rows, risk = self._again(bed, recent, int(now.closed[bed]))
        lines = []
        for at, one, reason in zip(rows.time.tolist(), risk, rows.reason.tolist(), strict=True):
            if same(said.get(at), one):
                continue
            said[at] = one
            words = "\0".join(map(str, (self._model.digest, stay, at, "corrected", time, signal, value)))
            number, why = (float(one), None) if np.isfinite(one) else (None, WHY[reason])
            key = hashlib.blake2b(words.encode(), digest_size=8).hexdigest()
            lines.append(Risk(stay, time_text(at), number, why, key, corrected=True, model=self._model.digest[:DIGITS]))
        return lines

    def _again(self, bed: int, recent: Recent, closed: int) -> tuple[Rows, Float32]:
        """The rows of a bed since what is followed, and their risks, with all that is known by now."""
        settings = self._model.settings
        slabs = Slabs._make(column[bed : bed + 1].copy() for column in self._carry.slabs)
        carry = Carry(slabs, Carry.empty(settings, 1).pool)
        _, rows, _ = advance(settings, carry, recent.until(closed, 0), np.array([closed]))
        risk = score_rows(self._model, self._hidden[bed : bed + 1].copy(), rows)
        risk[~np.isfinite(risk)] = np.nan
        return rows, risk

    def _follow(self, slabs: Slabs) -> None:
        """Go on where more is kept than has to be."""
        step = int(self._model.settings.window.step)
        keep = -(-KEPT // step) * step
        since = np.maximum(self._carry.slabs.closed, self._carry.slabs.admitted)
        due = (slabs.closed != NEVER) & (slabs.closed > since + keep + max(step, HOUR))
        full = [
            bed for bed, recent in self._recent.items() if len(recent.time) > MOST and slabs.closed[bed] > since[bed]
        ]
        until = np.where(due, slabs.closed - keep, NEVER)
        for bed in full:
            half = int(np.median(np.array(self._recent[bed].time)))
            begin = int(slabs.admitted[bed])
            until[bed] = min(begin + (half - begin) // step * step, int(slabs.closed[bed]))
        beds = np.flatnonzero(until > since).tolist()
        if not beds:
            return
        parts = [self._recent[bed].until(int(until[bed]), bed) for bed in beds if bed in self._recent]
        events = functools.reduce(Events.followed_by, parts, Events.none())
        self._carry, rows, _ = advance(self._model.settings, self._carry, events, until)
        score_rows(self._model, self._hidden, rows)
        for bed in beds:
            if bed in self._recent:
                self._recent[bed].forget(int(until[bed]))
            said = self._said.get(bed, {})
            self._said[bed] = {time: one for time, one in said.items() if time > until[bed]}


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
