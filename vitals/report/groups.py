"""The same policy in parts of the cohort, as forest plots, and the sites beside each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from vitals.report.cells import stacked
from vitals.report.dots import Dot, Series, dot_chart
from vitals.report.markup import Markup, element, figure, section, table
from vitals.report.record import Record
from vitals.report.svg import BLUE, Axis, share_axis
from vitals.report.words import DASH, interval, number, percent, score


def subgroups(record: Record) -> Markup | None:
    """Recall at the shared policy and AUROC of each group; small groups are named, not judged."""
    groups = record.get("groups")
    if not groups:
        return None
    judged = [group for group in groups if group.get("shown")]
    fewest = next((group["fewer_onsets_than"] for group in groups if "fewer_onsets_than" in group), None)
    hidden = f" Groups in which fewer than {number(fewest)} patients had an onset are not judged." if fewest else ""
    note = f"One policy and one threshold for all.{hidden} Overlapping intervals prove no difference, and no equality either."
    return section(
        "Subgroups", element("p", note), *_plots(record, judged), table(_HEAD, [_row(one) for one in groups])
    )


_HEAD = ["group", "stays", "onsets", "AUROC of rows", "recall", "precision", "alarms / 100 pd", "observed / expected"]


def _row(group: Mapping[str, Any]) -> list[str]:
    name = _name(group)
    if not group.get("shown"):
        return [name, number(group.get("stays")), _under(group.get("fewer_onsets_than")), *[DASH] * 5]
    return [
        name, number(group.get("stays")), number(group.get("onsets")), stacked(group.get("step_auroc"), score),
        stacked(group.get("recall")), stacked(group.get("precision")),
        stacked(group.get("alarms_per_100_patient_days"), number), number(group.get("observed_to_expected")),
    ]  # fmt: skip


def _under(fewest: object) -> str:
    return f"fewer than {number(fewest)} patients"


def _name(group: Mapping[str, Any]) -> str:
    return f"{group.get('kind')}: {group.get('name')}"


def _plots(record: Record, judged: Sequence[Mapping[str, Any]]) -> list[Markup]:
    """Forest plots of recall (where there is a policy) and of AUROC, all patients first."""
    overall = record.get("alerts", "intervals", "recall"), record.get("ranking", "step", "auroc")
    sheets = (
        ("Recall of each group", "recall", share_axis("event recall at the shared policy"), overall[0], percent),
        ("AUROC of each group", "step_auroc", Axis("AUROC of rows", 0.4, 1.0, (0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)),
         overall[1], score),
    )  # fmt: skip
    plots = []
    for title, measure, axis, whole, words in sheets:
        rows = [("all patients", whole), *((_name(group), group.get(measure)) for group in judged)]
        rows = [(name, bounds) for name, bounds in rows if bounds]
        if len(rows) < 2:
            continue
        about = f"{title} with its 95% interval, of all patients first."
        dots = [Dot(*bounds) for _, bounds in rows]
        drawing = dot_chart(title, about, axis, [name for name, _ in rows], [Series("model", dots, BLUE)])
        body = [[name, interval(bounds, words)] for name, bounds in rows]
        plots.append(figure(drawing, about, ["group", "with 95% interval"], body))
    return plots


def sites(record: Record) -> Markup:
    """How the risk ranks rows and is calibrated, of all sites and of each; the alerts of a site where they were judged."""
    found = record.get("by_site") or {}
    judged = {group.get("name"): group for group in record.get("groups") or () if group.get("kind") == "site"}
    bounds = record.get("alerts", "intervals") or {}
    hidden = {name: group.get("fewer_onsets_than") for name, group in judged.items() if not group.get("shown")}
    found = {site: {"fewer_patients_than": hidden[site]} if site in hidden else ranks for site, ranks in found.items()}
    lines = [
        ("all", dict(record.figures), bounds),
        *((site, ranks, judged.get(site, {})) for site, ranks in found.items()),
    ]
    head = ["site", "AUROC of rows", "AUPRC of rows", "positive rows", "observed / expected"]
    rows = [[name, *_ranks(ranks)] for name, ranks, _ in lines]
    if judged:
        head += ["recall", "alarms / 100 pd"]
        rows = [
            [*row, stacked(alerts.get("recall")), stacked(alerts.get("alarms_per_100_patient_days"), number)]
            for row, (_, _, alerts) in zip(rows, lines, strict=True)
        ]
    note = (
        "Of rows, not of patients: long stays count more. Read it beside the recall of onsets above. "
        "Observed / expected is the positive rows there were over those the risks add up to; 1 is right."
    )
    return section("Sites", table(head, rows), element("p", note, class_="note"))


def _ranks(figures: Mapping[str, object]) -> list[str]:
    if "fewer_patients_than" in figures:
        return [_under(figures["fewer_patients_than"]), *[DASH] * 3]
    return [score(figures.get("step_auroc")), score(figures.get("step_auprc")), percent(figures.get("prevalence")),
            number(figures.get("observed_to_expected"))]  # fmt: skip
