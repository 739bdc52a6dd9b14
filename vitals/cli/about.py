"""Commands to start with: ``demo``, ``signals`` and ``models``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from vitals.cli import console
from vitals.cli.options import Json
from vitals.signals import catalogue


def demo(
    out: Annotated[Path, typer.Option("--out", metavar="FOLDER", help="Where the files go.")] = Path("vitals-demo"),
    json: Json = False,
) -> None:
    """The main job on a simulated ward: train, export, tune, then replay the ward as a live feed.

    Takes a few minutes on two cores and downloads nothing.

    \b
    Example:
      vitals demo --out /tmp/ward
    """
    from vitals.flows.demonstration import demo as run_demo

    with console.progress() as report:
        summary = run_demo(out, report)
    console.show(summary, as_json=json, title="Demo")


def signals(json: Json = False) -> None:
    """The catalogue of signals: name, unit, limits and codes. Settings, imports and feeds use these names.

    \b
    Example:
      vitals signals --json
    """
    if json:
        sys.stdout.write(console.to_json({name: vars(signal) for name, signal in catalogue().items()}) + "\n")
        return
    for signal in catalogue().values():
        limits = "{:g} to {:g}".format(*signal.limits)
        row = f"{signal.name:<22}{signal.unit:<12}{limits:<15}{signal.kind:<13}{signal.loinc:<9}{signal.label}"
        sys.stdout.write(row.rstrip() + "\n")


def models(json: Json = False) -> None:
    """The trained models that come with vitals, and how good each was on patients it never saw.

    Any command that takes a model takes one of these by its name.

    \b
    Examples:
      vitals models --json
      vitals watch sepsis-vitals < events.ndjson > out.ndjson
    """
    from vitals.report.shelf import line, shelf

    found = shelf()
    if json:
        sys.stdout.write(console.to_json(found) + "\n")
        return
    for name, facts in found.items():
        sys.stdout.write(line(name, facts) + "\n")
    console.people().print(f"[dim]{console.NOTICE}[/dim]")
