"""Tune an alert policy: catch most onsets within an alarm budget."""

from __future__ import annotations

import dataclasses
import itertools
from dataclasses import dataclass
from typing import Any, Literal

from vitals.alerting.budget import parse_budget
from vitals.alerting.curve import Ledger, OperatingCurve, Point
from vitals.alerting.stays import Risks, Stays
from vitals.errors import DataError, SettingsError
from vitals.spec.policy import AlertPolicy
from vitals.spec.reader import plain
from vitals.spec.settings import Alerting

REARM: tuple[Literal["timer", "below_clear"], ...] = ("timer", "below_clear")


@dataclass(frozen=True)
class Tuned:
    """What tuning found.

    Attributes:
        policy: the best policy within the budget; it names the model and the patients it was tuned on.
        point: its threshold, recall, precision and alerts per 100 patient-days on those patients.
        curve: the same policy at other thresholds.
        policies: how many policies were counted.
    """

    policy: AlertPolicy
    point: Point
    curve: OperatingCurve
    policies: int

    def to_dict(self) -> dict[str, Any]:
        """Every figure in plain numbers for JSON."""
        figures = {name: getattr(self.point, name) for name in Point._fields[1:]}
        return {"policy": plain(self.policy), "policies": self.policies, **figures, "curve": self.curve.to_dict()}


def candidates(alerting: Alerting) -> list[AlertPolicy]:
    """The policies to try, each at threshold 1: all silences, persistences, and ways to re-arm.

    Under ``timer`` the hysteresis plays no part, so it is tried once; under ``below_clear`` with every share.

    Example:
        >>> [(policy.rearm, policy.clear) for policy in candidates(Alerting(clear=(1.0, 0.8)))]
        [('timer', 1.0), ('below_clear', 1.0), ('below_clear', 0.8)]
    """
    return [
        AlertPolicy(threshold=1.0, clear=share, persistence=persistence, silence=silence, rearm=rearm)
        for silence, persistence, rearm in itertools.product(alerting.silence, alerting.persistence, REARM)
        for share in ((1.0,) if rearm == "timer" else alerting.clear)
    ]


def tune(
    risks: Risks,
    stays: Stays,
    budget: str | float,
    alerting: Alerting | None = None,
    tuned_on: str = "",
    model_digest: str = "",
) -> Tuned:
    """The policy with the highest event recall of those that keep to an alarm budget.

    Every candidate of ``alerting`` is counted at some 200 thresholds taken from the risks themselves; around the best
    of them the search is repeated on a finer grid. Of equal recalls the one with fewer alerts counts.

    Args:
        risks: of all the stays, 0 to 1.
        stays: with their patients and first onsets.
        budget: ``"5/100pd"``, or alerts per 100 patient-days at risk as a number.
        alerting: where to look, and ``lead_min`` and ``lead_max``.
        tuned_on: :func:`~vitals.alerting.stays.patients_digest` of these patients; the policy carries it, and
            ``evaluate`` refuses it on the same patients.
        model_digest: the model that gave the risks; the policy carries it.

    Raises:
        SettingsError: a budget that is none, or so small that no policy keeps to it.
        DataError: no onset that could have been predicted, or no risk at all.

    Example:
        >>> day = 24 * 3_600_000_000
        >>> stays = Stays.of(range(3), [0] * 3, [day] * 3, [0], [day // 2])
        >>> risks = Risks.of([0, 1, 2], [day // 4] * 3, [0.7, 0.8, 0.2])
        >>> found = tune(risks, stays, "90/100pd")
        >>> found.policy.threshold, found.point.recall, found.point.alarms_per_100_patient_days
        (0.7, 1.0, 80.0)
    """
    burden = parse_budget(budget) if isinstance(budget, str) else float(budget)
    search = alerting or Alerting()
    shapes = candidates(search)
    ledger = Ledger(risks, stays, search)
    if not ledger.predictable:
        raise DataError("tuning part", "no onset that could be predicted", "at least one", "tune on more patients")
    thresholds = ledger.thresholds()
    curves = ledger.curves(shapes, thresholds)
    found = _best(curves, burden)
    if found is None:
        least = min(float(curve.measure("alarms_per_100_patient_days").min()) for curve in curves)
        raise SettingsError(
            "alarm budget", f"{burden:g}/100pd", f"at least {least:.3g}/100pd on these stays", "raise it"
        )
    shape, curve = shapes[found], curves[found]
    point = ledger.best(shape, burden, curve)
    assert point is not None  # the coarse grid had one, and the fine grid holds it
    policy = dataclasses.replace(
        shape,
        threshold=point.threshold,
        clear=shape.clear_below * point.threshold,
        model_digest=model_digest,
        tuned_on=tuned_on,
    )
    return Tuned(policy, point, curve, policies=len(shapes) * len(thresholds))


def _best(curves: list[OperatingCurve], burden: float) -> int | None:
    """The first of the curves that reach the highest recall with the fewest alerts; None where none keeps to it."""
    keys = []
    for number, curve in enumerate(curves):
        index = curve.best(burden)
        if index is not None:
            point = curve.point(index)
            keys.append((-point.recall, point.alarms_per_100_patient_days, number))
    return min(keys)[-1] if keys else None
