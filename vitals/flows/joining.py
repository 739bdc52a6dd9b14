"""Several cohorts as one: what happened to all their stays, and the refusal of those that cannot be joined."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vitals.alerting.spells import ClinicalEvents
from vitals.cohort.store import Cohort
from vitals.errors import DataError
from vitals.spec.settings import Settings
from vitals.windowing.types import Int64


def events_of(settings: Settings, cohorts: list[Cohort], first: Int64) -> ClinicalEvents:
    """Events of the labelled kind, stays numbered through all cohorts from ``first``, ``(cohorts,)``."""
    found = [cohort.outcome_times(settings.label.kind) for cohort in cohorts]
    stay = np.concatenate([one.stay + at for one, at in zip(found, first[:-1], strict=True)])
    return ClinicalEvents.of(stay, *(np.concatenate(column) for column in list(zip(*found, strict=True))[1:]))


def ended_of(cohorts: list[Cohort]) -> NDArray[Any] | None:
    """How each stay ended; where one cohort does not say, nobody knows of its stays what came next but that they left."""
    if all(cohort.ended is None for cohort in cohorts):
        return None
    return np.concatenate([
        np.full(len(cohort), "home", object) if cohort.ended is None else cohort.ended for cohort in cohorts
    ])  # fmt: skip


def column(cohorts: list[Cohort], name: str) -> NDArray[np.object_]:
    """A column of the stays of all cohorts, as text, ``(S,)``."""
    return np.concatenate([cohort.stays[name].astype(str).to_numpy(object) for cohort in cohorts])


def refuse_shared(cohorts: list[Cohort], name: str) -> None:
    """Refuse a patient or a stay in two of the cohorts.

    Raises:
        DataError: the first of them.
    """
    seen: dict[Any, Path] = {}
    for cohort in cohorts:
        for value in cohort.stays[name].unique():
            if value in seen:
                raise DataError(
                    f"{cohort.path} {name}", f"{value}, which is in {seen[value]} too", "each in one cohort",
                    "give one cohort only, or tell the patients apart by their ids",
                )  # fmt: skip
        seen.update(dict.fromkeys(cohort.stays[name].unique(), cohort.path))


def refuse_no_outcome(settings: Settings, cohorts: list[Cohort], onset_time: Int64) -> None:
    """Refuse cohorts in which nothing of the labelled kind happened.

    Raises:
        DataError: it names the kinds that are there.
    """
    if not len(onset_time):
        kinds = sorted({str(kind) for cohort in cohorts for kind in cohort.outcomes["kind"].unique()})
        raise DataError(
            "outcomes", f'no onset of kind "{settings.label.kind}"', "at least one",
            f"set [label] kind to one of: {', '.join(kinds) or 'none is there'}",
        )  # fmt: skip
