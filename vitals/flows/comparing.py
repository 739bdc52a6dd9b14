"""Compare a new model with the one it is to replace, on the same patients, by criteria written down before."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from vitals.alerting.findings import warnings_of
from vitals.alerting.guards import sampling
from vitals.alerting.measures import COUNTS
from vitals.alerting.ranks import FEWEST
from vitals.alerting.weighting import check_prevalence
from vitals.cohort.store import open_cohort
from vitals.errors import DataError, SettingsError
from vitals.flows.comparing_criteria import (
    Side,
    counts_of,
    judge_as_they_stand,
    judge_burden,
    judge_calibration,
    judge_groups,
    judge_recall,
)
from vitals.flows.guarding import refuse_tuning_patients, training_patients
from vitals.flows.report_groups import groups_of
from vitals.flows.study import open_study
from vitals.flows.watching import find_policy
from vitals.scoring.model import Model, open_model
from vitals.scoring.ward_step import score_rows
from vitals.spec.criteria import Criteria
from vitals.ward.outputs import refuse_other_model

Progress = Callable[[int, int, str], None]


def compare(  # noqa: PLR0913 - what is compared, by what, on whom, and on what terms, by name
    models: tuple[Path, Path],
    data: Path,
    criteria: Path,
    part: str = "held_out",
    progress: Progress | None = None,
    replicates: int = 1000,
    *,
    prevalence: float | None = None,
) -> dict[str, Any]:
    """Judge a new model beside an old one; it passes when it keeps to every criterion that could be judged, recall among them.

    Both score the stays that the splits of both put into the part. What each criterion means:
    :mod:`vitals.flows.comparing_criteria`.

    Args:
        models: the old one and the new one, folders with a policy or shipped models by name.
        data: a cohort folder.
        criteria: a TOML file (:class:`~vitals.spec.criteria.Criteria`).
        part: ``"held_out"``, another part, or ``"all"`` for a cohort of other patients.
        progress: told what is being done.
        replicates: of the resampling of patients.
        prevalence: share of stays with an onset where nobody was left out, for a cohort of cases and sampled controls: alarms
            are weighted to it, and calibration is not judged.

    Returns:
        ``passed``, and of each criterion what was wanted, what was found, and whether it passed (None: not judged).

    Raises:
        SettingsError: criteria that cannot be read, a model without a policy or tuned on these patients, or models that
            predict different outcomes.
        ModelError: a damaged model, or a policy of another one.
        DataError: a damaged cohort, or too few events to compare anything.

    Example:
        >>> compare((Path("models/old"), Path("models/new")), Path("ward"), Path("no/such.toml"))
        Traceback (most recent call last):
        vitals.errors.SettingsError: no/such.toml: came no such file; wanted a TOML settings file; check the path
    """
    wanted = Criteria.from_toml(criteria)
    check_prevalence(prevalence)
    old, new = _sides(models, Path(data), part, progress, prevalence)
    own = counts_of(old, new), counts_of(new, new, old)
    events = int(own[1][:, COUNTS.index("predictable")].sum())
    if events < FEWEST:
        came, cure = f"{events} events that could be predicted", "bring more patients"
        raise DataError(f"part {part}", came, f"at least {FEWEST}", cure)
    found: list[dict[str, Any]] = []
    if wanted.recall.judged:
        found.append(judge_recall(old, new, own[0], wanted.recall, replicates))
        found.append(judge_as_they_stand(old, new, wanted.recall, replicates))
    if wanted.burden.judged:
        found.append(judge_burden(*own, wanted.burden))
    if wanted.groups.judged:
        table = open_cohort(Path(data)).stays
        table = table.set_index(table["stay_id"].astype(str)).loc[list(new.study.stay_id)]
        found += judge_groups(new, own[1], groups_of(table), wanted.groups, replicates)
    if wanted.calibration.judged:
        found += judge_calibration(new, wanted.calibration)
    stays = new.study.whole_stays()
    sampled = sampling(len(stays), int(np.count_nonzero(stays.has_onset)), prevalence=prevalence)
    return {
        "passed": _passed(found), "part": part, "criteria": found,
        "not_judged": [one["criterion"] for one in found if one["passed"] is None],
        "old": old.model.digest, "new": new.model.digest, "patients": len(set(new.study.subject_id)),
        "stays": len(new.study.stay_id), "events": events, "warnings": [*_warnings(old, new), *warnings_of([sampled])],
    }  # fmt: skip


def _passed(found: list[dict[str, Any]]) -> bool:
    """Nothing that was judged failed, something was, and recall was if it was asked for: few groups are large enough, though."""
    results = [one["passed"] for one in found]
    recall = [one["passed"] for one in found if one["criterion"].startswith(("recall at", "recall of"))]
    return False not in results and True in results and None not in recall


def _sides(
    models: tuple[Path, Path], data: Path, part: str, progress: Progress | None, prevalence: float | None
) -> tuple[Side, Side]:
    one, other = (open_model(path) for path in models)
    if one.settings.label.kind != other.settings.label.kind:
        came = f'"{one.settings.label.kind}" and "{other.settings.label.kind}"'
        raise SettingsError("models", f"outcomes {came}", "one outcome", "compare models of the same outcome")
    ours = replace(one.settings, alerting=other.settings.alerting)  # the new one's settings say what an event is
    wholes = [open_study(ours, [data], progress)]
    wholes.append(wholes[0] if _same_rows(one, other) else open_study(other.settings, [data], progress))
    chosen = np.ones(len(wholes[0].stay_id), bool)
    for whole in wholes:
        chosen &= True if part == "all" else whole.part == part
        whole.take(part)  # refuses a part that is none
    if not chosen.any():
        raise DataError(
            f"part {part}", "no stay in that part of both models' splits", "some", "compare on other patients"
        )
    sides: list[Side] = []
    for path, model, whole in zip(models, (one, other), wholes, strict=True):
        policy = find_policy(path)
        if policy is None:
            raise SettingsError(
                str(path), "a model without a policy", "one with policy.toml", f"vitals tune {path} first"
            )
        refuse_other_model(model, policy)
        study = whole.of(np.flatnonzero(chosen))
        seen = training_patients(model, study, part)
        if seen.level == "warning":  # a gate that opens on the patients a model was taught by is none
            raise SettingsError(f"part {part}", f"{path}: {seen.said}", "patients that neither model knows", seen.cure)
        said = tuple(warnings_of([refuse_tuning_patients(model, study, policy)]))
        if progress:
            progress(len(sides), 2, "scoring")
        risk = score_rows(model, model.initial_hidden(len(study.stay_id)), study.rows)
        sides.append(Side(model, policy, study, risk, said, prevalence))
    return sides[0], sides[1]


def _same_rows(one: Model, other: Model) -> bool:
    """Whether the two see the same rows, labels and parts, so that they need to be made only once."""
    new = other.settings
    return (
        replace(one.settings, name=new.name, network=new.network, training=new.training, alerting=new.alerting) == new
    )


def _warnings(old: Side, new: Side) -> list[str]:
    said = [f"{name} model: {words}" for name, side in (("old", old), ("new", new)) for words in side.warnings]
    one, other = (side.model.settings.alerting for side in (old, new))
    if (one.lead_min, one.lead_max, one.death) != (other.lead_min, other.lead_max, other.death):
        said.append("the models' settings differ in what a useful alert is: both were judged by the new one's")
    return said
