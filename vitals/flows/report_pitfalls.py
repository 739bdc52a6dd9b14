"""The traps that make early-warning models look better than they are, each looked for in this very evaluation."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from vitals.bedside.news2 import SIGNALS as NEWS2_SIGNALS
from vitals.bedside.risk import CARRIED_HOURS
from vitals.flows.report_evidence import Evidence
from vitals.spec.duration import HOUR

Found = tuple[str, str]
PASS, WARN, UNKNOWN, NOT_APPLICABLE = "pass", "warn", "not known", "not applicable"
_FAR = 1.25


_GUARDS = {
    "hits_after_onset": "alerts after the onset counted as hits",
    "recognition": "labels that leak through the care process",
    "clock": "the clock in place of the patient",
    "split_by_patient": "rows of one patient in several parts",
    "training_patients": "patients the model was trained on",
    "tuning_patients": "a threshold chosen on the judged patients",
    "competing_death": "death instead of the event",
    "cadence": "another cadence than the policy was tuned for",
    "sampling": "cases or controls left out",
}
_RESULTS = {"ok": PASS, "unknown": UNKNOWN, "warning": WARN, "refused": WARN}


def pitfall_figures(evidence: Evidence) -> list[dict[str, str]]:
    """Each trap with ``pass``, ``warn``, ``not known`` or ``not applicable`` and the reason: what the guards of the
    evaluation found, and traps that no figure tells of.
    """
    guards = {one["guard"]: one for one in evidence.judged.figures["guards"]}
    found = [_entry(title, *_of_guard(guards.get(guard))) for guard, title in _GUARDS.items()]
    return found + [_entry(title, *look(evidence)) for title, look in _LOOKS.items()]


def _entry(title: str, result: str, reason: str) -> dict[str, str]:
    return {"pitfall": title, "result": result, "reason": reason}


def _of_guard(one: Mapping[str, str] | None) -> Found:
    if one is None:
        return NOT_APPLICABLE, "no policy was judged"
    return _RESULTS[one["level"]], "; ".join(one[name] for name in ("said", "cure") if one[name])


def _censoring(evidence: Evidence) -> Found:
    if evidence.judged.study.ended is None:
        return UNKNOWN, "not known how stays ended, so every end of a record counts as the end of the danger"
    lost = int(evidence.stays.lost.sum())
    unknown = evidence.judged.figures.get("alerts", {}).get("indeterminate_alerts", 0)
    return PASS, f"{lost} stays are lost to follow-up; {unknown} alerts count as neither true nor false"


def _after_onset(evidence: Evidence) -> Found:
    if evidence.judged.model.settings.label.after_onset == "positive":
        return WARN, (
            "rows after the onset count as positive, as the model's settings say and as the 2019 challenge counts them: "
            "AUROC and calibration of rows are not those of patients still at risk; alerts are judged until the onset"
        )
    return PASS, "rows from the onset on are left out"


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
    if evidence.judged.news2 is None:
        return NOT_APPLICABLE, "the model reads none of NEWS2's signals"
    channels = evidence.judged.model.settings.signals
    longer = [name for name in NEWS2_SIGNALS if name in channels and channels[name].max_age > CARRIED_HOURS * HOUR]
    if longer:
        return WARN, (
            f"in NEWS2 a value counts for eight hours, as on a ward; the model may read older ones of {', '.join(longer)}"
        )
    return PASS, "NEWS2 is computed from the same rows, each value carried at most eight hours"


_LOOKS: dict[str, Callable[[Evidence], Found]] = {
    "records that end too early": _censoring,
    "rows after the onset ranked too": _after_onset,
    "class weights or oversampling": _weights,
    "a model that was already acted on": _deployed,
    "NEWS2 under other rules for missing values": _same_rules,
}
