"""The sections of the page; each is None where there is nothing to show."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from vitals.report.cells import stacked
from vitals.report.charts import lead_figure, operating_figure
from vitals.report.headline import headline
from vitals.report.held import said_of_a_sample
from vitals.report.markup import Markup, element, section, table
from vitals.report.record import PART_USE, PART_WORDS, PARTS, Record
from vitals.report.words import DASH, known, number, percent, score, span

_MEASURES: tuple[tuple[str, str, Callable[[object], str]], ...] = (
    ("recall", "recall of predictable onsets", percent),
    ("recall_of_all", "recall of all onsets", percent),
    ("precision", "precision, every true alarm counted", percent),
    ("precision_first_per_event", "precision, first true alarm of an onset counted", percent),
    ("needed_to_evaluate", "alarms for one true one (number needed to evaluate)", number),
    ("alarms_per_100_patient_days", "alarms per 100 patient-days", number),
    ("alarms_per_nurse_shift", "alarms per nurse and 12-hour shift", number),
)


def verdict(record: Record) -> Markup:
    """The headline box."""
    first, *others = headline(record)
    return element(
        "section", element("p", first, class_="first"), *(element("p", words) for words in others), class_="verdict"
    )


def warnings(record: Record) -> Markup | None:
    """What the reader must know before believing a figure."""
    found = [str(warning) for warning in record.get("warnings") or ()]
    return element("ul", *(element("li", f"Warning: {words}") for words in found), class_="warnings") if found else None


def patients(record: Record) -> Markup:
    """Whose stays made the model, and whose stays judge it."""
    by_part = record.model.about.get("stays") or {}
    made = [[PART_WORDS[part], PART_USE[part], number(by_part.get(part))] for part in PARTS if part in by_part]
    judged = [
        ["patients", number(record.get("patients"))], ["stays", number(record.get("stays"))],
        ["rows", number(record.get("rows"))],
        ["patient-days at risk", number(record.get("alerts", "patient_days"), 4)],
        ["onsets", number(record.get("alerts", "onsets"))],
        ["onsets that could be predicted", number(record.get("alerts", "predictable_onsets"))],
        ["rows that are positive", percent(record.get("prevalence"))],
    ]  # fmt: skip
    told = (
        f"Split by patient. Sites: {', '.join(record.model.about.get('sites') or []) or DASH}; "
        f"onsets in all parts: {number(record.model.about.get('onsets'))}."
    )
    return section(
        "Patients", element("p", told),
        table(["part", "used for", "stays"], made, "The data the model was made from", "words") if made else None,
        table(["", "number"], [row for row in judged if row[1] != DASH], f"Evaluated here: {record.part}"),
    )  # fmt: skip


def alerts(record: Record) -> Markup | None:
    """What the policy did, beside NEWS2 held to as many alarms."""
    if not record.get("alerts"):
        return None
    theirs = record.get("news2", "at_equal_burden") or {}
    ours, other, gap = (
        record.get("alerts", "intervals") or {},
        theirs.get("intervals") or {},
        theirs.get("difference") or {},
    )
    rows = [
        [
            words,
            stacked(ours.get(name), show),
            stacked(other.get(name), show),
            stacked(gap.get(name), *_signed(show)),
        ]
        for name, words, show in _MEASURES
        if name in ours or name != "alarms_per_nurse_shift"
    ]
    head = ["with 95% interval", "model", "NEWS2 with no more alarms", "difference at the burden of that NEWS2"]
    return section(
        "Alerts", element("p", _policy(record)), _sample(record), table(head, rows), table(["alarms", "number"], _counts(record)),
        element("p", "Intervals resample patients; the difference is taken on the same resamples.", class_="note"),
    )  # fmt: skip


def _sample(record: Record) -> Markup | None:
    words = said_of_a_sample(record.figures)
    return element("p", words) if words else None


def _signed(show: Callable[[object], str]) -> tuple[Callable[[object], str], str]:
    """How a difference is written: with its sign, and in percentage points where the figure is in per cent."""
    scale = 100 if show is percent else 1

    def words(value: object) -> str:
        if not known(value):
            return DASH
        return ("+" if value > 0 else "") + number(round(scale * value, 3)).replace("-", "−")

    return words, " pp" if show is percent else ""


_REARM = {
    "below_clear": "and no new alarm before the risk has been below {clear}",
    "escalate": "and no new alarm before the risk has been below {clear}, or has risen clearly",
    "first_only": "and no second alarm of a stay",
}
_HELD = {"silence": "the silence", "episode": "the episode that had its alarm", "acknowledged": "an acknowledgement",
         "cap": "the bound of a day", "event": "an event"}  # fmt: skip


def _policy(record: Record) -> str:
    """The policy judged, in words."""
    policy = record.get("alerts", "policy") or {}
    k, n = (*(policy.get("persistence") or ()), 1, 1)[:2]
    words = f"Policy: alarm when the risk is {number(policy.get('threshold'))} or more"
    if known(n) and n > 1:
        words += f" in {number(k)} of the last {number(n)} scores"
    words += f"; then silence for {span(policy.get('silence'))}"
    if policy.get("rearm") in _REARM:
        words += ", " + _REARM[policy["rearm"]].format(clear=number(policy.get("clear")))
    red = policy.get("red")
    if known(red) and red < 1:
        words += f". The red tier begins at a risk of {number(red)}, whatever silences the other"
    return words + "."


def _counts(record: Record) -> list[Sequence[str]]:
    names = {
        "alerts": "raised until the onset", "amber_alerts": "of the amber tier", "red_alerts": "of the red tier",
        "true_alerts": "true", "false_alerts": "false", "late_alerts": "too late to be a warning",
        "indeterminate_alerts": "neither true nor false: the record ends too early",
    }  # fmt: skip
    found = record.get("alerts")
    rows = [[words, number(found[name])] for name, words in names.items() if name in found]
    held = found.get("suppressed") or {}
    rows += [[f"held back by {_HELD.get(reason, reason)}", number(count)] for reason, count in held.items()]
    if "alarm_concentration" in found:
        rows.append(["share raised by the tenth of stays with the most", percent(found["alarm_concentration"])])
    return [*rows]


def operating(record: Record) -> Markup | None:
    """The operating curve."""
    figure = operating_figure(record)
    return section("What each alarm burden buys", figure) if figure else None


def lead(record: Record) -> Markup | None:
    """The lead-time curve."""
    figure = lead_figure(record)
    if figure is None:
        return None
    low, high = record.get("alerts", "lead_hours", "quartiles") or (None, None)
    middle = record.get("alerts", "lead_hours", "median")
    words = (
        f"Median lead of the onsets caught: {number(middle)} h (quartiles {number(low)} and {number(high)} h). "
        "The curve is of all predictable onsets, caught or not."
    )
    return section("How early", element("p", words), figure)


def triggers(record: Record) -> Markup | None:
    """NEWS2 as wards use it."""
    rows = [
        [f"NEWS2 ≥ {points}", percent(theirs.get("recall")), percent(theirs.get("precision")),
         number(theirs.get("alarms_per_100_patient_days")), number(theirs.get("median_lead_hours")),
         percent(theirs.get("model_recall_at_equal_burden"))]
        for points in (5, 7) if (theirs := record.get("news2", f"at_least_{points}"))
    ]  # fmt: skip
    head = ["", "recall", "precision", "alarms / 100 pd", "median lead, h", "model's recall at that burden"]
    note = (
        "NEWS2 reads the same rows: a value counts as long as the settings carry it, at most eight hours; a missing "
        "component scores 0."
    )
    return section("NEWS2 as wards use it", table(head, rows), element("p", note, class_="note")) if rows else None


def challenge(record: Record) -> Markup | None:
    """The utility of the 2019 challenge, where the model was trained towards it."""
    found = record.get("challenge_2019")
    if not found:
        return None
    rows = [["all" if name == "utility" else name.removeprefix("utility_"), score(value)]
            for name, value in found.items() if name.startswith("utility")]  # fmt: skip
    words = (
        f"Normalised utility of calling each hour with a risk of {number(found.get('threshold'))} or more; that "
        f"threshold was chosen on the {PART_WORDS.get(str(found.get('tuned_on')), str(found.get('tuned_on')))} part. "
        "For comparison with the literature: it knows no silence and no workload."
    )
    return section("Utility of the 2019 challenge", element("p", words), table(["site", "utility"], rows))
