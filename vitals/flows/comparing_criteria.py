"""The criteria of a comparison, each a row: what was wanted, what was found, whether it passed (None: not judged)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vitals.alerting.bootstrap import Interval, interval, patient_weights, resample
from vitals.alerting.budget import parse_budget
from vitals.alerting.curve import Ledger
from vitals.alerting.evaluation import evaluate
from vitals.alerting.measures import COUNTS, DAY, measure
from vitals.alerting.stays import Risks
from vitals.flows.study import Study
from vitals.labelling.calibration import ici, slope_intercept
from vitals.scoring.model import Model
from vitals.spec.criteria import BurdenCriterion, CalibrationCriterion, GroupCriterion, RecallCriterion
from vitals.spec.policy import AlertPolicy
from vitals.windowing.types import Float32, Float64

FEWEST = 10
"""Events below which nothing is compared."""
_BURDEN = "alarms_per_100_patient_days"
_ALERTS, _DETECTED, _PREDICTABLE, _SECONDS = (
    COUNTS.index(name) for name in ("alerts", "detected", "predictable", "seconds")
)  # fmt: skip
_FINE = 50


@dataclass(frozen=True)
class Side:
    """One of the two models with its risks of the patients of both.

    Attributes:
        model: the opened model.
        policy: its own.
        study: the stays.
        risk: of each row, ``(R,)``.
        warnings: what has to be said of it.
    """

    model: Model
    policy: AlertPolicy
    study: Study
    risk: Float32
    warnings: tuple[str, ...] = ()

    @property
    def risks(self) -> Risks:
        """As alerting sees them."""
        return Risks.of(self.study.rows.bed, self.study.rows.time, self.risk)


def counts_of(side: Side, terms: Side) -> Float64:
    """Counts of each stay under the side's own policy, ``(S, len(COUNTS))``.

    Args:
        side: whose policy.
        terms: whose settings say what a useful alert is.
    """
    stays = side.study.alert_stays()
    alone = replace(stays, patient=np.arange(len(stays)))
    return evaluate(side.risks, alone, side.policy, terms.model.settings.alerting).by_patient


def judge_recall(old: Side, new: Side, own: Float64, wanted: RecallCriterion, replicates: int) -> dict[str, Any]:
    """Non-inferior recall at equal alarm burden.

    Of both, the threshold of the first tier is chosen on these patients, so that neither is favoured: the one that catches
    most with no more alarms than the old policy raises (or the budget allows). In every resample alarms are counted and
    both thresholds chosen anew.

    Args:
        old: the old side.
        new: the new one; its settings say what a useful alert is.
        own: counts of the old policy, ``(S, len(COUNTS))``.
        wanted: margin and, perhaps, burden.
        replicates: resamples of patients.
    """
    search, stays = new.model.settings.alerting, new.study.alert_stays()
    policy = np.zeros((int(stays.patient.max(initial=-1)) + 1, len(COUNTS)))
    np.add.at(policy, stays.patient, own)
    burden = parse_budget(wanted.burden, "[recall] burden", search.beds_per_nurse) if wanted.burden else None
    about = float(measure(_BURDEN, own.sum(axis=0))) if burden is None else burden
    sides = [_at_thresholds(side, Ledger(side.risks, stays, search), about) for side in (old, new)]
    every = [np.ones((1, len(policy))), *patient_weights(len(policy), replicates, seed=1)]
    recalls = np.concatenate([_recalls(weights, sides, policy, burden) for weights in every])
    difference = interval(float(recalls[0, 1] - recalls[0, 0]), recalls[1:, 1] - recalls[1:, 0])
    found = {"old": recalls[0, 0], "new": recalls[0, 1], "difference": [*difference], "alarms": about}
    words = f"lower bound of new − old above −{wanted.margin:g}"
    return _row("recall at equal alarm burden", words, found, bool(difference.low > -wanted.margin))


def _at_thresholds(side: Side, ledger: Ledger, burden: float) -> Float64:
    """Counts of the first tier at thresholds that lie dense where the burden is met, ``(P, T, len(COUNTS))``."""
    shape = replace(side.policy, red=None, red_clear=None)
    coarse = ledger.curves([shape], ledger.thresholds())[0]
    best = coarse.best(burden)
    near = coarse.threshold if best is None else ledger.around(coarse, best, _FINE)
    return ledger.by_patient(shape, np.unique(np.concatenate([coarse.threshold, near]))[::-1])


def _recalls(weights: Float64, sides: list[Float64], policy: Float64, burden: float | None) -> Float64:
    """Best recall of each side within the burden in each resample, ``(r, 2)``."""
    total = weights @ policy
    most = total[:, _ALERTS] if burden is None else burden * total[:, _SECONDS] / (100.0 * DAY)
    found = []
    for counts in sides:
        sums = (weights @ counts.reshape(len(counts), -1)).reshape(len(weights), *counts.shape[1:])
        detected = np.where(sums[:, :, _ALERTS] <= most[:, None], sums[:, :, _DETECTED], 0.0).max(axis=1)
        predictable = sums[:, 0, _PREDICTABLE]
        found.append(np.divide(detected, predictable, out=np.full(len(weights), np.nan), where=predictable > 0))
    return np.stack(found, axis=1)


def judge_burden(old: Float64, new: Float64, wanted: BurdenCriterion) -> dict[str, Any]:
    """Alarms per 100 patient-days of the new policy as it stands, beside those of the old one.

    Args:
        old: counts of the old policy, ``(S, len(COUNTS))``.
        new: those of the new one.
        wanted: the highest ratio.
    """
    before, after = (float(measure(_BURDEN, counts.sum(axis=0))) for counts in (old, new))
    words = f"at most {wanted.most:g} times the old"
    return _row(_BURDEN.replace("_", " "), words, {"old": before, "new": after}, after <= wanted.most * before)


def judge_groups(
    side: Side, counts: Float64, groups: Iterable[tuple[str, str, NDArray[np.bool_]]], wanted: GroupCriterion,
    replicates: int,
) -> list[dict[str, Any]]:  # fmt: skip
    """Recall of each group against everybody else's, under the side's own policy.

    Args:
        side: the new one.
        counts: of each stay under its policy, ``(S, len(COUNTS))``.
        groups: kind, name and members ``(S,)`` of each.
        wanted: kinds, tolerance, and the fewest events of a group and of the others.
        replicates: resamples of patients.
    """
    patient, found = side.study.alert_stays().patient, []
    words = f"short of the others by at most {wanted.tolerance:g}, or by chance"
    for kind, name, members in groups:
        if kind not in wanted.kinds or members.all():
            continue
        label = f"recall in group {kind} {name}"
        events = min(counts[chosen, _PREDICTABLE].sum() for chosen in (members, ~members))
        if events < wanted.fewest:
            found.append(_row(label, words, {"fewer_events_than": wanted.fewest}, None))
            continue
        gap, own, others = gap_of(counts, members, patient, replicates)
        short = gap.value < -wanted.tolerance and gap.high < 0
        found.append(_row(label, words, {"recall": own, "others": others, "difference": [*gap]}, not short))
    return found


def gap_of(
    counts: Float64, members: NDArray[np.bool_], patient: NDArray[np.int64], replicates: int
) -> tuple[Interval, float, float]:
    """Recall of some stays minus that of the others, with its interval of resampled patients; and both.

    Example:
        >>> counts = np.zeros((4, len(COUNTS)))
        >>> counts[:, COUNTS.index("predictable")], counts[:3, COUNTS.index("detected")] = 1, 1
        >>> gap_of(counts, np.array([False, True, False, True]), np.arange(4), 50)[0].value
        -0.5
    """
    width = counts.shape[1]
    both = np.zeros((int(patient.max(initial=-1)) + 1, 2 * width))
    np.add.at(both, patient, np.concatenate([counts * members[:, None], counts * ~members[:, None]], axis=1))
    sums = np.concatenate([both.sum(axis=0, keepdims=True), resample(both, replicates)])
    own, others = (measure("recall", part) for part in (sums[:, :width], sums[:, width:]))
    return interval(float(own[0] - others[0]), own[1:] - others[1:]), float(own[0]), float(others[0])


def judge_calibration(side: Side, wanted: CalibrationCriterion) -> list[dict[str, Any]]:
    """Slope and ICI over the rows whose label may be used, at the model's own horizon.

    Args:
        side: the new one.
        wanted: bounds of both.
    """
    rows = side.study.usable & np.isfinite(side.risk)
    label, risk = side.study.label[rows], side.risk[rows].astype(np.float64)
    low, high = wanted.slope
    words = (f"{low:g} to {high:g}", f"at most {wanted.ici:g}")
    if min(label.sum(), len(label) - label.sum()) < FEWEST:
        few = {"fewer_events_than": FEWEST}
        return [_row("calibration slope", words[0], few, None), _row("calibration ICI", words[1], few, None)]
    slope, far = slope_intercept(label, risk)[0], ici(label, risk)
    return [
        _row("calibration slope", words[0], {"new": slope}, bool(low <= slope <= high)),
        _row("calibration ICI", words[1], {"new": far}, bool(far <= wanted.ici)),
    ]


def _row(criterion: str, wanted: str, found: dict[str, Any], passed: bool | None) -> dict[str, Any]:
    return {"criterion": criterion, "wanted": wanted, "found": found, "passed": passed}
