"""What the best policy is: a figure to be as high as it can be, and a bound that must be kept."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from vitals.alerting.budget import parse_budget
from vitals.alerting.measures import COUNTS, DAY, measure
from vitals.errors import SettingsError
from vitals.windowing.types import Float64


@dataclass(frozen=True)
class Goal:
    """How policies are compared.

    Attributes:
        text: in words.
        worth: of counts ``(P, len(COUNTS))``, what is to be as high as it can be, ``(P,)``.
        allowed: of counts, which of them keep to the bound, ``(P,)`` bool.
        least: of counts, what the bound is about, for the message when none keeps to it.
        budget: alerts per 100 patient-days that both tiers together may raise; infinite without a budget.
        threshold: the only one to try; None for all.
    """

    text: str
    worth: Callable[[Float64], Float64]
    allowed: Callable[[Float64], NDArray[np.bool_]]
    least: Callable[[Float64], str]
    budget: float = np.inf
    threshold: float | None = None

    def within(self, budget: float) -> Goal:
        """The same goal under another budget."""
        return replace(self, allowed=lambda counts: measure("alarms_per_100_patient_days", counts) <= budget)

    def best(self, counts: Float64) -> int | None:
        """The best of many policies: of equal ones that with fewer alerts, then the first. None where none is allowed."""
        fits = np.flatnonzero(self.allowed(counts))
        if not len(fits):
            return None
        alerts, worth = counts[fits, COUNTS.index("alerts")], self.worth(counts[fits])
        return int(fits[np.lexsort((fits, alerts, -worth))[0]])


def recall_within(budget: str | float, beds_per_nurse: float = 4.0) -> Goal:
    """Catch most onsets with at most so many alerts.

    Args:
        budget: ``"5/100pd"``, ``"0.5/shift"``, or alerts per 100 patient-days at risk as a number.
        beds_per_nurse: for a budget per shift.

    Raises:
        SettingsError: a budget that is none.
    """
    burden = parse_budget(budget, beds_per_nurse=beds_per_nurse) if isinstance(budget, str) else float(budget)
    return Goal(
        text=f"most onsets caught with at most {burden:g} alerts per 100 patient-days",
        worth=_detected, allowed=lambda counts: measure("alarms_per_100_patient_days", counts) <= burden,
        least=lambda counts: f"at least {np.nanmin(measure('alarms_per_100_patient_days', counts)):.3g}/100pd",
        budget=burden,
    )  # fmt: skip


def recall_with_precision(floor: float) -> Goal:
    """Catch most onsets while at least this share of the alerts is true.

    Raises:
        SettingsError: a share that is none.
    """
    if not 0 < floor <= 1:
        raise SettingsError("precision floor", repr(floor), "a share above 0, at most 1", "write 0.2, for example")
    return Goal(
        text=f"most onsets caught with at least {floor:.0%} of the alerts true",
        worth=_detected, allowed=lambda counts: measure("precision", counts) >= floor,
        least=lambda counts: f"at most {np.nanmax(np.append(measure('precision', counts), 0)):.1%}",
    )  # fmt: skip


def net_benefit(needed: float) -> Goal:
    """Onsets caught less false alerts, where ``needed`` work-ups for one true case are what staff would just accept.

    A false alert costs ``1 / (needed - 1)`` of an onset caught, which links it to the threshold probability ``1 / needed`` of
    a decision curve. Per 100 patient-days; an extension of net benefit to alerts, not a published standard.

    Raises:
        SettingsError: not more than one.
    """
    if not 1 < needed < np.inf:
        raise SettingsError("needed to evaluate", repr(needed), "a number above 1", "write 10, for example")
    return Goal(
        text=f"most net benefit where {needed:g} work-ups for one onset are accepted",
        worth=lambda counts: alert_net_benefit(counts, needed),
        allowed=lambda counts: np.ones(len(counts), bool), least=lambda _: "",
    )  # fmt: skip


def at_threshold(text: str, threshold: float) -> Goal:
    """As many onsets caught as a threshold allows that something else than alerts has set."""
    return Goal(text, _detected, lambda counts: np.ones(len(counts), bool), lambda _: "", threshold=threshold)


def goal_of(budget: str | None, precision: float | None, work_ups: float | None, utility: bool = False) -> str | Goal:
    """The one goal that is named; without any ``"5/100pd"``.

    Args:
        budget: an alarm budget.
        precision: a floor of it.
        work_ups: how many for one true case are accepted.
        utility: of the 2019 challenge.

    Raises:
        SettingsError: more than one, or one that is none.

    Example:
        >>> goal_of(None, None, None), goal_of(None, None, 10.0).text
        ('5/100pd', 'most net benefit where 10 work-ups for one onset are accepted')
    """
    if sum(one is not None for one in (budget, precision, work_ups)) + utility > 1:
        raise SettingsError("goal of tuning", "several", "one goal", "give one of them")
    if precision is not None:
        return recall_with_precision(precision)
    if work_ups is not None:
        return net_benefit(work_ups)
    return "utility" if utility else budget or "5/100pd"


def alert_net_benefit(counts: Float64, needed: float) -> Float64:
    """Per 100 patient-days: onsets caught less false alerts weighted by ``1 / (needed - 1)``, ``(...)``.

    Example:
        >>> alert_net_benefit(np.array([12.0, 4, 6, 2, 2, 4, 5, 50 * DAY]), needed=7)
        np.float64(2.0)
    """
    detected, false, seconds = (counts[..., COUNTS.index(name)] for name in ("detected", "false", "seconds"))
    benefit: Float64 = 100.0 * DAY * (detected - false / (needed - 1.0)) / seconds
    return benefit


def _detected(counts: Float64) -> Float64:
    detected: Float64 = counts[:, COUNTS.index("detected")]
    return detected
