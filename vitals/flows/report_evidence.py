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
from vitals.cohort.store import Cohort
from vitals.flows.evaluation import Judged
from vitals.spec.policy import AlertPolicy
from vitals.spec.settings import Alerting
from vitals.windowing.types import Float32, Float64, Int64


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
        """The judged stays, whole."""
        return self.judged.study.whole_stays()

    @property
    def spells(self) -> Stays:
        """The same cut at their events, as the alerts were judged."""
        return self.judged.judgement.spells

    @property
    def risks(self) -> Risks:
        """The model's, of the spells."""
        return self.judged.judgement.risks

    @property
    def search(self) -> Alerting:
        """What a useful alert is."""
        return self.judged.model.settings.alerting

    @cached_property
    def frame(self) -> pd.DataFrame:
        """Demographics and further columns of the judged stays, in their order."""
        by_name = self.cohort.stays.set_index(self.cohort.stays["stay_id"].astype(str))
        return by_name.loc[list(self.judged.study.stay_id)]

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
        """What the policy made of every score of the spells; None without a policy."""
        if self.judged.policy is None:
            return None
        empty = AlertState.empty(len(self.spells))
        return decide(self.judged.policy, empty, self.risks.stay, self.risks.time, self.risks.risk)[1]

    @cached_property
    def by_spell(self) -> Float64 | None:
        """Counts of the policy in each spell, ``(S, len(COUNTS))``; None without a policy."""
        if self.judged.policy is None:
            return None
        alone = replace(self.spells, patient=np.arange(len(self.spells)))
        return evaluate(self.risks, alone, self.judged.policy, self.search).by_patient

    def judge(self, risk: Float32, policy: AlertPolicy) -> Evaluation:
        """The policy on another risk of each row, ``(R,)``, with recall of the same onsets as that of the risk itself."""
        risks = self.judged.study.spells(risk, int(policy.reset))[0]
        return evaluate(risks, self.spells, policy, self.search)


def plain_numbers(values: Any) -> list[float | None]:
    """An array for JSON; None where there is no number."""
    return [float(value) if np.isfinite(value) else None for value in np.asarray(values, np.float64)]
