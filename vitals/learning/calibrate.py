"""Platt calibration: the logit becomes a probability, on patients that training never saw."""

from __future__ import annotations

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression

from vitals.errors import DataError
from vitals.learning.ensemble import Ensemble
from vitals.learning.network import Network
from vitals.windowing.types import Float32


def calibrate(network: Network | Ensemble, logit: Float32, label: Float32) -> None:
    """Fit slope and intercept so that ``sigmoid(slope * logit + intercept)`` is the probability of the label.

    Args:
        network: its calibration is set.
        logit: of the calibration part's rows, ``(R,)``.
        label: 0 or 1, ``(R,)``.

    Raises:
        DataError: a part with one class only, or a network whose logits fall where they should rise.
    """
    if len(label) == 0 or label.min() == label.max():
        raise DataError(
            "part tuning", f"{len(label)} rows of one class", "rows before an onset and others",
            "bring more patients or change [split]",
        )  # fmt: skip
    platt = LogisticRegression(C=np.inf, tol=1e-8, max_iter=1000).fit(logit.reshape(-1, 1).astype(np.float64), label)
    slope, intercept = float(platt.coef_[0, 0]), float(platt.intercept_[0])
    if slope <= 0:
        raise DataError(
            "part tuning", f"a calibration slope of {slope:.3g}", "risks that rise with the score",
            "train longer or on more patients: the network has learnt nothing that holds for others",
        )  # fmt: skip
    with torch.no_grad():
        network.slope.fill_(slope)
        network.intercept.fill_(intercept)
