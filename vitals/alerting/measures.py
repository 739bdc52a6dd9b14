"""What is said about alerts, each as a ratio of counts: one definition for a cohort, a patient sample and a grid.

Counts are arrays ``(..., len(COUNTS))``: of a patient, of all of them, of a resampled set. Because every figure is a
ratio of sums over patients, resampling patients means weighting their counts, not judging alerts again.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Float64 = NDArray[np.float64]

DAY = 24 * 3600
COUNTS = ("alerts", "true", "false", "detected", "indeterminate", "predictable", "onsets", "seconds")
"""Alerts until onset; those that warn of it; those too early or in a stay without one; onsets with a true alert; alerts after
which the record ends before one can know (the rest came too late); onsets with a valid risk while there was time to warn; all
onsets; seconds at risk (whole numbers, so that sums are exact)."""

FIXED = COUNTS[5:]
"""Those that no policy changes."""

MEASURES = (
    "recall",
    "recall_of_all",
    "precision",
    "precision_first_per_event",
    "precision_if_unknown_false",
    "precision_if_unknown_true",
    "needed_to_evaluate",
    "alarms_per_100_patient_days",
    "false_alarms_per_100_patient_days",
    "alarms_per_bed_shift",
)


def measure(name: str, counts: Float64) -> Float64:
    """One measure of counts.

    Args:
        name: one of ``MEASURES``. ``recall`` is of predictable onsets; ``precision`` counts every true alert,
            ``precision_first_per_event`` only the first before each onset (later ones count as neither); indeterminate
            alerts count as neither, and ``precision_if_unknown_false`` and ``…_true`` tell how much hangs on them;
            ``needed_to_evaluate`` is 1 / precision; a shift has 12 hours.
        counts: ``(..., 8)`` in the order of ``COUNTS``.

    Returns:
        ``(...)`` float64; NaN where nothing was there to count.

    Example:
        >>> counts = np.array([12.0, 4, 6, 2, 2, 4, 5, 50 * DAY])
        >>> [round(float(measure(name, counts)), 3) for name in MEASURES]
        [0.5, 0.4, 0.4, 0.25, 0.333, 0.5, 2.5, 24.0, 12.0, 0.12]
    """
    columns = np.moveaxis(np.asarray(counts, np.float64), -1, 0)
    alerts, true, false, detected, unknown, predictable, onsets, seconds = columns
    above, below = {
        "recall": (detected, predictable),
        "recall_of_all": (detected, onsets),
        "precision": (true, true + false),
        "precision_first_per_event": (detected, detected + false),
        "precision_if_unknown_false": (true, true + false + unknown),
        "precision_if_unknown_true": (true + unknown, true + false + unknown),
        "needed_to_evaluate": (true + false, true),
        "alarms_per_100_patient_days": (100.0 * DAY * alerts, seconds),
        "false_alarms_per_100_patient_days": (100.0 * DAY * false, seconds),
        "alarms_per_bed_shift": (0.5 * DAY * alerts, seconds),
    }[name]
    ratio: Float64 = np.divide(above, below, out=np.full(np.shape(above), np.nan), where=below > 0)
    return ratio
