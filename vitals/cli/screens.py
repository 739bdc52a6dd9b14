"""One screen for a person, out of all the figures a flow returned (``--json`` prints them all)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from vitals.report.held import said_of_a_sample
from vitals.report.words import dig, interval, known, number, percent, score

Figures = Mapping[str, Any]


def checked(figures: Figures) -> list[str]:
    """Counts, how stays ended where that is known, then every finding on a line of its own, errors first.

    Example:
        >>> finding = {"level": "error", "where": "site A, ph", "came": "735", "wanted": "6.3 to 8", "cure": "check it"}
        >>> checked({"cohort": "icu", "errors": 1, "warnings": 0, "notes": 0, "ended": {"home": 7}, "findings": [finding]})
        ['icu: 1 errors, 0 warnings, 0 notes', '  stays ended: 7 home', '  error: site A, ph: 735; wanted 6.3 to 8; check it']
    """
    counts = ", ".join(f"{number(figures.get(level))} {level}" for level in ("errors", "warnings", "notes"))
    findings = figures.get("findings", [])
    found = ("  {level}: {where}: {came}; wanted {wanted}; {cure}".format(**finding) for finding in findings)
    ended = ", ".join(f"{number(count)} {word}" for word, count in figures.get("ended", {}).items())
    return [f"{figures.get('cohort')}: {counts}", *([f"  stays ended: {ended}"] if ended else []), *found]


def trained(figures: Figures) -> list[str]:
    """What training used, how far it came, and how well the four ways of running the model agree.

    Example:
        >>> trained({"model": "models/x", "stays": {"train": 140}, "epochs": 6, "validation_loss": 0.21,
        ...          "parity": {"torch_onnx": 6e-8}})[0]
        'models/x: 6 epochs on 140 stays, validation loss 0.21'
    """
    parity = dig(figures, "parity") or {}
    lines = [
        f"{figures.get('model')}: {number(figures.get('epochs'))} epochs on {number(dig(figures, 'stays', 'train'))} stays, "
        f"validation loss {number(figures.get('validation_loss'))}",
        "parity: " + ", ".join(f"{name.replace('_', ' ')} {_small(value)}" for name, value in parity.items()),
    ]
    found = dig(figures, "search")
    if found:
        lines.append(
            f"search: {number(found.get('trials'))} trials, validation loss {number(found.get('best_validation_loss'))} "
            f"against {number(found.get('first_validation_loss'))} of the settings as they were"
        )
    left_out = dict(dig(figures, "left_out") or {})
    repaired = left_out.pop("repaired", 0)
    if repaired:
        lines.append(f"samples converted from another unit: {number(repaired)}")
    if left_out:
        lines.append("samples left out: " + ", ".join(f"{name} {number(count)}" for name, count in left_out.items()))
    return lines


def tuned(figures: Figures) -> list[str]:
    """The policy that was found, what it does on the patients it was found on, what it replaces, and the next best.

    Example:
        >>> tuned({"goal": "most of it", "policy": {"threshold": 0.31, "red": 1.0, "silence": "6h"}, "recall": 0.7,
        ...        "alarms_per_100_patient_days": 4.9})[:2]
        ['most of it', 'all alerts: recall 70% at 4.9 alarms per 100 patient-days, on the patients it was tuned on']
    """
    policy, again = dict(dig(figures, "policy") or {}), dig(figures, "retuned", "recall")
    tiers = "both tiers together" if _has_red(policy) else "all alerts"
    lines = [
        str(figures.get("goal")),
        f"{tiers}: recall {percent(figures.get('recall'))} at {_burden(figures)} alarms per 100 patient-days, "
        "on the patients it was tuned on",
        *([f"the first tier alone, tuned again on patients drawn anew: recall {interval(again)}"] if again else []),
        f"policy: threshold {number(policy.get('threshold'))}, clear below {number(policy.get('clear'))}, "
        f"persistence {policy.get('persistence')}, silence {policy.get('silence')}, re-arm {policy.get('rearm')}",
    ]
    if _has_red(policy):
        lines.append(f"second tier: red from {number(policy['red'])}, clear below {number(policy.get('red_clear'))}")
    if figures.get("replaced"):
        lines.append(_replaced(figures["replaced"]))
    if known(figures.get("policies")):
        took = f" in {number(figures.get('search_seconds'), 2)} s" if known(figures.get("search_seconds")) else ""
        lines.append(f"{number(figures['policies'])} policies tried{took}; the first tier alone, its best shapes:")
    lines += [
        f"  recall {percent(one.get('recall'))} at {_burden(one)}: threshold {number(one.get('threshold'))}, "
        f"silence {one.get('silence')}, re-arm {one.get('rearm')}, clear below {number(one.get('clear'))}"
        for one in figures.get("best", [])[:5]
    ]
    return lines + [f"note: {warning}" for warning in figures.get("warnings", [])]


def _has_red(policy: Figures) -> bool:
    return known(policy.get("red")) and policy["red"] < 1


def _replaced(policy: Figures) -> str:
    """The policy that is gone, in words; ``--json`` prints all of it."""
    red = f", red from {number(policy.get('red'))}" if _has_red(policy) else ""
    tuned = str(policy.get("tuned_on") or "")
    whose = f"tuned on patients {tuned[:8]}" if tuned else "not tuned, or not known on whom"
    return f"replaces the policy with threshold {number(policy.get('threshold'))}{red}, {whose}"


def evaluated(figures: Figures) -> list[str]:
    """Events caught at what burden, NEWS2 beside it, lead time, then the figures that ignore alerts, each with its unit.

    Example:
        >>> evaluated({"part": "held_out", "stays": 20, "patients": 19, "rows": 900,
        ...            "ranking": {"step": {"ranked": 900, "auroc": [0.831, 0.8, 0.86], "auprc": None}}})[:2]
        ['part held_out: 20 stays of 19 patients, 900 rows', 'per step (rows): AUROC 0.831 (0.800 to 0.860), AUPRC –']
    """
    where = f"part {figures.get('part')}: {number(figures.get('stays'))} stays of {number(figures.get('patients'))} patients"
    sample = said_of_a_sample(figures)
    lines = [f"{where}, {number(figures.get('rows'))} rows", *([sample] if sample else []), *_alerts(figures)]
    lines += [_ranked("per step (rows)", figures, "step"), _ranked("per stay (its highest risk)", figures, "stay")]
    lines.append(_calibrated(figures))
    utility = dig(figures, "challenge_2019", "utility")
    if known(utility):
        lines.append(f"challenge 2019 utility {score(utility)}")
    return lines + [f"note: {warning}" for warning in figures.get("warnings", [])]


def _ranked(words: str, figures: Figures, unit: str) -> str:
    found = dig(figures, "ranking", unit) or {}
    if found.get("ranked") is not None and found.get("auroc") is None:
        return f"{words}: AUROC and AUPRC not given, with positive or negative ones of fewer than ten patients"
    return f"{words}: AUROC {interval(found.get('auroc'), score)}, AUPRC {interval(found.get('auprc'), score)}"


def _calibrated(figures: Figures) -> str:
    names = {"slope": "slope", "ici": "ICI", "ece": "ECE"}
    found = ", ".join(f"{words} {number(dig(figures, 'calibration', name))}" for name, words in names.items())
    return f"calibration of rows: observed/expected {number(figures.get('observed_to_expected'))}, {found}"


def _alerts(figures: Figures) -> list[str]:
    alerts = dig(figures, "alerts")
    if alerts is None:
        return ["no alert policy yet: `vitals tune` writes one"] if "news2" in figures else []
    bounds, beside = dig(alerts, "intervals") or {}, dig(figures, "news2", "at_equal_burden")
    shift = interval(bounds.get("alarms_per_nurse_shift"), number)
    lines = [
        f"recall {interval(bounds.get('recall'))} at {_burden(alerts)} alarms per 100 patient-days; "
        f"per nurse and 12-hour shift {shift} alarms, with {number(alerts.get('beds_per_nurse'))} beds a nurse",
        f"precision {interval(bounds.get('precision'))}, alerts to see for one true {number(alerts.get('needed_to_evaluate'))}, "
        f"median lead {number(dig(alerts, 'lead_hours', 'median'))} h",
        *_indeterminate(alerts), *_leads(alerts),
    ]  # fmt: skip
    if beside is not None:
        recall = (
            interval(dig(beside, "intervals", "recall")) if "intervals" in beside else percent(beside.get("recall"))
        )
        lines.insert(1, f"NEWS2 at no more alarms: recall {recall} at {_burden(beside)}")
    return lines


def _indeterminate(alerts: Figures) -> list[str]:
    """Alerts after which the record ends too early, where there are any, and what hangs on them."""
    count, (low, high) = (
        dig(alerts, "indeterminate", "alerts"),
        dig(alerts, "indeterminate", "precision_range") or (None, None),
    )
    if not known(count) or not count:
        return []
    hangs = f": precision {percent(low)} were all of them false, {percent(high)} were all true" if known(low) else ""
    return [f"indeterminate alerts, after which the record ends too early: {number(count)}{hangs}"]


def _leads(alerts: Figures) -> list[str]:
    shares = dig(alerts, "recall_by_lead_hours") or {}
    told = ", ".join(f"{hours} h {percent(share)}" for hours, share in shares.items())
    return [f"recall by alerts at least so long before the onset: {told}"] if told else []


def _small(value: object) -> str:
    """A difference as its size, a count as it is."""
    return f"{value:.1g}" if isinstance(value, float) and known(value) else number(value)


def _burden(figures: Figures) -> str:
    return number(figures.get("alarms_per_100_patient_days"), 2)
