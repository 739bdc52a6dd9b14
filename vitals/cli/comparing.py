"""The command ``compare``: a gate that a new model passes before it replaces an old one."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from vitals.cli import console
from vitals.cli.options import Data, Json

_WORDS = {True: "pass", False: "FAIL", None: "not judged"}


def compare(
    old: Annotated[Path, typer.Argument(metavar="OLD", help="The model in use: a folder with a policy, or a name.")],
    new: Annotated[Path, typer.Argument(metavar="NEW", help="The model that is to replace it.")],
    data: Data,
    criteria: Annotated[Path, typer.Option("--criteria", metavar="C.toml", help="What the new one must keep to.")],
    part: Annotated[
        Literal["train", "validation", "tuning", "held_out", "all"],
        typer.Option("--part", help="Which patients, by the splits of both models."),
    ] = "held_out",
    prevalence: Annotated[
        float | None,
        typer.Option("--prevalence", metavar="P", help="Share of stays with the event, where some were left out."),
    ] = None,
    json: Json = False,
) -> None:
    """Judge a new model beside an old one on the same patients: recall at equal burden, alarms, groups, calibration.

    Ends with 0 when every criterion passes, with 3 when one fails, with 1 or 2 when nothing could be compared.
    settings/criteria/default.toml has the criteria with their defaults, to copy and change.

    \b
    Example:
      vitals compare models/sepsis models/sepsis-new --data cohorts/icu --criteria settings/criteria/default.toml
    """
    from vitals.flows.comparing import compare as compare_models

    with console.progress() as report:
        summary = compare_models((old, new), data, criteria, part, report, prevalence=prevalence)
    console.show(summary, as_json=json, title="Compared", lines=_lines(summary))
    if not summary["passed"]:
        raise typer.Exit(3)


def _lines(summary: dict[str, Any]) -> list[str]:
    """A row a criterion, then the verdict."""
    rows, failed = summary["criteria"], [one["criterion"] for one in summary["criteria"] if one["passed"] is False]
    wide = max(len(one["criterion"]) for one in rows) if rows else 0
    table = [
        f"{_WORDS[one['passed']]:<10}  {one['criterion']:<{wide}}  {console.text(one['found'])} (wanted: {one['wanted']})"
        for one in rows
    ]
    unknown = [one["criterion"] for one in rows if one["passed"] is None]
    verdict = "PASS: the new model keeps to every criterion that was judged"
    if not summary["passed"]:
        verdict = "FAIL: " + ("; ".join(failed) or "recall could not be judged, or nothing could")
    verdict += f"; not judged: {', '.join(unknown)}" if unknown else ""
    seen = f"{summary['patients']:,} patients with {summary['events']:,} events that could be predicted, part {summary['part']}"
    return [*table, verdict, seen, *(f"warning: {words}" for words in summary["warnings"])]
