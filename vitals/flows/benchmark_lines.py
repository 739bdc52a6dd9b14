"""From finished runs to the figures of one line: the judged patients of its runs, pooled."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vitals.errors import DataError
from vitals.flows.benchmark_files import digest_of, judging_digest, read_json, read_run, write_json
from vitals.flows.benchmark_judging import SUSPICIOUS, judge_hourly, judge_last
from vitals.flows.benchmark_plan import Line
from vitals.flows.benchmark_truth import Truth, read_truth
from vitals.windowing.types import Float32, Int64

Progress = Callable[[int, int, str], None]


def line_digest(line: Line, runs: list[str], replicates: tuple[int, int]) -> str:
    """What the figures of a line depend on.

    Args:
        line: of a table.
        runs: the digest of each of its runs, and of the program that did it.
        replicates: resamples of patients.
    """
    return digest_of([line.runs, line.site, runs, list(replicates), judging_digest()])


def judge(
    line: Line, truth_file: str, folder: str, kept: tuple[str, str], replicates: tuple[int, int],
    progress: Progress | None = None,
) -> None:  # fmt: skip
    """Judge a line and keep its figures.

    Args:
        line: of a table.
        truth_file: what came true.
        folder: of the runs.
        kept: the file for the figures, and the digest that is to stand in it.
        replicates: resamples of patients, for sums of counts and for AUROC and AUPRC.
        progress: told when it is done.

    Raises:
        DataError: a run that is damaged or does not fit, or no patient to judge.
    """
    truth, risk, called, hourly, probability = pooled(line, read_truth(Path(truth_file)), Path(folder))
    if hourly:
        figures = judge_hourly(truth, risk, called, probability=probability, replicates=replicates)
    else:
        figures = judge_last(truth, risk, probability=probability, replicates=replicates[0])
    write_json(Path(kept[0]), {"digest": kept[1], "figures": figures})
    if progress:
        progress(1, 1, line.name)


def pooled(line: Line, truth: Truth, folder: Path) -> tuple[Truth, Float32, NDArray[np.bool_], bool, bool]:
    """The judged stays of a line, their risks, the rows that were called, and what kind of risks these are.

    Every run calls by its own threshold, which was chosen on its own tuning part.

    Args:
        line: of a table.
        truth: of all stays.
        folder: of the runs.

    Returns:
        The truth of the judged stays; risks ``(R,)``; calls ``(R,)``; whether every hour is judged; whether the risks
        claim to be probabilities.
    """
    risk = np.full(len(truth.time), np.nan, np.float32)
    called, seen = np.zeros(len(truth.time), bool), np.zeros(len(truth), bool)
    hourly = probability = True
    for name in line.runs:
        run = read_run(folder / name)
        stays = _fitting(run.stay, run.risk, truth, name)
        if seen[stays].any():
            raise DataError(name, "a patient that another run of the line judged too", "each once", "delete the runs")
        at, threshold = truth.rows_of(stays), run.facts["threshold"]
        risk[at], seen[stays] = run.risk, True
        if threshold is None:
            hourly = False
        else:
            called[at] = run.risk.astype(np.float64) >= threshold
        probability = probability and bool(run.facts["probability"])
    judged = np.flatnonzero(seen & ((truth.site == line.site) | (line.site is None)))
    if not len(judged):
        raise DataError(line.name, "no patient to judge", "at least one", "use fewer folds or more patients")
    rows = truth.rows_of(judged)
    return truth.of(judged), risk[rows], called[rows], hourly, probability


def _fitting(stay: Int64, risk: Float32, truth: Truth, name: str) -> Int64:
    rows = int(np.diff(truth.start)[stay].sum()) if len(stay) and stay.max() < len(truth) else -1
    if rows != len(risk):
        raise DataError(name, f"{len(risk)} risks", f"{rows}, one a row of its stays", "delete the run and start again")
    return stay


def read_figures(file: Path, digest: str) -> dict[str, Any] | None:
    """The figures of a line that was judged before under the same digest; None otherwise."""
    found = read_json(file)
    return found["figures"] if found.get("digest") == digest else None


def warnings_of(name: str, figures: dict[str, Any]) -> list[str]:
    """What is too good to be true.

    Example:
        >>> warnings_of("gru", {"auroc": [0.97, 0.96, 0.98], "utility": [0.9, 0.9, 0.9]})
        ['gru: an hourly AUROC of 0.970 is above 0.90: leakage, until the causality law and the clock alone say otherwise']
    """
    if "utility" not in figures or not figures["auroc"][0] > SUSPICIOUS:
        return []
    return [
        f"{name}: an hourly AUROC of {figures['auroc'][0]:.3f} is above {SUSPICIOUS:.2f}: leakage, until the causality law "
        "and the clock alone say otherwise"
    ]
