"""The traps that make early-warning models look better than they are, each looked for in this very evaluation."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from vitals.alerting.stays import patients_digest
from vitals.flows.report_evidence import Evidence
from vitals.report.robustness import guards

Found = tuple[str, str]
PASS, WARN, NOT_APPLICABLE = "pass", "warn", "not applicable"
_ENRICHED, _RICHER, _FAR = 0.5, 1.5, 1.25


def pitfall_figures(evidence: Evidence) -> list[dict[str, str]]:
    """Each trap with ``pass``, ``warn`` or ``not applicable`` and the reason, then what the guards of the evaluation said."""
    found = [
        {"pitfall": name, "result": (told := look(evidence))[0], "reason": told[1]} for name, look in _LOOKS.items()
    ]
    return found + guards(evidence.judged.figures.get("guards") or ())


def _after_onset(evidence: Evidence) -> Found:
    if evidence.alerts is None:
        return NOT_APPLICABLE, "no policy was judged"
    fired = evidence.alerts.fired
    late = int((evidence.risks.time[fired] > evidence.stays.onset[evidence.risks.stay[fired]]).sum())
    return PASS, f"alerts count until the onset; {late} later ones were not looked at"


def _care_process(_: Evidence) -> Found:
    return (
        WARN,
        "a cohort folder does not say when staff recognised the event, so alerts that only follow their suspicion are not "
        "told apart (vitals.alerting.evaluate on data frames does, from a column recognised)",
    )


def _clock(evidence: Evidence) -> Found:
    settings = evidence.judged.model.settings
    if settings.network.clock:
        return WARN, "time since admission is an input: where records end at the event, it tells the end of the record"
    if "hospital_hours" in settings.channels:
        return PASS, "time since admission to the unit is no input (the hours in hospital before it are)"
    return PASS, "time since admission is no input"


def _split(evidence: Evidence) -> Found:
    judged = evidence.judged
    if len(judged.study.stay_id) == len(judged.whole.stay_id):
        return NOT_APPLICABLE, "the whole cohort was judged, none of it set apart"
    mine = set(judged.study.subject_id)
    others = set(judged.whole.subject_id[~np.isin(judged.whole.stay_id, judged.study.stay_id)])
    shared = len(mine & others)
    return (WARN if shared else PASS), f"split by patient; {shared} patients of this part are in another part too"


def _threshold(evidence: Evidence) -> Found:
    policy = evidence.judged.policy
    if policy is None:
        return NOT_APPLICABLE, "no policy was judged"
    if not policy.tuned_on:
        return WARN, "the policy does not say on which patients it was tuned"
    same = policy.tuned_on == patients_digest(evidence.judged.study.subject_id)
    return (
        (WARN, "the policy was tuned on these patients")
        if same
        else (PASS, "the policy was tuned on another set of patients")
    )


def _censoring(evidence: Evidence) -> Found:
    lost, unknown = (
        int(evidence.stays.lost.sum()),
        evidence.judged.figures.get("alerts", {}).get("indeterminate_alerts"),
    )
    if not lost:
        return WARN, "no stay is marked as lost to follow-up, so every end of a record counts as the end of the danger"
    return PASS, f"{lost} stays are lost to follow-up; {unknown} alerts count as neither true nor false"


def _competing(evidence: Evidence) -> Found:
    settings, kinds = evidence.judged.model.settings, set(evidence.cohort.outcomes["kind"])
    if settings.label.kind == "death":
        return NOT_APPLICABLE, "death is the event itself"
    if "death" in kinds:
        return WARN, "the cohort records deaths, but patients who died without the event count as never in danger here"
    return WARN, "the cohort records no deaths, so patients who died without the event count as never in danger"


def _cadence(evidence: Evidence) -> Found:
    policy, step = evidence.judged.policy, evidence.judged.model.settings.window.step
    if policy is None:
        return NOT_APPLICABLE, "no policy was judged"
    if not policy.cadence:
        return WARN, f"scores come every {step.text}; the policy does not say for which cadence it was tuned"
    same = policy.cadence == step
    return (PASS if same else WARN), f"scores come every {step.text}, the policy was tuned for {policy.cadence.text}"


def _subsampled(evidence: Evidence) -> Found:
    about, share = evidence.judged.model.about, float(evidence.stays.has_onset.mean())
    made_from = sum((about.get("stays") or {}).values())
    usual = about.get("onsets", 0) / made_from if made_from else None
    told = f"{share:.1%} of the stays have an onset" + (
        f", {usual:.1%} in the data the model was made from" if usual else ""
    )
    if share > _ENRICHED or (usual and share > _RICHER * usual):
        return WARN, told + ": if controls were left out, precision and burden mean nothing"
    return PASS, told


def _weights(evidence: Evidence) -> Found:
    ratio = evidence.judged.figures.get("observed_to_expected")
    if ratio is None:
        return NOT_APPLICABLE, "nothing to calibrate against"
    close = 1 / _FAR <= ratio <= _FAR
    return (
        PASS if close else WARN
    ), f"observed over expected is {ratio:.2f}; 1 is right, and far from it tells of weights"


def _deployed(evidence: Evidence) -> Found:
    return (
        NOT_APPLICABLE,
        f"{len(evidence.stays)} past stays; after go-live treatment changes the outcome it was called for",
    )


def _same_rules(evidence: Evidence) -> Found:
    if evidence.bedside is None:
        return NOT_APPLICABLE, "the model reads none of NEWS2's signals"
    return PASS, "NEWS2 is computed from the same rows, each value carried at most eight hours"


_LOOKS: dict[str, Callable[[Evidence], Found]] = {
    "alerts after the onset counted as hits": _after_onset,
    "labels that leak through the care process": _care_process,
    "the clock as an input": _clock,
    "rows of one patient in several parts": _split,
    "a threshold chosen on the judged patients": _threshold,
    "records that end too early": _censoring,
    "death instead of the event": _competing,
    "another cadence than the policy was tuned for": _cadence,
    "controls left out": _subsampled,
    "class weights or oversampling": _weights,
    "a model that was already acted on": _deployed,
    "NEWS2 under other rules for missing values": _same_rules,
}
