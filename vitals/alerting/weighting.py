"""Counts of a sample of cases and controls, weighted to how common the outcome is where nobody was left out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from vitals.alerting.evaluation import Evaluation, evaluate
from vitals.alerting.stays import Risks, Stays
from vitals.errors import DataError, SettingsError
from vitals.spec.settings import Alerting


def check_prevalence(prevalence: float) -> None:
    """Refuse what is no prevalence.

    Raises:
        SettingsError: not between 0 and 1.
    """
    if not 0 < prevalence < 1:
        raise SettingsError("prevalence", repr(prevalence), "a share between 0 and 1", "write 0.05, for example")


def to_prevalence(
    seen: Evaluation, risks: Risks, stays: Stays, alerting: Alerting | None, prevalence: float
) -> Evaluation:
    """The evaluation with each stay without an onset weighing as many as were left out for it.

    With n₁ stays with an onset and n₀ without, each of the latter weighs ``n₁ (1 - prevalence) / (prevalence n₀)``.

    Args:
        seen: what a policy did to all the stays.
        risks: of the stays.
        stays: the stays or spells that were evaluated.
        alerting: as they were evaluated.
        prevalence: share of stays with an onset where nobody was left out.

    Raises:
        SettingsError: a prevalence that is none.
        DataError: stays of one kind only.

    Example:
        >>> from vitals.spec.policy import AlertPolicy
        >>> day = 24 * 3_600_000_000
        >>> stays = Stays.of(range(2), [0] * 2, [day] * 2, [0], [day // 2])
        >>> risks = Risks.of([0, 1], [day // 4] * 2, [0.7, 0.8])
        >>> seen = evaluate(risks, stays, AlertPolicy(threshold=0.5))
        >>> to_prevalence(seen, risks, stays, None, 0.1).measure("precision")
        0.1
    """
    check_prevalence(prevalence)
    with_onset = np.unique(stays.whole[stays.has_onset])
    control = ~np.isin(stays.whole, with_onset)
    controls = len(np.unique(stays.whole[control]))
    if not controls or not len(with_onset):
        wanted = "stays with an onset, and stays without"
        raise DataError("prevalence", "stays of one kind only", wanted, "bring both, or give no prevalence")
    weight = len(with_onset) * (1 - prevalence) / (prevalence * controls)
    number, rows = np.cumsum(control) - 1, control[risks.stay]
    part = Stays(*(getattr(stays, name)[control] for name in stays.__dataclass_fields__))
    only = Risks(number[risks.stay[rows]], risks.time[rows], risks.risk[rows])
    theirs = evaluate(only, part, seen.policy, alerting).by_patient
    counts = seen.by_patient.copy()
    counts[: len(theirs)] += (weight - 1) * theirs
    return replace(seen, by_patient=counts)
