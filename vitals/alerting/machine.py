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

QUIET, FIRED, SILENCED, SAME_EPISODE, ACKNOWLEDGED, CAPPED, IN_EVENT = 0, 1, 2, 3, 4, 5, 6
"""What a score led to: nothing due; an alert; held back by the silence, until the episode ends, by an acknowledgement, by
the bound of a day, by an event or the time after it."""
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
        bed: of each bed, ``(B,)``. ``snoozed_from`` and ``snoozed_until``: an acknowledgement of the one time holds back
            the first tier until the other; ``event_from`` and ``event_until``: no alert after the one and before the other;
            ``seen``: time of the last valid score, of the first score where none was valid; ``stale``: whether a technical
            alert stands.
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
    if time > bed.event_from:
        return IN_EVENT
    if time < one.silenced_until:
        return SILENCED
    if tier == FIRST_TIER and time < bed.snoozed_until:
        return ACKNOWLEDGED
    escalated = rule.rearm == ESCALATE and risk >= one.risen_at
    if not (one.armed or escalated or rule.rearm == TIMER):
        return SAME_EPISODE
    if 0 < rule.most <= one.today and time - one.day < _DAY:
        return CAPPED
    return FIRED


@compiled
def risen_from(rise, risk):  # type: ignore[no-untyped-def]
    """The least risk that counts as an escalation of an alert at ``risk``: always above it, infinite after certainty."""
    if risk >= 1.0:
        return np.inf
    odds = rise * risk / (1.0 - risk)
    return max(odds / (1.0 + odds), np.nextafter(risk, 2.0))


@compiled
def _alerted(rule, one, time, risk):  # type: ignore[no-untyped-def]
    """Remember an alert of a tier."""
    one.armed = False
    one.silenced_until = time + rule.silence
    one.risen_at = risen_from(rule.rise, risk)
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
def _pass_event(amber, red, bed, time):  # type: ignore[no-untyped-def]
    """A score in an event, or in the time after it, begins the wait for a score anew; the next finds a bed without a past."""
    if time <= bed.event_from:
        return
    if bed.snoozed_from < bed.event_until:  # what is said once it is over concerns what comes next
        bed.snoozed_until = NEVER
    bed.seen = NEVER
    bed.stale = False
    if time >= bed.event_until:
        _forget(amber)
        _forget(red)
        bed.event_from = np.iinfo(np.int64).max


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
    _pass_event(amber, red, bed, time)
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
