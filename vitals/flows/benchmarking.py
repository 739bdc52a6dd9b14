"""The benchmark of a public challenge: every model and baseline taught and judged by the same code, on one page."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vitals.errors import DataError, SettingsError, nearest
from vitals.flows.benchmark_cohort import CHALLENGES, Ground, ready_ground
from vitals.flows.benchmark_files import is_finished, read_facts, run_digest, teaching_digest
from vitals.flows.benchmark_lines import line_digest, read_figures
from vitals.flows.benchmark_plan import Line, Options, Plan, Planner, Run
from vitals.flows.benchmark_summary import publish, stem, summary
from vitals.flows.benchmark_work import Task, work
from vitals.flows.writing import refuse_unwritable
from vitals.learning.distributed import count
from vitals.spec.settings import Settings
from vitals.spec.shipped import settings_file

Progress = Callable[[int, int, str], None]
REPLICATES = (1000, 200)
"""Resamples of patients: for sums of counts, and for AUROC and AUPRC, which take longer."""
_QUICK_REPLICATES = (50, 20)


@dataclass(frozen=True)
class Judged:
    """A line with its figures."""

    line: Line
    figures: dict[str, Any]


def benchmark(
    challenge: str, data: str | Path, out: str | Path, options: Options | None = None, progress: Progress | None = None
) -> dict[str, Any]:
    """Teach, judge and print everything that a benchmark names; what was finished before is not done again.

    Every run learns from some patients and is judged on others: normalisation, weights, stopping, calibration and
    threshold never see a judged patient. Finished runs lie in ``OUT/CHALLENGE/runs``; a quick trial lies in
    ``OUT/CHALLENGE-quick`` and ``benchmark-quick.*``, apart from what counts.

    Args:
        challenge: ``"challenge2019"`` or ``"challenge2012"``.
        data: the challenge's own folder, or a cohort folder made of it.
        out: where ``benchmark.json``, ``benchmark.md`` and ``benchmark.html`` go, with one section a challenge.
        options: how much is wanted.
        progress: told units of work done and to do, and which runs are being done.

    Returns:
        The figures of this challenge with a few sentences on them, what failed, and the files written.

    Raises:
        SettingsError: an unknown challenge, kind or pattern, a place that cannot be written, or torchrun.
        DataError: data that cannot be read, or not a single run that came to its end.

    Example:
        >>> benchmark("challenge2020", "data", "report")
        Traceback (most recent call last):
        vitals.errors.SettingsError: benchmark: came "challenge2020"; wanted challenge2019 or challenge2012; ...
    """
    options, out = options or Options(), Path(out)
    if challenge not in CHALLENGES:
        wanted, cure = " or ".join(CHALLENGES), nearest(challenge, CHALLENGES)
        raise SettingsError("benchmark", f'"{challenge}"', wanted, cure)
    if count() > 1:  # the processes that do the runs would wait for those of torchrun
        raise SettingsError(
            "benchmark", f"{count()} processes of torchrun", "one process", "start it without torchrun; see --processes"
        )
    about = CHALLENGES[challenge]
    settings = Settings.from_toml(settings_file(options.settings or about.recipe))
    refuse_unwritable(out / f"{stem(options.quick)}.json")
    home = out / (f"{challenge}-quick" if options.quick else challenge)
    ground = ready_ground(challenge, Path(data), home, settings, options, progress)
    plan = Planner(settings, options, about.rows).plan(ground.sites)
    failed = _run(plan.chosen(options.only), ground, options, progress)
    judged = _judge(plan, ground, options, failed, progress)
    if not judged:
        why = next((words.strip().splitlines()[-1] for words in failed.values()), "no line has all its runs")
        raise DataError(
            "benchmark", f"nothing to judge ({why})", "at least one finished run", "mend it and start again"
        )
    found = summary(challenge, ground, settings, options, plan)
    return publish(out, found, [(one.line, one.figures) for one in judged], failed)


def _run(runs: tuple[Run, ...], ground: Ground, options: Options, progress: Progress | None) -> dict[str, str]:
    """Do the runs that are not finished; why some of them failed, by name."""
    todo = [run for run in runs if not _finished(run, ground, options)]
    function, program = "vitals.flows.benchmark_running:perform", teaching_digest()
    tasks = [
        Task(
            run.name,
            function,
            (run, str(ground.cohort), str(ground.truth), (str(ground.runs / run.name), program)),
            run.cost,
        )
        for run in todo
    ]
    return work(tasks, options.processes, progress)


def _finished(run: Run, ground: Ground, options: Options) -> bool:
    return is_finished(ground.runs / run.name, run_digest(run, ground.digest), keep=options.keep)


def _judge(
    plan: Plan, ground: Ground, options: Options, failed: dict[str, str], progress: Progress | None
) -> list[Judged]:
    """Judge every line whose runs are all there; lines that were judged before are read again."""
    by_name = {run.name: run for run in plan.runs}
    replicates = _QUICK_REPLICATES if options.quick else REPLICATES
    there = {name for name, run in by_name.items() if _finished(run, ground, options)}
    ready: list[tuple[Line, tuple[str, str]]] = []
    for line in plan.lines:
        if set(line.runs) <= there:
            facts = [read_facts(ground.runs / name) for name in line.runs]
            digest = line_digest(line, [f"{one['digest']} {one['program']}" for one in facts], replicates)
            ready.append((line, (str(ground.judged / f"{digest[:24]}.json"), digest)))
    tasks = {
        kept[1]: Task(
            f"{line.table}: {line.name}", "vitals.flows.benchmark_lines:judge",
            (line, str(ground.truth), str(ground.runs), kept, replicates), float(len(line.runs)),
        )
        for line, kept in ready if read_figures(Path(kept[0]), kept[1]) is None
    }  # fmt: skip
    failed |= work([*tasks.values()], options.processes, progress, "lines judged")
    found = [(line, read_figures(Path(kept[0]), kept[1])) for line, kept in ready]
    return [Judged(line, figures) for line, figures in found if figures is not None]
