"""Where a feed that began again stands in what was already taken in.

A feed may begin again at its beginning or at any later line, or simply go on. What it repeats is a stretch of the past that
ends where the past ends: so every place of the past that agrees with the lines so far is kept in mind until it is at the end,
and where several stretches fit, the longest one counts. A line is looked for by its place, not by itself: lines that are the
same are as many as they were.

What a line says cannot tell everything. After the lines A, X a feed brings X, B: it may have begun again at X, or it may go on
with a copy of X. Such lines are taken for a repetition: they say what the lines directly before them said. But that is kept as a
:class:`Doubt`: another time the same feed may bring both, and is still followed.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from vitals.durable.prints import Prints
from vitals.errors import FeedError
from vitals.windowing.types import Int64

HEAD = 4_096
"""Lines from the beginning that are never forgotten."""

TRUST = 1_024
"""So many lines in a row that agree are no accident: they are old, whatever comes behind them."""

_MOST_PLACES = 1 << 16  # that are kept in mind; only a past of many equal lines has so many

OLD, NEW, OPEN = 0, 1, 2
"""A line was taken in before, was not, or only what follows can tell."""


class Doubt(NamedTuple):
    """Lines that were taken for a repetition, and may have been copies of what lay directly before them.

    Attributes:
        place: number of the line in front of which they came.
        lines: their fingerprints.
        begins: at which of them the copy may have begun.
    """

    place: int
    lines: Prints
    begins: list[int]


@dataclass(frozen=True)
class Past:
    """Fingerprints of what was taken in: the first lines and the latest ones.

    Attributes:
        head: of the lines from the first on, at most :data:`HEAD`.
        tail: of the latest lines.
        count: lines there were in all.
        doubts: what may have come between them.
    """

    head: Prints
    tail: Prints
    count: int
    doubts: Sequence[Doubt] = ()

    @property
    def start(self) -> int:
        """Number of the first line of the tail."""
        return self.count - len(self.tail)

    @cached_property
    def aside(self) -> Prints:
        """The doubtful lines; the place of the first of them is ``count + 1``."""
        return np.concatenate(
            [np.zeros(0, np.uint64), *(doubt.lines for doubt in self.doubts if doubt.place < self.count)]
        )

    def find(self, one: np.uint64) -> Int64:
        """Places of a line: in the tail, among the doubtful ones, or the very first."""
        aside = np.flatnonzero(self.aside == one) + self.count + 1
        places = np.append(np.flatnonzero(self.tail == one) + self.start, aside)
        if self.start > 0 and len(self.head) and self.head[0] == one:
            places = np.append(0, places)
        return places[:_MOST_PLACES]

    def trusted(self, places: Int64) -> NDArray[np.bool_]:
        """Which places lie between the head and the tail, where nothing is known; they came from the very first line."""
        return (len(self.head) <= places) & (places < self.start)

    def agree(self, place: int, prints: Prints) -> int:
        """How many of the lines agree from a place on; fewer than do where the head, the tail or the gap ends."""
        if place > self.count:
            known = self.aside[place - self.count - 1 :]
        elif place >= self.start:
            known = self.tail[place - self.start :]
        elif place < len(self.head):
            known = self.head[place : self.start]
        else:
            return min(self.start - place, len(prints))
        many = min(len(known), len(prints))
        wrong = np.flatnonzero(known[:many] != prints[:many])
        return int(wrong[0]) if len(wrong) else many


class Turns:
    """Where a feed may leave the lines that were taken in for doubtful ones, and where those end.

    Args:
        past: what was taken in.
    """

    def __init__(self, past: Past) -> None:
        self._into: dict[int, list[int]] = {}
        self._back: dict[int, int] = {}
        begin = past.count + 1
        for doubt in past.doubts:
            if doubt.place == past.count:
                continue  # nothing was taken in behind it: what comes there now may as well be new
            self._into.setdefault(doubt.place, []).extend(begin + at for at in doubt.begins)
            begin += len(doubt.lines)
            self._back[begin] = doubt.place
        self._all = sorted({*self._into, *self._back})

    def straight(self, place: int) -> int | None:
        """How many lines follow each other from a place on; None for all."""
        at = bisect_right(self._all, place)
        return self._all[at] - place if at < len(self._all) else None

    def take(self, places: Int64) -> Int64:
        """Every place at which the feed may be."""
        if not self._all:
            return places
        back = [self._back.get(place, place) for place in places.tolist()]
        # the end of one doubt is the begin of the next one, which is entered from its own place only
        return np.unique([*back, *(into for place in back for into in self._into.get(place, ()))]).astype(np.int64)


class Alignment:
    """Tells the lines of a feed that were taken in before from those that are new.

    Args:
        past: what was taken in.

    Attributes:
        over: whether the rest is new.

    Example:
        >>> past = np.array([1, 2, 1, 3], np.uint64)
        >>> Alignment(Past(past, past, 4)).judge(np.array([2, 1, 3, 2, 1], np.uint64)).tolist()
        [2, 0, 0, 1, 1]
    """

    def __init__(self, past: Past) -> None:
        self._past, self._turns = past, Turns(past)
        self._places: Int64 = np.zeros(0, np.int64)  # of the next line, each agreed so far
        self._ended = True  # a stretch came to the end of the past, though that of no lines; a longer one may do so too
        self._open = 0  # lines since then
        self._blind = False  # lines between head and tail were taken on trust
        self._whole = True  # this may be the past from its very beginning
        self._read, self._ends = 0, [0]  # lines, and how many it were whenever a stretch came to the end
        self._lately: Prints = np.zeros(0, np.uint64)  # of the lines that were read
        self.over = past.count == 0

    def judge(self, prints: Prints) -> NDArray[np.int8]:
        """What the next lines are, ``(N,)``: :data:`OLD`, :data:`NEW`, or :data:`OPEN`.

        What is open is what the first line behind it is that is not.

        Raises:
            FeedError: a feed that began as the past did, and goes on otherwise where all of it should be known.
        """
        verdict = np.full(len(prints), NEW, np.int8)
        i = 0
        while i < len(prints) and not self.over:
            many = self._narrow(prints[i]) if len(self._places) != 1 else self._follow(prints[i:])
            if many:
                self._lately = np.append(self._lately, prints[i : i + many])[-2 * TRUST :]
                verdict[i : i + many] = self._advance(many)
            i += many
        return verdict

    def doubt(self) -> Doubt | None:
        """Which of the lines read may have been copies, once it is over; a longer stretch is a repetition for certain."""
        last = self._ends[-1]
        begins = [end for end in self._ends if last - TRUST < end < last]
        if not (begins and self._ended):
            return None
        behind = self._read - last
        lines = self._lately[len(self._lately) - behind - (last - begins[0]) : len(self._lately) - behind]
        return Doubt(self._past.count, lines, [end - begins[0] for end in begins])

    def _narrow(self, one: np.uint64) -> int:
        """Take one line with many places, or none; returns how many lines were taken."""
        if not len(self._places):
            self._places = self._past.find(one)
            self.over = not len(self._places)
            return int(not self.over)
        line = np.array([one])
        same = [place for place in self._places.tolist() if self._past.agree(place, line)]
        if not same:
            return self._lose()
        self._places = np.array(same)
        return 1

    def _follow(self, prints: Prints) -> int:
        """Take as many lines as agree with the only place."""
        place = int(self._places[0])
        return self._past.agree(place, prints[: self._turns.straight(place)]) or self._lose()

    def _advance(self, many: int) -> int:
        """Go on by lines that agree with every place; returns what they are."""
        self._blind = self._blind or bool((self._past.trusted(self._places)).any())
        self._read += many
        before, places = self._ended, self._places + many
        self._whole = self._whole and bool((places == self._read).any())
        places = self._turns.take(places)
        at_end = bool((places == self._past.count).any())
        if at_end:
            self._ends = [end for end in self._ends if end > self._read - TRUST] + [self._read]
        self._open = 0 if at_end or not before else self._open + many
        self._ended = (before or at_end) and self._open < TRUST
        # all of the past, from its very beginning: nothing longer need be looked for
        done = self._whole and self._read == self._past.count
        self._places = places[(places != self._past.count) & (not done)]
        self.over = self._ended and not len(self._places)
        return OPEN if before and self._open and self._ended else OLD

    def _lose(self) -> int:
        """No place agrees with the next line: a shorter stretch was the right one, or something is missing in the feed."""
        if self._blind and not self._ended:
            raise FeedError(
                "the input", f"a line that differs from line {int(self._places.min()) + 1:,} of the time before",
                "the same input again", "feed it the same input, or begin a new --state folder",
            )  # fmt: skip
        self.over, self._whole = self._ended, False
        self._places = np.zeros(0, np.int64)
        return 0
