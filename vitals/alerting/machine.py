"""The alert rule itself: one compiled transition for one score of one bed, and the two loops that fold it.

``transition`` is the only place that says when an alert fires. ``fold`` applies it to the beds of a ward, live or
retrospective; ``count`` applies it to many policies at once for tuning.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numba
import numpy as np

from vitals.spec.policy import AlertPolicy
from vitals.windowing.compiled import compiled
from vitals.windowing.types import NEVER

QUIET, FIRED, SILENCED, SAME_EPISODE = 0, 1, 2, 3
"""What a score led to: nothing due; an alert; an alert held back by the silence; held back until the episode ends."""

_ONE = np.uint64(1)
_M1, _M2, _M4 = np.uint64(0x5555555555555555), np.uint64(0x3333333333333333), np.uint64(0x0F0F0F0F0F0F0F0F)
_H1, _S1, _S2, _S4, _S56 = np.uint64(0x0101010101010101), np.uint64(1), np.uint64(2), np.uint64(4), np.uint64(56)


class Rule(NamedTuple):
    """A policy as the compiled loops take it.

    Attributes:
        threshold: a risk at or over this is high.
        clear: a risk below this ends the episode.
        k: how many of the scores inside ``window`` must be high.
        window: the last n bits set.
        silence: microseconds without a new alert after an alert.
        timer: whether an alert may follow in the same episode.
    """

    threshold: Any
    clear: Any
    k: Any
    window: Any
    silence: Any
    timer: Any


class Bed(NamedTuple):
    """What is remembered of a bed.

    Attributes:
        recent: one bit a score, the latest lowest: was it high?
        armed: whether the episode that alerted last is over.
        silenced_until: no alert before this time.
    """

    recent: Any
    armed: Any
    silenced_until: Any


class History(NamedTuple):
    """Stays as ``count`` takes them.

    Attributes:
        start: the rows of stay s are ``start[s]`` to ``start[s + 1]``, ``(S + 1,)``.
        time: ``(R,)``.
        risk: ``(R,)``.
        onset: alerts count until then, ``(S,)``.
        first_hit: an alert is true from then on, ``(S,)``.
        last_hit: an alert is true until then, ``(S,)``.
    """

    start: Any
    time: Any
    risk: Any
    onset: Any
    first_hit: Any
    last_hit: Any


def rule_of(policy: AlertPolicy) -> Rule:
    """The numbers of a policy.

    Example:
        >>> rule_of(AlertPolicy(threshold=0.5, persistence=(2, 3)))[:4]
        (0.5, 0.5, 2, np.uint64(7))
    """
    window = np.uint64((1 << policy.n) - 1)
    timer = policy.rearm == "timer"
    return Rule(float(policy.threshold), float(policy.clear_below), policy.k, window, int(policy.silence), timer)


@numba.njit(cache=True, nogil=True, inline="always")
def _ones(word):  # type: ignore[no-untyped-def]
    """How many bits of a uint64 are set."""
    word = word - ((word >> _S1) & _M1)
    word = (word & _M2) + ((word >> _S2) & _M2)
    word = (word + (word >> _S4)) & _M4
    return np.int64((word * _H1) >> _S56)


@compiled
def transition(rule, bed, time, risk):  # type: ignore[no-untyped-def]
    """(rule, bed, score) -> (bed, what the score led to). A missing score (NaN) is not high and decides nothing."""
    recent = (bed.recent << _ONE) | np.uint64(risk >= rule.threshold)
    armed = bed.armed or risk < rule.clear
    if np.isnan(risk) or _ones(recent & rule.window) < rule.k:
        return Bed(recent, armed, bed.silenced_until), QUIET
    if time < bed.silenced_until:
        return Bed(recent, armed, bed.silenced_until), SILENCED
    if not (rule.timer or armed):
        return Bed(recent, armed, bed.silenced_until), SAME_EPISODE
    return Bed(recent, False, time + rule.silence), FIRED


@compiled
def fold(rule, ward, bed, time, risk):  # type: ignore[no-untyped-def]
    """Take every score in order; ``ward`` is a ``Bed`` of arrays, changed in place. Returns one outcome a score."""
    outcome = np.empty(len(bed), np.int8)
    for i in range(len(bed)):
        b = bed[i]
        before = Bed(ward.recent[b], ward.armed[b], ward.silenced_until[b])
        after, outcome[i] = transition(rule, before, time[i], risk[i])
        ward.recent[b], ward.armed[b], ward.silenced_until[b] = after.recent, after.armed, after.silenced_until
    return outcome


@compiled
def _highest(history, s):  # type: ignore[no-untyped-def]
    """The highest risk of a stay; a NaN is never higher."""
    highest = -np.inf
    for i in range(history.start[s], history.start[s + 1]):
        if history.risk[i] > highest:  # noqa: PLR1730, max() would let a NaN through
            highest = history.risk[i]
    return highest


@compiled
def _walk(rule, history, s):  # type: ignore[no-untyped-def]
    """Alerts, true alerts and false alerts of one rule in one stay until its onset."""
    alerts, true, false = 0, 0, 0
    bed = Bed(np.uint64(0), True, NEVER)
    for i in range(history.start[s], history.start[s + 1]):
        time = history.time[i]
        if time > history.onset[s]:
            break
        bed, outcome = transition(rule, bed, time, history.risk[i])
        if outcome == FIRED:
            alerts += 1
            false += time < history.first_hit[s]
            true += history.first_hit[s] <= time <= history.last_hit[s]
    return alerts, true, false


@compiled
def count(rules, history):  # type: ignore[no-untyped-def]
    """Alerts, true alerts, false alerts and detected onsets of every rule over all stays, ``(P, 4)`` int64.

    ``rules`` is a ``Rule`` of arrays ``(P,)``. A stay stays in the cache while all rules walk it.
    """
    counts = np.zeros((len(rules.threshold), 4), np.int64)
    for s in range(len(history.onset)):
        highest = _highest(history, s)
        for p in range(len(counts)):
            if highest < rules.threshold[p]:
                continue  # no score is high, so nothing can fire
            rule = Rule(
                rules.threshold[p], rules.clear[p], rules.k[p], rules.window[p], rules.silence[p], rules.timer[p]
            )
            alerts, true, false = _walk(rule, history, s)
            counts[p, 0] += alerts
            counts[p, 1] += true
            counts[p, 2] += false
            counts[p, 3] += true > 0
    return counts


def empty_ward(beds: int) -> Bed:
    """What is known of beds before their first score: arrays ``(beds,)``."""
    never = np.full(beds, NEVER, np.int64)
    return Bed(np.zeros(beds, np.uint64), np.ones(beds, np.bool_), never)
