"""The command ``report``: everything that is known of a model on one part of a cohort, as one page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from vitals.cli import console, screens
from vitals.cli.options import Data, Json, Model, Prevalence, prevalence_of


def report(
    model: Model,
    data: Data,
    out: Annotated[
        Path, typer.Option("--out", metavar="REPORT.html", help="The page to write; its numbers go beside it.")
    ],
    part: Annotated[
        Literal["train", "validation", "tuning", "held_out", "all"],
        typer.Option("--part", help="Which patients, by the model's own split."),
    ] = "held_out",
    policy: Annotated[
        Path | None, typer.Option("--policy", metavar="P.toml", help="An alert policy other than the model folder's.")
    ] = None,
    prevalence: Prevalence = None,
    json: Json = False,
) -> None:
    """One page on how good a model is: alerts, calibration, decision curve, subgroups, cases, missing inputs, pitfalls.

    The page needs no network and no script. REPORT.json beside it holds every number that is shown.

    \b
    Example:
      vitals report models/sepsis --data cohorts/icu --out report.html
    """
    share = prevalence_of(prevalence)
    from vitals.flows.reporting import report_model

    with console.progress() as tell:
        summary = report_model(model, data, out, part, policy, tell, prevalence=share)
    console.show(summary, as_json=json, title="Reported", lines=_lines(summary))


def _lines(summary: dict[str, Any]) -> list[str]:
    """The screen of an evaluation, then what the checklist warns of."""
    warned = [one for one in summary.get("pitfalls", []) if one["result"] not in ("pass", "ok", "not applicable")]
    return screens.evaluated(summary) + [f"{one['result']}: {one['pitfall']}: {one['reason']}" for one in warned]
