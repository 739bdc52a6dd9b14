"""A sample of cases and controls, weighted to how common the outcome is where nobody was left out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from vitals.alerting.stays import Stays
from vitals.errors import DataError, SettingsError


def check_prevalence(prevalence: float | None) -> None:
    """Refuse what is no prevalence; None is that of the stays themselves.

    Raises:
        SettingsError: not between 0 and 1.
    """
    if prevalence is not None and not 0 < prevalence < 1:
        raise SettingsError("prevalence", repr(prevalence), "a share between 0 and 1", "write 0.05, for example")


def weighted(stays: Stays, prevalence: float | None) -> Stays:
    """The stays, each without an onset standing for as many as were left out beside it.

    With n₁ stays with an onset and n₀ without, each of the latter weighs ``n₁ (1 - prevalence) / (prevalence n₀)``.
    Evaluations, curves and intervals of these stays are then those of a ward with that prevalence.

    Args:
        stays: the stays, or their spells.
        prevalence: share of stays with an onset where nobody was left out; None leaves the stays as they are.

    Raises:
        SettingsError: a prevalence that is none.
        DataError: stays of one kind only.

    Example:
        >>> from vitals.alerting.evaluation import evaluate
        >>> from vitals.alerting.stays import Risks
        >>> from vitals.spec.policy import AlertPolicy
        >>> day = 24 * 3_600_000_000
        >>> stays = weighted(Stays.of(range(2), [0] * 2, [day] * 2, [0], [day // 2]), 0.1)
        >>> risks = Risks.of([0, 1], [day // 4] * 2, [0.7, 0.8])
        >>> stays.weight.tolist(), evaluate(risks, stays, AlertPolicy(threshold=0.5)).measure("precision")
        ([1.0, 9.0], 0.1)
    """
    check_prevalence(prevalence)
    if prevalence is None:
        return stays
    with_onset = np.unique(stays.whole[stays.has_onset])
    control = ~np.isin(stays.whole, with_onset)
    controls = len(np.unique(stays.whole[control]))
    if not controls or not len(with_onset):
        wanted = "stays with an onset, and stays without"
        raise DataError("prevalence", "stays of one kind only", wanted, "bring both, or give no prevalence")
    weight = len(with_onset) * (1 - prevalence) / (prevalence * controls)
    return replace(stays, weight=np.where(control, weight, 1.0))
