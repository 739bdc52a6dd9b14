"""Commands about past stays: ``import``, ``simulate``, ``check``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vitals.cli import console, screens
from vitals.cli.options import Cohort, Destination, Json, Source, Sources

importing = typer.Typer(no_args_is_help=True, help="Read past stays into a cohort folder (three Parquet tables).")


@importing.command()
def challenge2019(sources: Sources, destination: Destination, json: Json = False) -> None:
    """PhysioNet/CinC Challenge 2019: folders of .psv files, or hospital_*.parquet.

    \b
    Examples:
      vitals import challenge2019 training_setA training_setB cohorts/icu
      vitals import challenge2019 hospital_A.parquet hospital_B.parquet cohorts/icu
    """
    from vitals.flows.importing import import_challenge2019

    with console.progress() as report:
        summary = import_challenge2019(sources, destination, report)
    console.show(summary, as_json=json, title="Imported")


@importing.command()
def challenge2012(source: Source, destination: Destination, json: Json = False) -> None:
    """PhysioNet/CinC Challenge 2012: set-a/*.txt with Outcomes-a.txt, or events.parquet with outcomes.parquet.

    \b
    Example:
      vitals import challenge2012 challenge2012 cohorts/mortality
    """
    from vitals.flows.importing import import_challenge2012

    with console.progress() as report:
        summary = import_challenge2012(source, destination, report)
    console.show(summary, as_json=json, title="Imported")


@importing.command()
def table(
    source: Source,
    destination: Destination,
    mapping: Annotated[
        Path, typer.Option("--mapping", metavar="M.toml", help="Which column means what, in which unit.")
    ],
    json: Json = False,
) -> None:
    """Any CSV or Parquet, long or wide, by a mapping file.

    \b
    Example:
      vitals import table ward.csv cohorts/ours --mapping ours.toml
    """
    from vitals.flows.importing import import_table

    with console.progress() as report:
        summary = import_table(source, destination, mapping, report)
    console.show(summary, as_json=json, title="Imported")


def simulate(
    destination: Destination,
    beds: Annotated[int, typer.Option("--beds", min=1, help="How many stays.")] = 200,
    hours: Annotated[float, typer.Option("--hours", min=1.0, help="How long each may last.")] = 72.0,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Same seed, same ward.")] = 1,
    json: Json = False,
) -> None:
    """A ward that looks like one: drifting baselines, artefacts, gaps, and patients who deteriorate.

    \b
    Example:
      vitals simulate cohorts/ward --beds 200 --hours 72 --seed 7
    """
    from vitals.flows.simulation import simulate_cohort

    with console.progress() as report:
        summary = simulate_cohort(destination, beds, hours, seed, report)
    console.show(summary, as_json=json, title="Simulated")


def check(cohort: Cohort, json: Json = False) -> None:
    """Look for what would spoil a model: units, gaps, duplicates, impossible values, leaking labels.

    Ends with exit code 2 when a finding is an error, so that a script can stop there.

    \b
    Example:
      vitals check cohorts/icu
    """
    from vitals.flows.checking import check as check_cohort_folder

    summary = check_cohort_folder(cohort)
    console.show(summary, as_json=json, title="Checked", lines=screens.checked(summary))
    if summary["errors"]:
        raise typer.Exit(2)
