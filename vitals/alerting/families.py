"""Policies gathered into families that differ in threshold and silence alone, as the grid counts them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from vitals.alerting.leaps import Families
from vitals.alerting.machine import BELOW_CLEAR, ESCALATE, rule_of
from vitals.spec.policy import AlertPolicy
from vitals.windowing.types import Float64, Int64

_WAITING = (BELOW_CLEAR, ESCALATE)  # the others never ask whether an episode is over


def families_of(shapes: Sequence[AlertPolicy], thresholds: Float64, risk: Float64) -> tuple[Families, Int64]:
    """Gather policies and look up which of their levels every risk reaches.

    Args:
        shapes: policies whose threshold is replaced; ``clear`` keeps its share of the threshold.
        thresholds: falling, ``(T,)``.
        risk: of every row, ``(R,)``, NaN where there is none.

    Returns:
        The families, and which of the shapes each of their policies is.

    Example:
        >>> shapes = [AlertPolicy(0.5, silence=silence) for silence in (9, 3)]
        >>> families, order = families_of(shapes, np.array([0.9, 0.5]), np.array([0.95, 0.6, np.nan]))
        >>> families.silence.tolist(), order.tolist(), families.level.tolist(), families.first.tolist()
        ([3, 9], [1, 0], [0, 1, 3], [0, 1, 2, 2])
    """
    rules = [rule_of(shape) for shape in shapes]
    # a share of 1 keeps the very threshold: a risk at it never ends the episode
    shares = [rule.clear[0] / rule.high[0] if rule.high[0] and rule.rearm in _WAITING else 1.0 for rule in rules]
    keys = [
        (share, rule.k, int(rule.window), rule.rearm, rule.rise, rule.most)
        for share, rule in zip(shares, rules, strict=True)
    ]
    order = np.array(sorted(range(len(shapes)), key=lambda i: (keys[i], rules[i].silence)), np.int64)
    of_family = list(dict.fromkeys(keys[i] for i in order))
    ways = sorted({key[0] for key in of_family}, reverse=True)
    clears = np.stack([way * thresholds for way in ways])
    rising = np.unique(np.concatenate([thresholds, clears.ravel()]))
    missing = np.isnan(risk)
    level = len(rising) - np.searchsorted(rising, np.where(missing, 0, risk), side="right")
    sizes = [sum(keys[i] == key for i in order) for key in of_family]
    share, k, _, rearm, rise, most = (np.array(column) for column in zip(*of_family, strict=True))
    families = Families(
        level=np.where(missing, len(rising) + 1, level).astype(np.int32), first=_first(rising, thresholds),
        first_clear=np.stack([_first(rising, clear) for clear in clears]),
        clear=np.searchsorted(-np.array(ways), -share), k=k, window=np.array([key[2] for key in of_family], np.uint64), rearm=rearm, rise=rise,
        most=most, begin=np.r_[0, np.cumsum(sizes)], silence=np.array([rules[i].silence for i in order]),
    )  # fmt: skip
    return families, order


def _first(rising: Float64, falling: Float64) -> Int64:
    """The first of some falling limits that a risk of each level reaches, ``(L + 2,)``; their number for none."""
    lowest = np.append(rising[::-1], [-np.inf, -np.inf])  # a risk of level l is at or over the l-th highest limit
    return np.searchsorted(-falling, -lowest).astype(np.int64)
