"""One run: learn from the patients that may be known, export, and ask the exported file about the others."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch

from vitals.bedside.risk import BEDSIDE_SCORES, bedside_risk
from vitals.errors import DataError
from vitals.flows.benchmark_files import digest_in_name, run_digest, write_run
from vitals.flows.benchmark_plan import Run
from vitals.flows.benchmark_truth import parts_of, read_truth
from vitals.flows.parity import measure_parity, require_parity
from vitals.flows.study import Study, open_study
from vitals.flows.training import learn
from vitals.labelling.calibration import slope_intercept
from vitals.labelling.paying import NEVER, pays_from
from vitals.labelling.utility import hours_from_onset, utility, utility_curve
from vitals.learning.baselines import Baseline, fit_baseline, hours_in_stay
from vitals.learning.batches import Sequences
from vitals.learning.boosting import reader, summaries
from vitals.learning.encoder import fit_scale
from vitals.learning.export import export
from vitals.learning.network import Network
from vitals.learning.objective import targets
from vitals.learning.window import UNKNOWN
from vitals.scoring.model import read_model
from vitals.scoring.ward_step import score_rows
from vitals.spec.learning import Network as Shape
from vitals.spec.learning import Training
from vitals.spec.settings import Settings
from vitals.windowing.types import Float32, Int64

Progress = Callable[[int, int, str], None]
_PARITY_STAYS = 64
_NEAREST = 1e-7  # a risk of exactly 0 or 1 has no logit


@dataclass(frozen=True)
class _Said:
    """What a learner said of the tuning part and of the judged patients, and what is to be kept of it."""

    tuning: Float32
    judged: Float32
    facts: dict[str, Any]
    model: bytes | None = None


def perform(run: Run, cohort: str, truth_file: str, kept: tuple[str, str], progress: Progress | None = None) -> None:
    """Do one run and write its folder; nothing of it is there before all of it is.

    The learner is given the stays that it may know and no others, so that nothing of a judged patient can reach it.

    Args:
        run: what to do.
        cohort: the cohort folder.
        truth_file: what came true of the stays.
        kept: the folder to write, and the digest of the program as it was when the benchmark began.
        progress: told how far it is.

    Raises:
        DataError: parts that nothing can be learnt from.
        ModelError: an exported file that does not say what the network says.
    """
    began = time.monotonic()
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    truth = read_truth(Path(truth_file))
    part = parts_of(truth, run.site, run.fold)
    whole = _windowed(replace(run.settings, network=Shape(), training=Training()), cohort)
    held_out, others = part == "held_out", np.isin(part, ("train", "validation", "tuning"))
    known = replace(whole.of(truth.stay[others]), part=part[others])
    judged = whole.of(truth.stay[held_out])
    said = _ask_network(run, known, judged, progress) if run.learner == "network" else _ask_other(run, known, judged)
    facts = {
        "name": run.name, "digest": run_digest(run, digest_in_name(truth_file)), "program": kept[1],
        "learner": run.learner, "site": run.site, "fold": run.fold, **_threshold(run, known.take("tuning"), said.tuning),
        "probability": run.learner not in BEDSIDE_SCORES, "stays": {str(name): int((part == name).sum()) for name in np.unique(part)},
        "settings": run.settings.to_tables(), "seconds": time.monotonic() - began, **said.facts,
    }  # fmt: skip
    write_run(Path(kept[0]), facts, np.flatnonzero(held_out), said.judged, said.model)


@lru_cache(maxsize=1)
def _windowed(settings: Settings, cohort: str) -> Study:
    """The whole cohort, kept for the next run with the same channels."""
    return open_study(settings, [Path(cohort)])


def _ask_network(run: Run, known: Study, judged: Study, progress: Progress | None) -> _Said:
    network, data, history = learn(run.settings, known, progress)
    model = read_model(
        content := export(network, run.settings, {"data_digest": known.digest, "run": run.name}), run.name
    )
    tuning = known.stays_of("tuning")
    parity = require_parity(measure_parity(network, model, data, tuning[:_PARITY_STAYS]), run.name)
    risks = [
        score_rows(model, model.initial_hidden(len(study.stay_id)), study.rows) for study in (known.of(tuning), judged)
    ]
    facts = {"model_digest": model.digest, "parity": parity, "history": [asdict(epoch) for epoch in history]}
    return _Said(risks[0], risks[1], facts, content)


def _ask_other(run: Run, known: Study, judged: Study) -> _Said:
    tuning = known.take("tuning")
    if run.learner in BEDSIDE_SCORES:
        risks = [bedside_risk(run.learner, study.rows, run.settings.channels) for study in (tuning, judged)]
        return _Said(risks[0], risks[1], {})
    train = known.take("train")
    read_by = None if run.learner == "clock" else _read_by(run, train)
    stay = train.rows.bed.astype(np.int64)
    everything = np.ones(len(stay), bool)
    target, weight = targets(run.settings, train.rows.time, stay, train.onset_stay, train.onset_time, everything)
    rows = _judged_rows(run, train)
    learner = fit_baseline(
        run.learner, _features(run, read_by, train), target[rows], weight[rows], run.settings.training.seed
    )
    raw = _judge_by(learner, read_by, run, tuning)
    at = _judged_rows(run, tuning)
    at = at[tuning.usable[at] & (tuning.rows.reason[at] == 0)]
    slope, intercept = slope_intercept(tuning.label[at], raw[at])
    if not slope > 0:  # NaN too: risks that do not rise with the truth, or do not differ, are left as they are
        slope, intercept = 1.0, 0.0
    risks = [_recalibrated(risk, slope, intercept) for risk in (raw, _judge_by(learner, read_by, run, judged))]
    return _Said(risks[0], risks[1], {"recalibration": {"slope": slope, "intercept": intercept}})


def _judged_rows(run: Run, study: Study) -> Int64:
    """Every row, or the last one of each stay."""
    bed = study.rows.bed
    last = np.append(bed[1:] != bed[:-1], True)
    return np.arange(len(bed)) if run.rows == "hourly" else np.flatnonzero(last)


def _read_by(run: Run, train: Study) -> Network:
    return reader(run.settings, fit_scale(train.rows, run.settings.window.step.hours))


def _features(run: Run, read_by: Network | None, study: Study) -> Float32:
    """What the learner is told of the rows to judge, NaN where unknown: summaries, or without a reader the clock."""
    at = _judged_rows(run, study)
    if read_by is None:
        return hours_in_stay(run.settings, study.rows)[at]
    nothing = np.zeros(len(study.rows), np.float32)
    data = Sequences.of(study.rows, len(study.stay_id), nothing, nothing)
    found = summaries(read_by, data, np.arange(len(study.stay_id)), at)
    found[found == UNKNOWN] = np.nan
    return found


def _judge_by(learner: Baseline, read_by: Network | None, run: Run, study: Study) -> Float32:
    """Risks of all rows; where only the last row of a stay is judged, its others get none."""
    risk, rows = np.full(len(study.rows), np.nan, np.float32), _judged_rows(run, study)
    risk[rows] = learner.risk(_features(run, read_by, study))
    risk[study.rows.reason != 0] = np.nan
    return risk


def _recalibrated(risk: Float32, slope: float, intercept: float) -> Float32:
    """The logit of a risk stretched and moved, as the tuning part wants it."""
    inside = np.clip(risk.astype(np.float64), _NEAREST, 1 - _NEAREST)
    logit = np.log(inside) - np.log1p(-inside)
    return (0.5 + 0.5 * np.tanh(0.5 * (intercept + slope * logit))).astype(np.float32)


def _threshold(run: Run, tuning: Study, risk: Float32) -> dict[str, float | None]:
    """The risk from which calling pays on the tuning part; of a bedside score's few points, the best."""
    if run.rows == "last":
        return {"threshold": None, "tuning_utility": None}
    tau = hours_from_onset(tuning.rows.time, tuning.rows.bed, tuning.onset_stay, tuning.onset_time)
    thresholds, values = utility_curve(tau, risk)
    if not len(values) or np.isnan(values).any():
        raise DataError("part tuning", "no onset, or no risk", "rows before an onset", "bring more patients")
    best = int(np.argmax(values))
    if values[best] <= 0:  # to call nobody is worth more
        return {"threshold": NEVER, "tuning_utility": 0.0}
    chosen = float(thresholds[best]) if run.learner in BEDSIDE_SCORES else pays_from(tau, risk)
    return {"threshold": chosen, "tuning_utility": utility(tau, risk.astype(np.float64) >= chosen)}
