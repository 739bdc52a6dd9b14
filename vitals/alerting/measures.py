"""What is said about alerts, each as a ratio of counts: one definition for a cohort, a patient sample and a grid.

Counts are arrays ``(..., len(COUNTS))``: of a patient, of all of them, of a resampled set. Because every figure is a
ratio of sums over patients, resampling patients means weighting their counts, not judging alerts again.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Float64 = NDArray[np.float64]

DAY = 24 * 3600
COUNTS = ("alerts", "true", "false", "detected", "predictable", "onsets", "seconds")
"""Alerts until onset; those that warn of it; those too early or in a stay without one (the rest came too late); onsets
with a true alert; onsets with a valid risk while there was time to warn; all onsets; seconds at risk (whole numbers, so that sums are exact)."""

MEASURES = (
    "recall",
    "recall_of_all",
    "precision",
    "precision_first_per_event",
    "needed_to_evaluate",
    "alarms_per_100_patient_days",
)


def measure(name: str, counts: Float64) -> Float64:
    """One measure of counts.

    Args:
        name: one of ``MEASURES``. ``recall`` is of predictable onsets; ``precision`` counts every true alert,
            ``precision_first_per_event`` only the first before each onset (later ones count as neither);
            ``needed_to_evaluate`` is 1 / precision.
        counts: ``(..., 7)`` in the order of ``COUNTS``.

    Returns:
        ``(...)`` float64; NaN where nothing was there to count.

    Example:
        >>> counts = np.array([10.0, 4, 6, 2, 4, 5, 50 * DAY])
        >>> [round(float(measure(name, counts)), 3) for name in MEASURES]
        [0.5, 0.4, 0.4, 0.25, 2.5, 20.0]
    """
    alerts, true, false, detected, predictable, onsets, seconds = np.moveaxis(np.asarray(counts, np.float64), -1, 0)
    above, below = {
        "recall": (detected, predictable),
        "recall_of_all": (detected, onsets),
        "precision": (true, true + false),
        "precision_first_per_event": (detected, detected + false),
        "needed_to_evaluate": (true + false, true),
        "alarms_per_100_patient_days": (100.0 * DAY * alerts, seconds),
    }[name]
    ratio: Float64 = np.divide(above, below, out=np.full(np.shape(above), np.nan), where=below > 0)
    return ratio
