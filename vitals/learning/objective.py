"""What a network is taught of each row, and what a mistake there costs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vitals.labelling.labels import label_rows, outlasts
from vitals.labelling.utility import call_gain, hours_from_onset
from vitals.learning.batches import Sequences
from vitals.spec.settings import Settings
from vitals.windowing.types import Float32, Int64, Rows

_LEAST = 0.05  # the cost of a false call in the 2019 utility: no row teaches less than that


def targets(
    settings: Settings, time: Int64, stay: Int64, onset_stay: Int64, onset_time: Int64, train: NDArray[np.bool_]
) -> tuple[Float32, Float32]:
    """Target and weight of every row under the settings' objective.

    Args:
        settings: objective and label.
        time: prediction times, ``(R,)``.
        stay: stay of each row, ``(R,)``.
        onset_stay: stay of each onset, ``(m,)``.
        onset_time: when it was, ``(m,)``.
        train: rows of the training part, ``(R,)``: the balance of the classes is counted there and nowhere else.

    Returns:
        ``(R,)`` float32 each; weight 0 for a row that teaches nothing.
    """
    if settings.training.objective == "challenge_utility":
        gain = call_gain(hours_from_onset(time, stay, onset_stay, onset_time))
        return (gain > 0).astype(np.float32), np.maximum(np.abs(gain), _LEAST).astype(np.float32)
    label, usable = label_rows(settings.label, time, stay, onset_stay, onset_time)
    return label, _balanced(label, usable, train, settings.training.positive_weight)


def sequences(
    settings: Settings, rows: Rows, site: NDArray[Any], onset: tuple[Int64, Int64], train: NDArray[np.bool_],
    lost_at: Int64 | None = None,
) -> Sequences:  # fmt: skip
    """All that is to be learnt of some stays: the objective, the further horizons, and how much each site weighs.

    Args:
        settings: objective, label and ``[training]``.
        rows: of all stays; ``bed`` is the stay's number.
        site: of each stay, ``(S,)``.
        onset: stay and time of each onset, ``(m,)`` each.
        train: rows of the training part, ``(R,)``: classes and sites are counted there and nowhere else.
        lost_at: when a stay without an onset was lost, ``(S,)``: rows whose horizon outlasts that teach nothing; None
            where no stay was.
    """
    stay, training = rows.bed.astype(np.int64), settings.training
    target, weight = targets(settings, rows.time, stay, *onset, train)
    site_of_row = site[stay]
    weight = weight * _known(rows, stay, lost_at, settings.label.horizon)
    weight = weight * site_factors(site_of_row, weight, train, training.site_balance)
    data = Sequences.of(rows, len(site), target, weight)
    if not training.horizons:
        return data
    further = []
    for horizon in training.horizons:
        label, usable = label_rows(replace(settings.label, horizon=horizon), rows.time, stay, *onset)
        usable &= _known(rows, stay, lost_at, horizon)
        cost = _balanced(label, usable, train, training.positive_weight)
        further.append((label, cost * site_factors(site_of_row, cost, train, training.site_balance)))
    labels, costs = (np.stack(columns, 1) for columns in zip(*further, strict=True))
    return replace(data, further=labels, further_weight=costs)


def site_factors(site: NDArray[Any], weight: Float32, train: NDArray[np.bool_], balance: float) -> Float32:
    """By how much each row weighs more, so that sites weigh more alike; the whole keeps its weight.

    A site that weighs the share p of the training part comes to weigh ``(1 - balance) * p + balance / sites``. A site
    that training does not know keeps its weight.

    Args:
        site: of each row, ``(R,)``.
        weight: of each row, ``(R,)``.
        train: rows of the training part, ``(R,)``.
        balance: 0 changes nothing, 1 makes all sites weigh the same.

    Returns:
        ``(R,)`` float32.

    Example:
        >>> site, weight = np.array(["A", "A", "A", "B"]), np.ones(4, np.float32)
        >>> [round(factor, 3) for factor in site_factors(site, weight, weight > 0, 1.0).tolist()]
        [0.667, 0.667, 0.667, 2.0]
    """
    factor = np.ones(len(site), np.float32)
    if balance <= 0:
        return factor
    names, code = np.unique(site, return_inverse=True)
    heavy = np.bincount(code[train], weight[train].astype(np.float64), len(names))
    known = heavy > 0
    share = heavy[known] / heavy.sum()
    by_site = np.ones(len(names))
    by_site[known] = (1 - balance) + balance / (max(int(known.sum()), 1) * share)
    return by_site[code].astype(np.float32)


def _known(rows: Rows, stay: Int64, lost_at: Int64 | None, horizon: int) -> NDArray[np.bool_]:
    """Rows of which it is known whether an onset came within the horizon, ``(R,)``."""
    if lost_at is None:
        return np.ones(len(rows), bool)
    return ~outlasts(rows.time, stay, lost_at, horizon)


def _balanced(label: Float32, usable: NDArray[np.bool_], train: NDArray[np.bool_], positive: float) -> Float32:
    """What a mistake on each row costs; ``positive`` of 0 takes the square root of the ratio of the classes."""
    if positive <= 0:
        counted = usable & train
        share = float(label[counted].mean()) if counted.any() else 0.0
        positive = float(np.sqrt((1 - share) / share)) if share > 0 else 1.0
    return np.where(usable, np.where(label > 0, positive, 1.0), 0.0).astype(np.float32)
