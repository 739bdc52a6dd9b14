"""Commands about a model: ``train``, ``score``, ``evaluate``, ``tune``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from vitals.cli import console, screens
from vitals.cli.options import Data, Json, Model, Prevalence, prevalence_of


def train(
    settings: Annotated[
        Path, typer.Argument(metavar="SETTINGS.toml", help="A settings file, or a shipped one by name.")
    ],
    data: Annotated[
        list[Path], typer.Option("--data", metavar="DST", help="A cohort folder; may be given several times.")
    ],
    out: Annotated[Path, typer.Option("--out", metavar="MODEL", help="The model folder to write.")],
    search: Annotated[
        int | None,
        typer.Option("--search", metavar="N", help="Try N settings of the training first, and train the best.", min=1),
    ] = None,
    json: Json = False,
) -> None:
    """Train a model and export it to one ONNX file, if all four ways of running it agree.

    Shipped settings: sepsis-icu.toml and mortality-2012.toml (intensive care), sepsis-vitals.toml (without labs), ward.toml (every minute).

    \b
    Examples:
      vitals train ward.toml --data cohorts/ward --out models/ward
      vitals train sepsis-icu.toml --data cohorts/a --data cohorts/b --out models/sepsis
      vitals train sepsis-icu.toml --data cohorts/a --out models/sepsis --search 40
      torchrun --nproc-per-node 2 -m vitals train sepsis-icu.toml --data cohorts/a --out models/sepsis

    A search keeps its trials in MODEL.study.sqlite3 and goes on from there when it is called again.
    """
    from vitals.spec.settings import Settings
    from vitals.spec.shipped import settings_file

    chosen = Settings.from_toml(settings_file(settings))  # before PyTorch is loaded: a typing error shows at once
    from vitals.flows.training import train as train_model

    with console.progress() as report:
        if search:
            from vitals.flows.searching import search as search_model

            summary = search_model(chosen, data, out, search, report)
        else:
            summary = train_model(chosen, data, out, report)
    if not summary:  # torchrun: another process writes the model and speaks
        return
    summary["files"] = [str(out / Path(name).name) for name in summary.get("files", [])]
    console.show(summary, as_json=json, title="Trained", lines=screens.trained(summary))


def score(
    model: Model,
    data: Data,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="RISKS.parquet", help="The Parquet table to write.")
    ] = None,
    processes: Annotated[
        int, typer.Option("--processes", metavar="N", help="Processes, one thread each; 0 is one a core.", min=0)
    ] = 1,
    engine: Annotated[
        Literal["local", "spark"], typer.Option("--engine", help="Who scores: this machine's processes, or Spark.")
    ] = "local",
    master: Annotated[
        str | None,
        typer.Option("--master", metavar="URL", help="A Spark cluster, such as spark://host:7077; else this machine."),
    ] = None,
    json: Json = False,
) -> None:
    """One risk for every step of every stay: subject_id, stay_id, prediction_time, risk.

    However many processes or machines score, the table is the same, byte for byte. Spark needs Java and the extra
    "spark"; machines of a cluster need this version of vitals, and model and cohort at the same paths.

    \b
    Examples:
      vitals score models/sepsis --data cohorts/icu --out risks.parquet
      vitals score models/sepsis --data cohorts/icu --out risks.parquet --processes 0
      vitals score models/sepsis --data cohorts/icu --out risks.parquet --engine spark --master spark://head:7077
    """
    from vitals.flows.scores import Engine
    from vitals.flows.scores import score as score_cohort

    with console.progress() as report:
        summary = score_cohort(model, data, out, report, Engine(engine, processes, master))
    console.show(summary, as_json=json, title="Scored")


def evaluate(
    model: Model,
    data: Data,
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
    """Judge a model as a ward would: events caught, false alarms, lead time, beside NEWS2 at the same alarm burden.

    \b
    Example:
      vitals evaluate models/sepsis --data cohorts/icu --part held_out
      vitals evaluate models/sepsis --data cohorts/sample --part all --prevalence 0.05

    In a sample of cases and controls precision and burden are those of the sample: --prevalence weights them to a ward; with
    the word unknown they are withheld, and so is calibration.
    """
    share = prevalence_of(prevalence)
    from vitals.flows.evaluation import evaluate_model

    with console.progress() as report:
        summary = evaluate_model(model, data, part, policy, report, share)
    console.show(summary, as_json=json, title="Evaluated", lines=screens.evaluated(summary))


def tune(
    model: Model,
    data: Data,
    max_alerts: Annotated[
        str | None,
        typer.Option(
            "--max-alerts", metavar="N/100pd", help="Alarm budget: alerts per 100 patient-days, or 0.5/shift a nurse."
        ),
    ] = None,
    min_precision: Annotated[
        float | None, typer.Option("--min-precision", metavar="P", help="Instead: at least this share of alerts true.")
    ] = None,
    max_work_ups: Annotated[
        float | None,
        typer.Option("--max-work-ups", metavar="N", help="Instead: most net benefit at N work-ups for one onset."),
    ] = None,
    utility: Annotated[
        bool, typer.Option("--utility", help="Instead: the threshold from which calling pays in the 2019 challenge.")
    ] = False,
    beds_per_nurse: Annotated[
        float | None, typer.Option("--beds-per-nurse", metavar="N", help="For a budget per shift; 4 without.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", metavar="FILE.toml", help="Where the policy goes; policy.toml in the model folder without."
        ),
    ] = None,
    prevalence: Annotated[
        float | None,
        typer.Option("--prevalence", metavar="P", help="Share of stays with the event, where some were left out."),
    ] = None,
    json: Json = False,
) -> None:
    """Find the alert policy that catches most within an alarm budget, and write it into the model folder, or to --out.

    A policy that was there before is replaced, and the screen says which. Tried are all thresholds, hystereses, silences,
    persistences and re-arm rules that the settings name; then a second, more urgent tier is set. --json also gives the
    operating curve with intervals.

    \b
    Examples:
      vitals tune models/sepsis --data cohorts/icu --max-alerts 5/100pd
      vitals tune models/sepsis --data cohorts/icu --max-alerts 0.5/shift --beds-per-nurse 4
      vitals tune models/sepsis --data cohorts/icu --min-precision 0.2 --out night.toml
      vitals tune models/sepsis --data cohorts/icu --max-work-ups 10
    """
    from vitals.alerting.goal import goal_of
    from vitals.flows.tuning import tune_model

    goal = goal_of(max_alerts, min_precision, max_work_ups, utility)
    with console.progress() as report:
        summary = tune_model(model, data, goal, report, beds_per_nurse, out, prevalence=prevalence)
    console.show(summary, as_json=json, title="Tuned", lines=screens.tuned(summary))
