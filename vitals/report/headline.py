"""The evaluation in a few sentences: what was caught, at what price, and what NEWS2 did at the same price."""

from __future__ import annotations

from vitals.report.held import said_of_a_sample, withheld
from vitals.report.record import Record
from vitals.report.words import interval, known, number, percent, score

_ALARMS = "alarms_per_100_patient_days"
_WARD_BEDS = 20


def headline(record: Record) -> list[str]:
    """Sentences for the top of the page and the card; what was not computed is not said."""
    if not record.figures:
        return ["This model has not been evaluated yet."]
    sample = said_of_a_sample(record.figures)
    told = [sample] if sample else []
    if withheld(record.figures):
        return [_caught(record) if record.get("alerts") else _without_policy(record)[0], *told, *_few(record)]
    if not record.get("alerts"):
        return [*_without_policy(record), *told, *_beside_triggers(record)]
    return [_caught(record), *told, _price(record), *_beside_news2(record), *_few(record)]


def _caught(record: Record) -> str:
    """What was caught and at how many alarms; where these are held back, a later sentence says so."""
    burden = record.get("alerts", _ALARMS)
    at = f", at {number(burden)} alarms per 100 patient-days" if known(burden) or not withheld(record.figures) else ""
    found, there = record.get("alerts", "detected_onsets"), record.get("alerts", "predictable_onsets")
    around = record.get("alerts", "intervals", "recall") or [record.get("alerts", "recall"), None, None]
    return (
        f"The model warned of {interval(around)} of the onsets that could be predicted "
        f"({number(found)} of {number(there)}){at}."
    )


def _price(record: Record) -> str:
    """What the alarms cost a nurse; a part that has no number is left out."""
    needed, lead = record.get("alerts", "needed_to_evaluate"), record.get("alerts", "lead_hours", "median")
    burden = record.get("alerts", _ALARMS)
    parts = []
    if known(needed):
        parts.append(f"One alarm in {number(needed, 2)} was a true one")
    if known(lead):
        parts.append(f"half of the onsets caught were announced {number(lead, 2)} hours before or earlier")
    words = "; ".join(parts) + ". " if parts else ""
    if known(burden):
        words += f"On a ward of {_WARD_BEDS} beds that is {_pace(burden * _WARD_BEDS / 100)}."
    return words.strip()


def _pace(a_day: float) -> str:
    """How often, in words.

    Example:
        >>> _pace(12.0), _pace(1.0), _pace(0.25), _pace(0.0)
        ('about 12 alarms a day', 'about one alarm a day', 'about one alarm every 4 days', 'no alarm at all')
    """
    if a_day <= 0:
        return "no alarm at all"
    if a_day >= 1.5:
        return f"about {number(a_day, 2)} alarms a day"
    days = round(1 / a_day)
    return "about one alarm a day" if days <= 1 else f"about one alarm every {days} days"


def _beside_news2(record: Record) -> list[str]:
    theirs = record.get("news2", "at_equal_burden")
    if not theirs:
        return []
    if theirs.get("threshold") is None and not theirs.get("recall"):
        return ["NEWS2 cannot keep to so few alarms at any of its thresholds."]
    recall = interval((theirs.get("intervals") or {}).get("recall") or [theirs.get("recall"), None, None])
    points = theirs.get("threshold_points")
    trigger = f"NEWS2 (at {number(points)} points)" if known(points) else "NEWS2"
    words = f"{trigger} with no more alarms warned of {recall}"
    lead = theirs.get("median_lead_hours")
    words += f", {number(lead, 2)} hours before in the median." if known(lead) else "."
    return [words, *_verdict(record)]


def _verdict(record: Record) -> list[str]:
    gap = record.get("news2", "at_equal_burden", "difference", "recall")
    if not gap or not all(map(known, gap)):
        return []
    around = f"{_points(gap[0])} percentage points ({_points(gap[1])} to {_points(gap[2])})"
    burden = number(record.get("news2", "at_equal_burden", "alarms_per_100_patient_days"), 3)
    held = f"Held to as many alarms as that NEWS2 raises ({burden} per 100 patient-days)"
    if gap[1] > 0:
        return [f"{held}, the model catches more: {around}."]
    if gap[2] < 0:
        return [f"{held}, the model catches less: {around}."]
    return [f"{held}, no difference between the two is proven: {around}."]


def _points(share: float) -> str:
    rounded = round(100 * share)
    return f"{rounded:+d}".replace("-", "−") if rounded else "0"


def _few(record: Record) -> list[str]:
    there = record.get("alerts", "predictable_onsets")
    if known(there) and there < 30:
        return [f"With {number(there)} onsets to judge by, the interval says more than the figure."]
    return []


def _without_policy(record: Record) -> list[str]:
    first = "No alert policy was given, so alerts were not judged; make one with: vitals tune."
    ranks = record.get("step_auroc")
    if not known(ranks):
        return [first]
    return [first, f"Row by row, the risk ranks with an AUROC of {score(ranks)}."]


def _beside_triggers(record: Record) -> list[str]:
    return [
        f"At the alarm burden of NEWS2 ≥ {points}, which warned of {percent(theirs.get('recall'))}, the model's risk "
        f"would have warned of {percent(theirs.get('model_recall_at_equal_burden'))}."
        for points in (5, 7)
        if (theirs := record.get("news2", f"at_least_{points}"))
    ]
