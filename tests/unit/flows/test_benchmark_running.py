"""One run: what the learner is given, what is kept, and what is not believed."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.unit.flows.challenge import random_truth, write_challenge
from vitals.cohort.challenge2019 import import_challenge2019
from vitals.errors import DataError
from vitals.flows import benchmark_files, benchmark_running
from vitals.flows.benchmark_files import is_finished, read_run, run_digest, teaching_digest, write_run
from vitals.flows.benchmark_lines import judge, line_digest, pooled, read_figures
from vitals.flows.benchmark_plan import Line, Options, Planner, Run
from vitals.flows.benchmark_truth import Truth, parts_of, read_truth, truth_of
from vitals.flows.study import Study, open_study
from vitals.labelling.paying import pays_from
from vitals.labelling.utility import hours_from_onset, utility
from vitals.spec.settings import Settings
from vitals.spec.shipped import settings_file

RECIPE = Settings.from_toml(settings_file("sepsis-icu"))
PLAN = Planner(RECIPE, Options(quick=True, folds=3, seeds=1, kinds=("gru",)), "hourly").plan(("A", "B"))


def run_named(name: str) -> Run:
    return next(run for run in PLAN.runs if run.name == name)


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str, Truth]:
    """Cohort, file of the truth, and the truth."""
    home = tmp_path_factory.mktemp("ground")
    import_challenge2019([write_challenge(home / "data")], home / "cohort")
    truth = truth_of(open_study(RECIPE, [home / "cohort"]), RECIPE, folds=3, quick=False)
    file = home / "truth-d19e57.npz"
    file.write_bytes(truth.to_bytes())
    return str(home / "cohort"), str(file), truth


def test_the_truth_survives_its_file(ground: tuple[str, str, Truth]) -> None:
    again = read_truth(Path(ground[1]))
    for field in dataclasses.fields(Truth):
        assert np.array_equal(
            getattr(again, field.name), getattr(ground[2], field.name), equal_nan=field.name == "news2"
        )
    assert again.label.sum() > 0
    assert len(again) == 240


@pytest.mark.parametrize("name", ["cv-gru1-signals-fold1", "from-A-gru1-signals-fold0"])
def test_the_learner_sees_nobody_who_is_judged(
    name: str, ground: tuple[str, str, Truth], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not their labels, not their rows, not their names."""
    run, seen = run_named(name), []

    def learn(settings: Settings, study: Study, progress: Any) -> None:
        seen.append(study)
        raise DataError("stop", "enough", "no more", "look at what was seen")

    monkeypatch.setattr(benchmark_running, "learn", learn)
    with pytest.raises(DataError, match="enough"):
        benchmark_running.perform(run, *ground[:2], (str(tmp_path / "run"), "program"))
    truth, study = ground[2], seen[0]
    part = parts_of(truth, run.site, run.fold)
    assert set(study.subject_id) == set(truth.subject_id[part != "held_out"])
    assert len(study.rows) == truth.rows_of(np.flatnonzero(part != "held_out")).sum()
    assert set(study.part) == {"train", "validation", "tuning"}
    if run.site:
        assert set(study.site) == {run.site}
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("name", ["cv-gru1-signals-fold1", "cv-tree-fold0", "cv-clock-fold1", "cv-sirs-fold1"])
def test_a_run_keeps_risks_of_every_judged_row(name: str, ground: tuple[str, str, Truth], tmp_path: Path) -> None:
    run, truth = run_named(name), ground[2]
    benchmark_running.perform(run, *ground[:2], (str(tmp_path / name), teaching_digest()))
    found = read_run(tmp_path / name)
    assert np.array_equal(found.stay, np.flatnonzero(truth.fold == run.fold))
    assert len(found.risk) == truth.rows_of(found.stay).sum()
    known = found.risk[~np.isnan(found.risk)]
    assert ((known >= 0) & (known <= 1)).all()
    assert found.facts["probability"] == ("sirs" not in name)
    assert (found.facts["tuning_utility"] > 0) == (
        found.facts["threshold"] <= 1
    )  # where calling gains nothing, nobody is
    assert (tmp_path / name / "model.onnx").is_file() == ("gru" in name)
    digest = run_digest(run, "d19e57")
    assert is_finished(tmp_path / name, digest, keep=False)
    assert not is_finished(tmp_path / name, run_digest(run, "other"), keep=True)


@pytest.mark.parametrize("learner", ["clock", "sirs"])
@pytest.mark.parametrize("pays", [True, False])
def test_the_threshold_is_where_calling_pays_on_the_tuning_part(
    pays: bool, learner: str, ground: tuple[str, str, Truth]
) -> None:
    """Of a bedside score the best of all thresholds, one after the other; where all calls are false, nobody is called."""
    study = open_study(RECIPE, [Path(ground[0])])
    tau = hours_from_onset(study.rows.time, study.rows.bed, study.onset_stay, study.onset_time)
    noise = np.random.default_rng(3).normal(0, 0.3, len(tau))
    risk = np.round(0.5 + 0.2 * (study.label + noise), 2).astype(np.float32)
    if not pays:
        risk[~np.isnan(tau)] = np.nan  # stays with an onset have no risk
    found = benchmark_running._threshold(run_named(f"cv-{learner}-fold0"), study, risk)
    tried = {float(one): utility(tau, risk >= one) for one in np.unique(risk[~np.isnan(risk)])}
    best, threshold = max(*tried.values(), 0.0), found["threshold"]
    assert (best > 0) == pays
    assert threshold is not None
    assert threshold == (pytest.approx(pays_from(tau, risk)) if learner == "clock" and pays else threshold)
    assert found["tuning_utility"] == pytest.approx(utility(tau, risk >= threshold))
    assert found["tuning_utility"] == pytest.approx(best, abs=0.05 if learner == "clock" else 1e-9)


def test_figures_are_kept_until_what_judges_them_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ignored = shutil.ignore_patterns("__pycache__")
    package = Path(shutil.copytree(benchmark_files._PACKAGE, tmp_path / "vitals", ignore=ignored))
    monkeypatch.setattr(benchmark_files, "_PACKAGE", package)
    digests = []
    for place, more in [
        ("bedside/news2.py", ""), ("bedside/news2.py", "# a comment"), ("cli/main.py", "CHANGED = 1"),
        ("bedside/news2.py", "CHANGED = 1"), ("flows/benchmark_truth.py", "CHANGED = 1"), ("alerting/curve.py", "CHANGED = 1"),
    ]:  # fmt: skip
        with (package / place).open("a", encoding="utf-8") as file:
            file.write(f"\n{more}\n")
        digests.append(benchmark_files._program.__wrapped__(benchmark_files._JUDGING))
    assert digests[0] == digests[1] == digests[2]
    assert len(set(digests[2:])) == 4


def test_a_run_of_another_program_counts_only_when_asked(tmp_path: Path) -> None:
    write_run(tmp_path / "run", {"digest": "d", "program": "older"}, np.arange(2), np.zeros(4, np.float32), None)
    assert not is_finished(tmp_path / "run", "d", keep=False)
    assert is_finished(tmp_path / "run", "d", keep=True)
    (tmp_path / "run" / "predictions.npz").unlink()
    assert not is_finished(tmp_path / "run", "d", keep=True)


def _write(folder: Path, name: str, truth: Truth, fold: int, threshold: float | None) -> None:
    stays = np.flatnonzero(truth.fold == fold)
    risk = np.full(int(truth.rows_of(stays).sum()), 0.1 * (fold + 1), np.float32)
    facts = {"digest": "d", "program": "p", "threshold": threshold, "probability": True}
    write_run(folder / name, facts, stays, risk, None)


def test_each_fold_calls_by_its_own_threshold(tmp_path: Path) -> None:
    truth = random_truth()
    for fold, threshold in enumerate((0.05, 0.9, 0.3)):
        _write(tmp_path, f"r{fold}", truth, fold, threshold)
    line = Line("main", "all", ("r0", "r1", "r2"))
    whole, risk, called, hourly, probability = pooled(line, truth, tmp_path)
    fold = truth.fold[truth.bed]
    assert np.array_equal(risk, (0.1 * (fold + 1)).astype(np.float32))
    assert np.array_equal(called, (fold == 0) | (fold == 2))
    assert (hourly, probability, len(whole)) == (True, True, len(truth))
    there = pooled(dataclasses.replace(line, site="B"), truth, tmp_path)[0]
    assert set(there.site) == {"B"}


def test_runs_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    truth = random_truth()
    _write(tmp_path, "r0", truth, 0, 0.5)
    with pytest.raises(DataError, match="another run of the line judged too"):
        pooled(Line("main", "twice", ("r0", "r0")), truth, tmp_path)
    write_run(tmp_path / "short", {"threshold": 0.5, "probability": True}, np.arange(3), np.zeros(2, np.float32), None)
    with pytest.raises(DataError, match="2 risks"):
        pooled(Line("main", "short", ("short",)), truth, tmp_path)
    with pytest.raises(DataError, match="a damaged run"):
        pooled(Line("main", "none", ("none",)), truth, tmp_path)
    with pytest.raises(DataError, match="no patient to judge"):
        pooled(Line("main", "nowhere", ("r0",), "C"), truth, tmp_path)


@pytest.mark.parametrize("threshold", [0.05, None])
def test_judged_lines_are_kept_under_their_digest(threshold: float | None, tmp_path: Path) -> None:
    truth = random_truth()
    (tmp_path / "truth-x.npz").write_bytes(truth.to_bytes())
    for fold in range(3):
        _write(tmp_path, f"r{fold}", truth, fold, threshold)
    line = Line("main", "all", ("r0", "r1", "r2"))
    digest = line_digest(line, ["d p"] * 3, (20, 10))
    judge(line, str(tmp_path / "truth-x.npz"), str(tmp_path), (str(tmp_path / "kept.json"), digest), (20, 10))
    figures = read_figures(tmp_path / "kept.json", digest)
    assert figures is not None
    assert ("utility" in figures) == (threshold is not None)
    assert figures["stays"] == len(truth)
    assert read_figures(tmp_path / "kept.json", line_digest(line, ["d q"] * 3, (20, 10))) is None
