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


class Ward(NamedTuple):
    """What is remembered of each bed, ``(B,)``, and of its tiers, ``(B, 2)``.

    Attributes:
        recent: one bit a score, the latest lowest: was it high?
        armed: whether the episode that alerted last is over.
        silenced_until: no alert of the tier before this time.
        risen_at: the risk that counts as an escalation of the last alert.
        day: when the first alert of the day that is counted came.
        today: alerts since then.
        snoozed_from, snoozed_until: an acknowledgement holds back the first tier between them.
        event_from, event_until: no alert after the one and before the other.
        seen: time of the last valid score; of the first score where none was valid.
        stale: whether a technical alert stands.
    """

    recent: Any
    armed: Any
    silenced_until: Any
    risen_at: Any
    day: Any
    today: Any
    snoozed_from: Any
    snoozed_until: Any
    event_from: Any
    event_until: Any
    seen: Any
    stale: Any


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
    tiers, never = (beds, 2), np.full(beds, NEVER, np.int64)
    return Ward(
        recent=np.zeros(tiers, np.uint64), armed=np.ones(tiers, np.bool_), silenced_until=np.full(tiers, NEVER),
        risen_at=np.zeros(tiers), day=np.full(tiers, NEVER), today=np.zeros(tiers, np.int64),
        snoozed_from=never.copy(), snoozed_until=never.copy(), event_from=np.full(beds, np.iinfo(np.int64).max),
        event_until=never.copy(), seen=never.copy(), stale=np.zeros(beds, np.bool_),
    )  # fmt: skip


@numba.njit(cache=True, nogil=True, inline="always")
def ones(word):  # type: ignore[no-untyped-def]
    """How many bits of a uint64 are set."""
    word = word - ((word >> _S1) & _M1)
    word = (word & _M2) + ((word >> _S2) & _M2)
    word = (word + (word >> _S4)) & _M4
    return np.int64((word * _H1) >> _S56)


@compiled
def _observe(rule, ward, b, tier, risk):  # type: ignore[no-untyped-def]
    """Take a score into a tier's memory; whether an alert is due. A missing score (NaN) is not high and decides nothing."""
    ward.recent[b, tier] = (ward.recent[b, tier] << _ONE) | np.uint64(risk >= rule.high[tier])
    if risk < rule.clear[tier] and rule.rearm != FIRST_ONLY:
        ward.armed[b, tier] = True
    return not np.isnan(risk) and ones(ward.recent[b, tier] & rule.window) >= rule.k


@compiled
def _judge(rule, ward, b, tier, time, risk):  # type: ignore[no-untyped-def]
    """What becomes of an alert that is due."""
    if time < ward.silenced_until[b, tier]:
        return SILENCED
    if tier == FIRST_TIER and ward.snoozed_from[b] <= time < ward.snoozed_until[b]:
        return ACKNOWLEDGED
    escalated = rule.rearm == ESCALATE and risk >= ward.risen_at[b, tier]
    if not (ward.armed[b, tier] or escalated or rule.rearm == TIMER):
        return SAME_EPISODE
    if 0 < rule.most <= ward.today[b, tier] and time - ward.day[b, tier] < _DAY:
        return CAPPED
    return FIRED


@compiled
def _alerted(rule, ward, b, tier, time, risk):  # type: ignore[no-untyped-def]
    """Remember an alert."""
    ward.armed[b, tier] = False
    ward.silenced_until[b, tier] = time + rule.silence
    odds = rule.rise * risk / (1.0 - risk) if risk < 1.0 else np.inf
    ward.risen_at[b, tier] = odds / (1.0 + odds) if odds < np.inf else np.inf
    if ward.today[b, tier] == 0 or time - ward.day[b, tier] >= _DAY:
        ward.day[b, tier], ward.today[b, tier] = time, 0
    ward.today[b, tier] += 1


@compiled
def _in_event(ward, b, time):  # type: ignore[no-untyped-def]
    """Whether a score falls into an event or the time after it; the score after that finds a bed without a past."""
    if time <= ward.event_from[b]:
        return False
    ward.snoozed_until[b] = ward.seen[b] = NEVER
    ward.stale[b] = False
    for tier in range(2):
        ward.recent[b, tier], ward.armed[b, tier] = np.uint64(0), True
        ward.silenced_until[b, tier], ward.today[b, tier] = NEVER, 0
    if time < ward.event_until[b]:
        return True
    ward.event_from[b] = np.iinfo(np.int64).max
    return False


@compiled
def _notice(rule, ward, b, time, valid):  # type: ignore[no-untyped-def]
    """Whether scores have just gone missing for too long, or have come back."""
    if valid:
        back = ward.stale[b]
        ward.seen[b], ward.stale[b] = time, False
        return FRESH if back else QUIET
    if ward.seen[b] == NEVER:
        ward.seen[b] = time
    if 0 < rule.stale <= time - ward.seen[b] and not ward.stale[b]:
        ward.stale[b] = True
        return STALE
    return QUIET


@compiled
def transition(rule, ward, b, time, risk):  # type: ignore[no-untyped-def]
    """One score of one bed: what it led to, and what is to be said of its being there or not."""
    if _in_event(ward, b, time):
        return QUIET, QUIET
    notice = _notice(rule, ward, b, time, not np.isnan(risk))
    due = _observe(rule, ward, b, FIRST_TIER, risk)
    if _observe(rule, ward, b, SECOND_TIER, risk):
        outcome = _judge(rule, ward, b, SECOND_TIER, time, risk)
        if outcome == FIRED:  # a red alert says what an amber one would have said
            _alerted(rule, ward, b, SECOND_TIER, time, risk)
            _alerted(rule, ward, b, FIRST_TIER, time, risk)
        return outcome + RED, notice
    outcome = _judge(rule, ward, b, FIRST_TIER, time, risk) if due else QUIET
    if outcome == FIRED:
        _alerted(rule, ward, b, FIRST_TIER, time, risk)
    return outcome, notice


@compiled
def fold(rule, ward, bed, time, risk):  # type: ignore[no-untyped-def]
    """Take every score in order; ``ward`` is changed in place. Returns one outcome and one notice a score."""
    outcome, notice = np.empty(len(bed), np.int8), np.empty(len(bed), np.int8)
    for i in range(len(bed)):
        outcome[i], notice[i] = transition(rule, ward, bed[i], time[i], risk[i])
    return outcome, notice
