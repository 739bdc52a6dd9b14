"""Tune an alert policy for a goal, on ONNX scores of the tuning part, and write it into the model folder."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from vitals.alerting.beside import PLAIN
from vitals.alerting.curve import Ledger
from vitals.alerting.findings import warnings_of
from vitals.alerting.goal import Goal, at_threshold, recall_within
from vitals.alerting.guards import sampling
from vitals.alerting.retuning import curve_intervals, retuned
from vitals.alerting.stays import patients_digest
from vitals.alerting.tune import Tuned, at, tune
from vitals.alerting.weighting import check_prevalence, weighted
from vitals.errors import SettingsError
from vitals.flows.evaluation import tau_of
from vitals.flows.study import open_study
from vitals.flows.writing import refuse_unwritable
from vitals.labelling.paying import pays_from
from vitals.report.card import write_card
from vitals.scoring.model import Model, open_model
from vitals.scoring.ward_step import score_rows
from vitals.spec.modelfile import POLICY_FILE
from vitals.spec.policy import AlertPolicy
from vitals.spec.reader import load, plain, read, to_toml
from vitals.spec.settings import Alerting
from vitals.spec.shipped import find_model
from vitals.windowing.types import Float32, Float64

Progress = Callable[[int, int, str], None]
_POINTS = 60  # of the curve with intervals


def tune_model(  # noqa: PLR0913 - what is tuned, on whom, for what, and where it goes, by name
    model: Path,
    data: Path,
    goal: str | Goal = "5/100pd",
    progress: Progress | None = None,
    beds_per_nurse: float | None = None,
    out: Path | None = None,
    *,
    prevalence: float | None = None,
) -> dict[str, Any]:
    """Find the policy that serves a goal best, and write it, ``policy.toml`` in the model folder where no other file is named.

    Args:
        model: a model folder; a shipped model by its name where ``out`` is given.
        data: a cohort folder; its tuning part, by the model's own split, is used.
        goal: an alarm budget such as ``"5/100pd"`` or ``"0.5/shift"``, another :class:`~vitals.alerting.goal.Goal`, or
            ``"utility"``: the threshold from which calling pays in the 2019 challenge, with six hours of silence.
        progress: told what is being done.
        beds_per_nurse: for a budget per shift; without it as the model's settings say.
        out: the file to write instead; the model folder then stays as it is.
        prevalence: share of stays with an onset where nobody was left out, for a cohort of cases and sampled controls: burden
            and precision are weighted to it.

    Returns:
        The policy (and, under ``replaced``, the one that its file held before), what it does on the tuning part, the
        operating curve with its intervals, the best policies, and
        ``retuned``: the figures of the first tier with intervals that know that it was chosen on these patients: in every
        resample threshold and shape are chosen anew, among the shapes in ``best``.

    Raises:
        SettingsError: a budget that is none, a goal that no policy reaches, a shipped model called by its name without
            ``out``, or a file to write that holds something else than a policy.
        DataError: a tuning part without onsets.

    Example:
        >>> tuned = tune_model(model, ward, "60/100pd")
        >>> tuned["alarms_per_100_patient_days"] <= 60, tuned["policies"] > 1000
        (True, True)
        >>> sorted(tuned["curve_intervals"])
        ['alarms_per_100_patient_days', 'precision', 'recall', 'threshold']
    """
    model = Path(model)
    opened = open_model(model)
    file, replaced = _place(model, out)
    search = opened.settings.alerting
    search = search if beds_per_nurse is None else replace(search, beds_per_nurse=beds_per_nurse)
    check_prevalence(prevalence)
    # a budget that is none is refused before a cohort is read
    wanted = (
        goal if isinstance(goal, Goal) else None if goal == "utility" else recall_within(goal, search.beds_per_nurse)
    )
    study = open_study(opened.settings, [data], progress).take("tuning")
    risk = score_rows(opened, opened.initial_hidden(len(study.stay_id)), study.rows)
    risks, whole = study.spells(risk)
    stays = weighted(whole, prevalence)
    sample = sampling(len(study.stay_id), int(np.count_nonzero(study.whole_stays().has_onset)), prevalence=prevalence)
    if wanted is None:
        words = "the threshold from which calling pays in the 2019 utility"
        wanted, search = at_threshold(words, _paying(tau_of(study), risk)), _plain(search)
    if progress:
        progress(0, 2, "tuning")
    found = tune(risks, stays, wanted, search, patients_digest(study.subject_id), opened.digest)
    found = replace(found, policy=replace(found.policy, cadence=opened.settings.window.step))
    if progress:
        progress(1, 2, "intervals")
    spread = _intervals(Ledger(risks, stays, search), found, wanted)
    if progress:
        progress(2, 2, "intervals")
    return {
        **found.to_dict(), **spread, "warnings": [*_warnings(found), *warnings_of([sample])],
        "part": "tuning", "patients": len(set(study.subject_id)),
        "replaced": replaced and plain(replaced), "files": [str(_keep(file, model, opened, found))],
    }  # fmt: skip


def _paying(tau: Float64, risk: Float32) -> float:
    threshold = pays_from(tau, risk)
    if threshold > 1:
        raise SettingsError(
            "--utility", "a risk at which no call pays on the tuning part", "a risk that rises before the onset",
            "give an alarm budget instead, or train longer",
        )  # fmt: skip
    return threshold


def _plain(search: Alerting) -> Alerting:
    """The 2019 utility knows no silence and no episodes, so there is nothing to search for."""
    return replace(
        search, silence=(PLAIN.silence,), persistence=(PLAIN.persistence,), clear=(1.0,), rearm=(PLAIN.rearm,)
    )


def _intervals(ledger: Ledger, found: Tuned, goal: Goal) -> dict[str, Any]:
    """The curve of the first tier with its intervals, and the tuned figures with theirs."""
    shape = at(found.policy, found.policy.threshold)
    thresholds = ledger.thresholds(_POINTS)
    counts = ledger.by_patient(shape, thresholds)
    curve = {name: [list(one) for one in column] for name, column in curve_intervals(counts).items()}
    figures: dict[str, Any] = {"curve_intervals": {"threshold": thresholds.tolist(), **curve}}
    # what the resamples may choose from: the shapes told of, each at every threshold
    may = thresholds if goal.threshold is None else np.array([goal.threshold])
    every = np.concatenate([ledger.by_patient(one, may) for one, _ in found.best], axis=1)
    if goal.best(every.sum(axis=0)) is not None:
        figures["retuned"] = {name: list(one) for name, one in retuned(every, goal).items()}
    return figures


def _warnings(found: Tuned) -> list[str]:
    if found.point.recall > 0:
        return []
    return [f"no policy for this goal ({found.goal}) catches anything: it will hardly ever alert"]


def _place(model: Path, out: Path | None) -> tuple[Path, AlertPolicy | None]:
    """The file to write, and the policy that is there now; found out before anything is counted."""
    if out is None:
        _refuse_shipped(model)
        file = (model if model.is_dir() else model.parent) / POLICY_FILE
    else:
        file = Path(out)
        if file.suffix != ".toml":
            raise SettingsError(f"--out {out}", "another kind of file", "a name that ends in .toml", "write night.toml")
        refuse_unwritable(file)
    if not file.exists():
        return file, None
    try:
        return file, read(AlertPolicy, load(file), file.name)
    except SettingsError as error:
        cure = "move it away, or name another file with --out"
        raise SettingsError(
            str(file), f"a file that is no policy ({error})", "a policy to replace, or nothing", cure
        ) from None


def _keep(file: Path, model: Path, opened: Model, found: Tuned) -> Path:
    file.write_text(to_toml(plain(found.policy)), "utf-8")
    if model.is_dir() and file == model / POLICY_FILE:
        write_card(model, opened)
    return file


def _refuse_shipped(model: Path) -> None:
    """A name means the copy inside the package, which is everybody's: another ward's policy has no place in it."""
    if not model.exists():
        came, wanted = "a shipped model", "a model folder of your own, or another file with --out"
        raise SettingsError(str(model), came, wanted, f"copy it first: cp -r {find_model(model)} {model.name}")
