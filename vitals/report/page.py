"""The evaluation as one HTML file: it needs no script, asks nobody for anything, and prints."""

from __future__ import annotations

import importlib.resources
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from vitals.report import benefit, groups, patients, provenance, ranking, reliability, robustness, sections, timelines
from vitals.report.card import write_card
from vitals.report.markup import Markup, element, join
from vitals.report.record import Record, read_record
from vitals.report.words import number, span
from vitals.scoring.model import Model

REPORT_FILE = "report.html"
NOTICE = "Research use only: not a medical device."
_HEADING = re.compile(r'<section id="([^"]*)"><h2>(.*?)</h2>')


def write_report(folder: Path, model: Model, figures: Mapping[str, Any]) -> list[Path]:
    """Write ``report.html``, ``card.md`` and ``card.json`` into a model folder.

    Args:
        folder: the model folder; what its ``run.json`` and ``metrics.json`` hold is shown too.
        model: the opened model.
        figures: what :func:`vitals.flows.evaluation.evaluate_model` found; figures that are missing, None or NaN are
            shown as a dash, and a section without any is left out.

    Returns:
        The files written.

    Example:
        >>> write_report(Path("models/mine"), model, figures)  # doctest: +SKIP
    """
    file = folder / REPORT_FILE
    file.write_text(page(read_record(folder, model, figures)), "utf-8")
    return [file, *write_card(folder, model, figures)]


def page(record: Record) -> Markup:
    """The whole page."""
    title = f"{record.settings.name}: {record.outcome}"
    style = importlib.resources.files("vitals.report").joinpath("page.css").read_text("utf-8")
    head = element(
        "head", Markup('<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'),
        # nothing may be fetched, whatever a name in the data tries
        Markup("<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"),
        element("title", title), element("style", Markup(style)),
    )  # fmt: skip
    body = element(
        "body", element("p", NOTICE, class_="notice", role="note"),
        element("main", element("h1", title), element("p", _about(record), class_="about"), *_sections(record),
                provenance.footer(record)),
    )  # fmt: skip
    return join([Markup("<!doctype html>\n"), element("html", head, body, lang="en"), "\n"])


def _sections(record: Record) -> list[Markup | None]:
    """In the order in which a reader needs them; what was not computed is left out."""
    told = [
        patients.flow(record), patients.table_one(record), sections.patients(record), ranking.discrimination(record),
        sections.operating(record), sections.alerts(record), sections.triggers(record), sections.lead(record),
        reliability.calibration(record), reliability.distribution(record), benefit.decisions(record),
        benefit.alert_benefit(record), groups.subgroups(record), groups.sites(record), timelines.cases(record),
        robustness.stress(record), robustness.pitfalls(record), sections.challenge(record), provenance.parity(record),
    ]  # fmt: skip
    return [sections.warnings(record), sections.verdict(record), _contents(told), *told]


def _contents(told: Sequence[Markup | None]) -> Markup:
    """Links to the sections of this very page."""
    headings = [_HEADING.match(part) for part in told if part]
    links = (element("li", element("a", Markup(found[2]), href=f"#{found[1]}")) for found in headings if found)
    return element("nav", element("ul", *links), aria_label="Contents")


def _about(record: Record) -> str:
    return (
        f"{_made_of(record)}, scored every {span(record.settings.window.step.text)}. Evaluated on "
        f"{number(record.get('stays'))} stays of {number(record.get('patients'))} patients: {record.part}."
    )


def _made_of(record: Record) -> str:
    """The kinds of network in the file: ``"2 GRU and 1 BOOSTING in one file"``."""
    shape = record.settings.network
    kinds = [(shape.members, shape.kind), *((1, kind) for kind in shape.beside)]
    if len(kinds) == 1 and shape.members == 1:
        return f"A {shape.kind.upper()}"
    return " and ".join(f"{many} {kind.upper()}" for many, kind in kinds) + " in one file"
