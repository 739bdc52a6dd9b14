"""The command ``benchmark``: every model and baseline on a public challenge, on one page."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from vitals.cli import console
from vitals.cli.options import Json

_PLAIN_EVERY = 30.0  # seconds between two lines where there is no terminal


def benchmark(
    challenge: Annotated[str, typer.Argument(metavar="CHALLENGE", help="challenge2019 or challenge2012.")],
    data: Annotated[
        Path, typer.Option("--data", metavar="SRC", help="The challenge's own folder, or a cohort folder made of it.")
    ],
    out: Annotated[Path, typer.Option("--out", metavar="FOLDER", help="Where page, tables and runs go.")],
    kinds: Annotated[
        str,
        typer.Option(
            "--kinds",
            metavar="K,K,...",
            help="gru, lstm, grud, tcn, transformer, boosting, or several in one file: gru+boosting. The first is the "
            "main one. Without: the recipe's own, then each of the others once.",
        ),
    ] = "",
    folds: Annotated[int, typer.Option("--folds", help="Parts of the patients for cross-validation.")] = 5,
    seeds: Annotated[int, typer.Option("--seeds", help="Networks averaged inside the one file of an ensemble.")] = 3,
    all_folds: Annotated[
        bool, typer.Option("--all-folds", help="Every line on all folds, not the main table alone.")
    ] = False,
    full: Annotated[
        bool, typer.Option("--full", help="All folds, and ensembles of every kind too: a day of work.")
    ] = False,
    quick: Annotated[
        bool, typer.Option("--quick", help="A few stays and tiny networks, to see that all of it runs; kept apart.")
    ] = False,
    only: Annotated[
        str,
        typer.Option(
            "--only", metavar="PATTERN", help="Do these runs only, such as 'cv-gru*'; the clock and NEWS2 always run."
        ),
    ] = "*",
    processes: Annotated[
        int, typer.Option("--processes", help="Runs at a time, one thread and 2 to 3 GB each; 0 is one a core.")
    ] = 0,
    settings: Annotated[
        Path | None, typer.Option("--settings", metavar="S.toml", help="Another recipe than the shipped one.")
    ] = None,
    keep: Annotated[bool, typer.Option("--keep", help="Take finished runs though the program changed since.")] = False,
    json: Json = False,
) -> None:
    """Teach and judge every model and baseline on a public challenge, by the same code, and print the whole table.

    Cross-validation by patient, from one hospital to another, vitals alone, with and without a clock, kinds of networks,
    baselines, bedside scores, and each setting of the recipe switched. Nothing that is judged was seen before.

    Stop it with Ctrl-C and start it again: what was finished is not done twice.

    \b
    Examples:
      vitals benchmark challenge2019 --data challenge2019 --out report --quick
      vitals benchmark challenge2019 --data challenge2019 --out report
      vitals benchmark challenge2019 --data challenge2019 --out report --only 'from-*'
      vitals benchmark challenge2012 --data challenge2012 --out report --kinds gru,lstm --folds 5 --seeds 3
    """
    from vitals.flows.benchmark_plan import Options
    from vitals.flows.benchmarking import benchmark as run_benchmark

    named = tuple(kind.strip() for kind in kinds.split(",") if kind.strip())
    options = Options(named, folds, seeds, all_folds, full, quick, only, processes, settings, keep)
    with _progress() as report:
        summary = run_benchmark(challenge, data, out, options, report)
    console.show(summary, as_json=json, title="Benchmarked", lines=_screen(summary))
    if summary["failed"]:
        raise typer.Exit(3)


def _screen(summary: dict[str, Any]) -> list[str]:
    """The tables, then what they say, then what is wrong."""
    from vitals.report.benchmark_cells import brief

    tables = [line for table in summary["tables"] for line in (*brief(summary, table), "")]
    return [*tables, *summary["headline"], *(f"warning: {words}" for words in summary["warnings"])]


@contextmanager
def _progress() -> Iterator[console.Report]:
    """One bar whose words change: which runs are being done, and how much time is left."""
    if not sys.stderr.isatty():
        yield _Lines()
        return
    columns = BarColumn(20), TaskProgressColumn(), TimeRemainingColumn(), TextColumn("{task.description}")
    with Progress(*columns, console=console.people()) as bars:
        task = bars.add_task("", total=None)
        stage = ""

        def report(done: int, total: int, label: str) -> None:
            nonlocal stage
            now = _stage(label)
            if now != stage:
                stage = now
                bars.reset(task, total=total)
            bars.update(task, completed=done, total=total, description=label)

        yield report


def _stage(label: str) -> str:
    """What the numbers count: words without how far each run is."""
    return "".join(letter for letter in label.partition(";")[0] if not letter.isdigit())


class _Lines:
    """A plain line when a run ends, and now and then between, with the time that is left."""

    def __init__(self) -> None:
        self._stage, self._head, self._said, self._began = "", "", 0.0, 0.0

    def __call__(self, done: int, total: int, label: str) -> None:
        now, stage, head = time.monotonic(), _stage(label), label.partition(";")[0]
        if stage != self._stage:
            self._stage, self._began = stage, now
        if head == self._head and now - self._said < _PLAIN_EVERY:
            return
        self._head, self._said = head, now
        spent = now - self._began
        seconds = spent * (total - done) / done if done > 0 else 0.0
        left = f"; about {seconds / 60:.0f} min left" if seconds > 90 else ""
        print(f"{label}{left}", file=sys.stderr, flush=True)  # noqa: T201 (this is the console)
