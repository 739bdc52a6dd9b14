"""What the figures of a report are made from, gathered once: the judged rows, the alerts of the policy, NEWS2 beside them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from vitals.alerting.decide import AlertState, Decisions, decide
from vitals.alerting.evaluation import Evaluation, evaluate
from vitals.alerting.stays import Risks, Stays
from vitals.bedside.news2 import SIGNALS as NEWS2_SIGNALS
from vitals.bedside.news2 import news2_risk
from vitals.bedside.risk import bedside_risk
from vitals.cohort.store import Cohort
from vitals.flows.evaluation import Judged
from vitals.spec.policy import AlertPolicy
from vitals.windowing.types import Int64

REPLICATES = 200
"""Resamples of an interval that is drawn rather than decided by."""


@dataclass(frozen=True)
class Evidence:
    """A judged model with its cohort.

    Attributes:
        judged: model, policy, stays, risks and the figures of the evaluation.
        cohort: the cohort the stays are of.
    """

    judged: Judged
    cohort: Cohort

    @cached_property
    def stays(self) -> Stays:
        """The judged stays as alerting sees them."""
        return self.judged.study.alert_stays()

    @cached_property
    def frame(self) -> pd.DataFrame:
        """Demographics and further columns of the judged stays, in their order."""
        by_name = self.cohort.stays.set_index(self.cohort.stays["stay_id"].astype(str))
        return by_name.loc[list(self.judged.study.stay_id)]

    @cached_property
    def risks(self) -> Risks:
        """The model's."""
        rows = self.judged.study.rows
        return Risks.of(rows.bed, rows.time, self.judged.risk)

    @cached_property
    def bedside(self) -> Risks | None:
        """NEWS2 of the same rows on a scale to 1; None where the model reads none of its signals."""
        if not set(NEWS2_SIGNALS) & set(self.judged.model.settings.signals):
            return None
        rows = self.judged.study.rows
        return Risks.of(rows.bed, rows.time, bedside_risk("news2", rows, self.judged.model.settings.channels))

    @property
    def usable(self) -> NDArray[np.bool_]:
        """Rows whose label may be used and that have a risk, ``(R,)``."""
        chosen: NDArray[np.bool_] = self.judged.study.usable & np.isfinite(self.judged.risk)
        return chosen

    @cached_property
    def patient(self) -> Int64:
        """Number of each row's patient, ``(R,)``."""
        return self.stays.patient[self.judged.study.rows.bed]

    @cached_property
    def alerts(self) -> Decisions | None:
        """What the policy made of every score; None without a policy."""
        if self.judged.policy is None:
            return None
        empty = AlertState.empty(len(self.stays))
        return decide(self.judged.policy, empty, self.risks.stay, self.risks.time, self.risks.risk)[1]

    def judge(self, risks: Risks, policy: AlertPolicy) -> Evaluation:
        """Any policy on any risks of these stays."""
        return evaluate(risks, self.stays, replace(policy, tuned_on=""), self.judged.model.settings.alerting)

    def triggers(self) -> dict[str, Evaluation]:
        """NEWS2 as wards use it, by the name it is shown under."""
        if self.bedside is None:
            return {}
        points = {f"NEWS2 ≥ {n}": AlertPolicy(threshold=float(news2_risk(n))) for n in (5, 7)}
        return {name: self.judge(self.bedside, policy) for name, policy in points.items()}


def plain_numbers(values: Any) -> list[float | None]:
    """An array for JSON; None where there is no number."""
    return [float(value) if np.isfinite(value) else None for value in np.asarray(values, np.float64)]
