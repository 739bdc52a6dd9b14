"""What a network is taught of each row, and what a mistake there costs."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vitals.labelling.labels import label_rows
from vitals.labelling.utility import call_gain, hours_from_onset
from vitals.spec.settings import Settings
from vitals.windowing.types import Float32, Int64

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
    positive = settings.training.positive_weight
    if positive <= 0:
        counted = usable & train
        share = float(label[counted].mean()) if counted.any() else 0.0
        positive = float(np.sqrt((1 - share) / share)) if share > 0 else 1.0
    return label, np.where(usable, np.where(label > 0, positive, 1.0), 0.0).astype(np.float32)
