"""From alert to alert of one policy in one stay, on bit masks of its scores."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from vitals.alerting.bits import ALL, ONE, lowest_bit, next_bit
from vitals.alerting.machine import ESCALATE, FIRST_ONLY, TIMER, risen_from
from vitals.windowing.compiled import compiled

_DAY = 24 * 3_600_000_000
_FAR = np.iinfo(np.int64).max


class History(NamedTuple):
    """Stays as the grid takes them; times are int64 microseconds.

    Attributes:
        start: the rows of stay s are ``start[s]`` to ``start[s + 1]``, ``(S + 1,)``.
        time: ``(R,)``.
        risk: ``(R,)``.
        onset: alerts count until then, ``(S,)``.
        first_hit, last_hit: an alert is true from the one to the other, ``(S,)``.
        unknown_from: an alert that is not true is indeterminate from then on, ``(S,)``.
        group: whose counts a stay adds to, ``(S,)``.
    """

    start: Any
    time: Any
    risk: Any
    onset: Any
    first_hit: Any
    last_hit: Any
    unknown_from: Any
    group: Any


class Families(NamedTuple):
    """Policies that differ in threshold and silence alone; F families, C ways to clear, T thresholds, L levels.

    Attributes:
        level: of every row, how many of the levels lie above its risk, ``(R,)``; L + 1 for a missing one.
        first: the first threshold (they fall) that a risk of each level reaches, ``(L + 2,)``; T for none.
        first_clear: the first threshold whose ``clear`` it reaches, ``(C, L + 2)``.
        clear: which way to clear, ``(F,)``.
        k, window: persistence, ``(F,)``.
        rearm: place in ``REARM``, ``(F,)``.
        rise: odds of an escalation, ``(F,)``.
        most: alerts a day, ``(F,)``.
        begin: the policies of family f are ``begin[f]`` to ``begin[f + 1]``, ``(F + 1,)``.
        silence: of each policy, rising within a family, ``(G,)``.
    """

    level: Any
    first: Any
    first_clear: Any
    clear: Any
    k: Any
    window: Any
    rearm: Any
    rise: Any
    most: Any
    begin: Any
    silence: Any


@compiled
def _row_from(time, begin, end, at, moment):  # type: ignore[no-untyped-def]
    """The first row after ``at`` whose time has reached ``moment``; rows are counted from ``begin``."""
    step = time[begin + at + 1] - time[begin + at] if begin + at + 1 < end else 1
    ahead = (moment - time[begin + at] + step - 1) // step  # right wherever steps are even
    guess = at + max(1, min(ahead, end - begin - at))
    while begin + guess < end and time[begin + guess] < moment:
        guess += 1
    while guess > at + 1 and time[begin + guess - 1] >= moment:
        guess -= 1
    return guess


@compiled
def _again(due, low, words, at, earliest, rearm):  # type: ignore[no-untyped-def]
    """The next alert after one at ``at`` that the episode allows, from row ``earliest`` on; -1 for none."""
    j = next_bit(due, earliest, words)
    if j < 0 or rearm == TIMER:
        return j
    if rearm == FIRST_ONLY:
        return np.int64(-1)
    over = next_bit(low, at + 1, words)
    return over if over < 0 else j if j >= over else next_bit(due, over, words)


@compiled
def _risen(due, words, risk, begin, at, earliest, rise):  # type: ignore[no-untyped-def]
    """The next alert after one at ``at`` whose risk has risen enough, from row ``earliest`` on; -1 for none."""
    wanted = risen_from(rise, risk[begin + at])
    j = next_bit(due, earliest, words)
    while j >= 0 and risk[begin + j] < wanted:
        j = next_bit(due, j + 1, words)
    return j


@compiled
def walk(time, risk, stay, rule, due, low, fired):  # type: ignore[no-untyped-def]
    """Mark the alerts of one policy in one stay; returns the smallest time between two of them.

    ``stay`` is its first row, its rows until the onset, and the step between them, 0 where that is uneven; ``rule`` the
    silence, the same in rows (0: uneven), the place in ``REARM``, the odds of an escalation, and the alerts a day may have.
    """
    (begin, rows, _), (silence, leap, rearm, rise, most) = stay, rule
    words, gap, day, today = (rows + 63) >> 6, _FAR, np.int64(0), 0
    fired[:words] = 0
    at = next_bit(due, 0, words)
    while at >= 0:
        fired[at >> 6] |= ONE << np.uint64(at & 63)
        earliest = at + leap if leap else _row_from(time, begin, begin + rows, at, time[begin + at] + silence)
        if most and (today == 0 or time[begin + at] - day >= _DAY):
            day, today = time[begin + at], 0
        today += 1
        after = np.int64(-2)
        while after == -2:
            after = _again(due, low, words, at, earliest, rearm)
            if rearm == ESCALATE:
                risen = _risen(due, words, risk, begin, at, earliest, rise)
                after = risen if after < 0 or 0 <= risen < after else after
            if after >= 0 and 0 < most <= today and time[begin + after] - day < _DAY:
                earliest, after = _row_from(time, begin, begin + rows, after, day + _DAY), np.int64(-2)
        if after >= 0:
            gap = min(gap, time[begin + after] - time[begin + at])
        at = after
    return gap


@compiled
def walk_word(due, low, leap, waits):  # type: ignore[no-untyped-def]
    """:func:`walk` under ``timer`` or ``below_clear`` where the scores of a stay fit into one word, without any array.

    Returns the alerts, and the fewest rows between two of them; 64 without two.
    """
    fired, gap, at = np.uint64(0), np.int64(64), lowest_bit(due)
    while True:
        fired |= ONE << np.uint64(at)
        if at + leap > 63:
            break
        rest = due & (ALL << np.uint64(at + leap))
        if waits and rest:
            over = low & (ALL << np.uint64(at + 1))
            rest = rest & (ALL << np.uint64(lowest_bit(over))) if over else np.uint64(0)
        if not rest:
            break
        after = lowest_bit(rest)
        gap, at = min(gap, after - at), after
    return fired, gap
