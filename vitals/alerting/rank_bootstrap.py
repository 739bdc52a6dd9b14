"""AUROC and AUPRC of resampled patients, exact with ties: rows are sorted once, a replicate only weighs them anew."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vitals.alerting.bootstrap import interval, patient_weights
from vitals.errors import DataError
from vitals.labelling.ranking import auprc, auroc
from vitals.windowing.compiled import compiled

Float64 = NDArray[np.float64]


class Ranked(NamedTuple):
    """Rows from the highest risk down, as the compiled loop takes them.

    Attributes:
        positive: ``(R,)`` bool.
        patient: number of each row's patient, ``(R,)`` int64.
        last: whether the next row has another risk, ``(R,)`` bool: rows of one risk are counted together.
    """

    positive: NDArray[np.bool_]
    patient: NDArray[np.int64]
    last: NDArray[np.bool_]


def ranking_intervals(
    label: ArrayLike, risk: ArrayLike, patient: ArrayLike, replicates: int = 200, seed: int = 1
) -> dict[str, list[float]]:
    """AUROC and AUPRC with the 95 % percentile intervals of resampled patients.

    Args:
        label: 0 or 1 for each row, ``(R,)``.
        risk: ``(R,)``, no NaN.
        patient: number of each row's patient from 0, ``(R,)``: all rows of a patient are drawn together.
        replicates: number of draws.
        seed: the same seed draws the same patients.

    Returns:
        ``"auroc"`` and ``"auprc"``, each ``[value, low, high]``; NaN where all rows have one label.

    Raises:
        DataError: columns of different lengths, a NaN risk, or a label other than 0 and 1.

    Example:
        >>> found = ranking_intervals([0, 1, 0, 1], [0.1, 0.4, 0.4, 0.8], [0, 0, 1, 2])
        >>> found["auroc"][0], found["auroc"][1] <= 0.875 <= found["auroc"][2]
        (0.875, True)
    """
    values = [auroc(label, risk), auprc(label, risk)]
    patients = np.asarray(patient, np.int64)
    if patients.shape != np.shape(label):
        raise DataError("patients", f"{patients.shape} for {np.shape(label)} rows", "one a row", "pass equal columns")
    ranked = _ranked(np.asarray(label) == 1, np.asarray(risk, np.float64), patients)
    many = int(patients.max(initial=-1)) + 1
    draws = np.concatenate(
        [np.zeros((0, 2))] + [weighted_ranking(ranked, weights) for weights in patient_weights(many, replicates, seed)]
    )
    names = ("auroc", "auprc")
    return {name: [*interval(value, drawn)] for name, value, drawn in zip(names, values, draws.T, strict=True)}


def _ranked(positive: NDArray[np.bool_], risk: Float64, patient: NDArray[np.int64]) -> Ranked:
    order = np.argsort(risk)[::-1]
    falling = risk[order]
    return Ranked(positive[order], patient[order], np.append(falling[1:] != falling[:-1], True)[: len(order)])


@compiled
def weighted_ranking(ranked, weights):  # type: ignore[no-untyped-def]
    """AUROC and AUPRC of rows that count as often as their patient was drawn, ``(r, P)`` in, ``(r, 2)`` out."""
    out = np.full((len(weights), 2), np.nan)
    for r in range(len(weights)):
        true, false, pairs, precision = 0.0, 0.0, 0.0, 0.0
        more_true, more_false = 0.0, 0.0
        for i in range(len(ranked.patient)):
            weight = weights[r, ranked.patient[i]]
            if ranked.positive[i]:
                more_true += weight
            else:
                more_false += weight
            if ranked.last[i]:
                pairs += more_false * (true + 0.5 * more_true)
                true += more_true
                false += more_false
                if more_true > 0:
                    precision += more_true * true / (true + false)
                more_true = more_false = 0.0
        if true > 0 and false > 0:
            out[r, 0] = pairs / (true * false)
            out[r, 1] = precision / true
    return out
