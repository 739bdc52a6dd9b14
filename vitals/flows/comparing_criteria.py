"""The criteria of a comparison, each a row: what was wanted, what was found, whether it passed (None: not judged)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vitals.alerting.bootstrap import Interval, interval, resample
from vitals.alerting.budget import parse_budget
from vitals.alerting.curve import POINTS, Ledger
from vitals.alerting.evaluation import comparable, evaluate
from vitals.alerting.measures import COUNTS, FIXED, measure
from vitals.alerting.ranks import FEWEST, calibration_of, enough
from vitals.alerting.retuning import best_within
from vitals.alerting.stays import Risks, Stays
from vitals.alerting.weighting import weighted
from vitals.flows.study import Study
from vitals.scoring.model import Model
from vitals.spec.criteria import BurdenCriterion, CalibrationCriterion, GroupCriterion, RecallCriterion
from vitals.spec.policy import AlertPolicy
from vitals.windowing.types import Float32, Float64

_BURDEN = "alarms_per_100_patient_days"
_PREDICTABLE, _CHANGING, _FINE = COUNTS.index("predictable"), len(COUNTS) - len(FIXED), 50


@dataclass(frozen=True)
class Side:
    """One of the two models with its risks of the patients of both.

    Attributes:
        model: the opened model.
        policy: its own.
        study: the stays.
        risk: of each row, ``(R,)``.
        warnings: what has to be said of it.
        prevalence: of the ward that the stays were sampled from; None where nobody was left out.
    """

    model: Model
    policy: AlertPolicy
    study: Study
    risk: Float32
    warnings: tuple[str, ...] = ()
    prevalence: float | None = None

    def spells(self, reset: int = 0) -> tuple[Risks, Stays]:
        """Its risks and the stays, cut at their events."""
        risks, of = self.study.spells(self.risk, reset)
        return risks, weighted(of, self.prevalence)


def counts_of(side: Side, terms: Side, other: Side | None = None) -> Float64:
    """Counts of each stay under the side's own policy, ``(S, len(COUNTS))``.

    Args:
        side: whose policy.
        terms: whose settings say what a useful alert is.
        other: the one it is compared with; without it ``terms``. Recall is of the onsets that either could warn of.
    """
    reset = int(side.policy.reset)
    risks, of = side.spells(reset)
    both = comparable(of, [one.spells(reset)[0] for one in (side, other or terms)], terms.model.settings.alerting)
    alone = replace(both, patient=of.whole)
    return evaluate(risks, alone, side.policy, terms.model.settings.alerting).by_patient


def judge_recall(old: Side, new: Side, own: Float64, wanted: RecallCriterion, replicates: int) -> dict[str, Any]:
    """Non-inferior recall at equal alarm burden.

    Of both, the threshold of the first tier is chosen on these patients, so that neither is favoured: the one that catches
    most with no more alerts than the old policy raises (or the budget allows). In every resample alarms are counted and
    both thresholds chosen anew. Recall is of the onsets that either of the two could warn of.

    Args:
        old: the old side.
        new: the new one; its settings say what a useful alert is.
        own: counts of the old policy, ``(S, len(COUNTS))``.
        wanted: margin and, perhaps, burden.
        replicates: resamples of patients.
    """
    search = new.model.settings.alerting
    reset = int(old.policy.reset)  # the old policy sets the terms, as it sets the burden
    scores, whole = [side.spells(reset)[0] for side in (old, new)], new.spells(reset)[1]
    of = comparable(whole, scores, search)
    burden = parse_budget(wanted.burden, "[recall] burden", search.beds_per_nurse) if wanted.burden else None
    about = float(measure(_BURDEN, own.sum(axis=0))) if burden is None else burden
    sides = [
        _at_thresholds(side.policy, Ledger(risks, of, search), about)
        for side, risks in zip((old, new), scores, strict=True)
    ]
    best = best_within(sides, _reference(sides[0], own, of) if burden is None else burden, replicates)
    recall, caught = measure("recall", best), best[0, 0, COUNTS.index("detected")]
    difference = interval(float(recall[0, 1] - recall[0, 0]), recall[1:, 1] - recall[1:, 0])
    found = {"old": recall[0, 0], "new": recall[0, 1], "difference": [*difference], "alarms": about}
    words = f"lower bound of new − old above −{wanted.margin:g}"
    if not caught and difference.low <= 0:  # beside one that catches nothing everything is non-inferior
        return _row("recall at equal alarm burden", words, {**found, "old_catches": 0}, None)
    return _row("recall at equal alarm burden", words, found, bool(difference.low > -wanted.margin))


def _at_thresholds(policy: AlertPolicy, ledger: Ledger, burden: float) -> Float64:
    """Counts of the first tier at thresholds that lie dense where the burden is met, ``(P, T, len(COUNTS))``."""
    shape = replace(policy, red=None, red_clear=None)
    return ledger.by_patient(shape, ledger.dense(shape, burden, (POINTS, _FINE)))


def _reference(side: Float64, own: Float64, of: Stays) -> Float64:
    """Counts of the old policy by patient, with the onsets and time of the comparison, ``(P, len(COUNTS))``."""
    first = np.unique(of.whole, return_index=True)[1]
    found = side[:, 0].copy()
    found[:, :_CHANGING] = 0
    np.add.at(found[:, :_CHANGING], of.patient[first], own[:, :_CHANGING])
    return found


def judge_as_they_stand(old: Side, new: Side, wanted: RecallCriterion, replicates: int) -> dict[str, Any]:
    """Non-inferior recall of the two policies as they would be used, both tiers, whatever alarms they raise.

    A new model that ranks well catches nothing under a threshold that is too high. Recall is of the onsets that either could
    warn of.

    Args:
        old: the old side.
        new: the new one; its settings say what a useful alert is.
        wanted: the margin.
        replicates: resamples of patients.
    """
    search, reset = new.model.settings.alerting, int(old.policy.reset)
    scores, whole = [side.spells(reset)[0] for side in (old, new)], new.spells(reset)[1]
    of = comparable(whole, scores, search)
    seen = [evaluate(risks, of, side.policy, search) for side, risks in zip((old, new), scores, strict=True)]
    drawn = [measure("recall", resample(one.by_patient, replicates)) for one in seen]
    before, after = (one.measure("recall") for one in seen)
    difference = interval(after - before, drawn[1] - drawn[0])
    words = f"lower bound of new − old above −{wanted.margin:g}, and something caught"
    passed = bool(difference.low > -wanted.margin and after > 0) if before > 0 or after > 0 else None
    return _row("recall of the policies as they stand", words,
                {"old": before, "new": after, "difference": [*difference]}, passed)  # fmt: skip


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
    patient, found = side.study.whole_stays().patient, []
    words = f"short of the others by at most {wanted.tolerance:g}, or by chance"
    for kind, name, members in groups:
        if kind not in wanted.kinds or members.all():
            continue
        label = f"recall in group {kind} {name}"
        with_event = [len(np.unique(patient[chosen & (counts[:, _PREDICTABLE] > 0)])) for chosen in (members, ~members)]
        if min(with_event) < wanted.fewest:
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
    """Slope, ICI and observed over expected over the rows whose label may be used, at the model's own horizon.

    Args:
        side: the new one.
        wanted: bounds of all three.
    """
    rows = side.study.usable & np.isfinite(side.risk)
    label, risk = side.study.label[rows], side.risk[rows].astype(np.float64)
    low, high = wanted.slope
    least, most = wanted.observed_to_expected
    words = {
        "slope": f"{low:g} to {high:g}", "ICI": f"at most {wanted.ici:g}", "observed / expected": f"{least:g} to {most:g}",
    }  # fmt: skip
    if side.prevalence is not None or not enough(label, side.study.subject_id[side.study.rows.bed[rows]]):
        few = {"fewer_events_than": FEWEST} if side.prevalence is None else {"sampled": True}
        return [_row(f"calibration {name}", text, few, None) for name, text in words.items()]
    found = calibration_of(label, risk)
    slope, far, ratio = found["slope"], found["ici"], found["observed_to_expected"]
    passed = (low <= slope <= high, far <= wanted.ici, least <= ratio <= most)
    return [
        _row(f"calibration {name}", text, {"new": value}, bool(good))
        for (name, text), value, good in zip(words.items(), (slope, far, ratio), passed, strict=True)
    ]


def _row(criterion: str, wanted: str, found: dict[str, Any], passed: bool | None) -> dict[str, Any]:
    return {"criterion": criterion, "wanted": wanted, "found": found, "passed": passed}
