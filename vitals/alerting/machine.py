"""The alert rule itself: one compiled transition for one score of one bed, and the loop that folds it over a ward.

``transition`` is the only place that says when an alert fires, live and retrospective. A bed has two tiers; both take
every score by the same steps, and where the more urgent one is due, it alone decides.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numba
import numpy as np

from vitals.spec.policy import REARM, AlertPolicy
from vitals.windowing.compiled import compiled
from vitals.windowing.types import NEVER

QUIET, FIRED, SILENCED, SAME_EPISODE, ACKNOWLEDGED, CAPPED = 0, 1, 2, 3, 4, 5
"""What a score led to: nothing due; an alert; held back by the silence, until the episode ends, by an acknowledgement, by
the bound of a day."""
RED = 8
"""Added to what the second tier led to."""
STALE, FRESH = 1, 2
"""No valid score for too long; a valid score after that."""
FIRST_TIER, SECOND_TIER = 0, 1
TIMER, BELOW_CLEAR, ESCALATE, FIRST_ONLY = range(len(REARM))

_DAY = 24 * 3_600_000_000
_ONE = np.uint64(1)
_M1, _M2, _M4 = np.uint64(0x5555555555555555), np.uint64(0x3333333333333333), np.uint64(0x0F0F0F0F0F0F0F0F)
_H1, _S1, _S2, _S4, _S56 = np.uint64(0x0101010101010101), np.uint64(1), np.uint64(2), np.uint64(4), np.uint64(56)


class Rule(NamedTuple):
    """A policy as the compiled loops take it.

    Attributes:
        high: of each tier, the risk from which a score is high; infinite where there is no tier.
        clear: of each tier, the risk below which the episode ends.
        k: how many of the scores inside ``window`` must be high.
        window: the last n bits set.
        silence: microseconds without a new alert after an alert.
        rearm: place in ``REARM``.
        rise: the odds of a risk that has risen enough, as a multiple of those of the last alert.
        most: alerts of a tier within a day; 0 is no bound.
        stale: microseconds without a valid score that raise a technical alert; 0 is never.
    """

    high: Any
    clear: Any
    k: Any
    window: Any
    silence: Any
    rearm: Any
    rise: Any
    most: Any
    stale: Any


_TIER = np.dtype(
    [("recent", "u8"), ("armed", "?"), ("silenced_until", "i8"), ("risen_at", "f8"), ("day", "i8"), ("today", "i8")],
    align=True,
)
_BED = np.dtype(
    [
        ("snoozed_from", "i8"), ("snoozed_until", "i8"), ("event_from", "i8"), ("event_until", "i8"), ("seen", "i8"),
        ("stale", "?"),
    ],
    align=True,
)  # fmt: skip

_TIMES = ("silenced_until", "day")


class Ward(NamedTuple):
    """What is remembered: two structured arrays, since a compiled loop counts the holders of every array that it touches.

    Attributes:
        tier: of the tiers of each bed, ``(B, 2)``. ``recent``: one bit a score, the latest lowest: was it high? ``armed``:
            whether the episode that alerted last is over; ``silenced_until``: no alert before this time; ``risen_at``: the
            risk that counts as an escalation of the last alert; ``day``: when the first alert of the day that is counted
            came; ``today``: alerts since then.
        bed: of each bed, ``(B,)``. ``snoozed_from`` and ``snoozed_until``: an acknowledgement holds back the first tier
            between them; ``event_from`` and ``event_until``: no alert after the one and before the other; ``seen``: time of
            the last valid score, of the first score where none was valid; ``stale``: whether a technical alert stands.
    """

    tier: Any
    bed: Any


def rule_of(policy: AlertPolicy) -> Rule:
    """The numbers of a policy.

    Example:
        >>> rule_of(AlertPolicy(threshold=0.5, persistence=(2, 3)))[2:6]
        (2, np.uint64(7), 21600000000, 0)
    """
    red = policy.red_from if policy.has_red else math.inf
    return Rule(
        high=(float(policy.threshold), float(red)), clear=(float(policy.clear_below), float(policy.red_clear_below)),
        k=policy.k, window=np.uint64((1 << policy.n) - 1), silence=int(policy.silence), rearm=REARM.index(policy.rearm),
        rise=math.exp(policy.rise), most=int(policy.max_per_day), stale=int(policy.stale),
    )  # fmt: skip


def empty_ward(beds: int) -> Ward:
    """What is known of beds before their first score."""
    ward = Ward(np.zeros((beds, 2), _TIER), np.zeros(beds, _BED))
    ward.tier["armed"] = True
    ward.bed["event_from"] = np.iinfo(np.int64).max
    for array, names in ((ward.tier, _TIMES), (ward.bed, ("snoozed_from", "snoozed_until", "event_until", "seen"))):
        for name in names:
            array[name] = NEVER
    return ward


@numba.njit(cache=True, nogil=True, inline="always")
def ones(word):  # type: ignore[no-untyped-def]
    """How many bits of a uint64 are set."""
    word = word - ((word >> _S1) & _M1)
    word = (word & _M2) + ((word >> _S2) & _M2)
    word = (word + (word >> _S4)) & _M4
    return np.int64((word * _H1) >> _S56)


@compiled
def _observe(rule, one, tier, risk):  # type: ignore[no-untyped-def]
    """Take a score into a tier's memory; whether an alert is due. A missing score (NaN) is not high and decides nothing."""
    one.recent = (one.recent << _ONE) | np.uint64(risk >= rule.high[tier])
    if risk < rule.clear[tier] and rule.rearm != FIRST_ONLY:
        one.armed = True
    return not np.isnan(risk) and ones(one.recent & rule.window) >= rule.k


@compiled
def _judge(rule, one, bed, tier, time, risk):  # type: ignore[no-untyped-def]
    """What becomes of an alert that is due."""
    if time < one.silenced_until:
        return SILENCED
    if tier == FIRST_TIER and bed.snoozed_from <= time < bed.snoozed_until:
        return ACKNOWLEDGED
    escalated = rule.rearm == ESCALATE and risk >= one.risen_at
    if not (one.armed or escalated or rule.rearm == TIMER):
        return SAME_EPISODE
    if 0 < rule.most <= one.today and time - one.day < _DAY:
        return CAPPED
    return FIRED


@compiled
def _alerted(rule, one, time, risk):  # type: ignore[no-untyped-def]
    """Remember an alert of a tier."""
    one.armed = False
    one.silenced_until = time + rule.silence
    odds = rule.rise * risk / (1.0 - risk) if risk < 1.0 else np.inf
    one.risen_at = odds / (1.0 + odds) if odds < np.inf else np.inf
    if one.today == 0 or time - one.day >= _DAY:
        one.day = time
        one.today = 0
    one.today += 1


@compiled
def _forget(one):  # type: ignore[no-untyped-def]
    """A tier without a past."""
    one.recent = np.uint64(0)
    one.armed = True
    one.silenced_until = NEVER
    one.today = 0


@compiled
def _in_event(amber, red, bed, time):  # type: ignore[no-untyped-def]
    """Whether a score falls into an event or the time after it; the score after that finds a bed without a past."""
    if time <= bed.event_from:
        return False
    if bed.snoozed_from < bed.event_until:  # what is said once it is over concerns what comes next
        bed.snoozed_until = NEVER
    bed.seen = NEVER
    bed.stale = False
    _forget(amber)
    _forget(red)
    if time < bed.event_until:
        return True
    bed.event_from = np.iinfo(np.int64).max
    return False


@compiled
def _notice(rule, bed, time, valid):  # type: ignore[no-untyped-def]
    """Whether scores have just gone missing for too long, or have come back."""
    if valid:
        back = bed.stale
        bed.seen = time
        bed.stale = False
        return FRESH if back else QUIET
    if bed.seen == NEVER:
        bed.seen = time
    if 0 < rule.stale <= time - bed.seen and not bed.stale:
        bed.stale = True
        return STALE
    return QUIET


@compiled
def transition(rule, amber, red, bed, time, risk):  # type: ignore[no-untyped-def]
    """One score of one bed: what it led to, and what is to be said of its being there or not."""
    if _in_event(amber, red, bed, time):
        return QUIET, QUIET
    notice = _notice(rule, bed, time, not np.isnan(risk))
    due = _observe(rule, amber, FIRST_TIER, risk)
    if _observe(rule, red, SECOND_TIER, risk):
        outcome = _judge(rule, red, bed, SECOND_TIER, time, risk)
        if outcome == FIRED:  # a red alert says what an amber one would have said
            _alerted(rule, red, time, risk)
            _alerted(rule, amber, time, risk)
        return outcome + RED, notice
    outcome = _judge(rule, amber, bed, FIRST_TIER, time, risk) if due else QUIET
    if outcome == FIRED:
        _alerted(rule, amber, time, risk)
    return outcome, notice


@compiled
def fold(rule, ward, bed, time, risk):  # type: ignore[no-untyped-def]
    """Take every score in order; ``ward`` is changed in place. Returns one outcome and one notice a score."""
    outcome, notice = np.empty(len(bed), np.int8), np.empty(len(bed), np.int8)
    tiers, beds = ward
    for i in range(len(bed)):
        b = bed[i]
        outcome[i], notice[i] = transition(rule, tiers[b, 0], tiers[b, 1], beds[b], time[i], risk[i])
    return outcome, notice
