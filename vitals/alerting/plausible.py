"""Whether tables can be meant as they stand: guards of times, of the number of events and of the horizon."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from vitals.alerting.findings import Finding
from vitals.alerting.ranks import FEWEST
from vitals.alerting.stays import Stays
from vitals.spec.duration import Duration

_SECONDS = 60  # no stay is monitored for less


def horizon(stated: Duration | None) -> Finding:
    """Whether it is known what the risk is a probability of.

    Args:
        stated: the horizon; None where nobody said.
    """
    if stated is None:
        said = "not known within what time the risk foresees an onset, so nothing is said of calibration and decisions"
        return Finding("horizon", "unknown", said, "give horizon, such as Duration.parse('6h'), or probability=False")
    return Finding("horizon", "ok", f"the risk is that of an onset within {stated.text}")


def times(stays: Stays) -> Finding:
    """Whether times can be meant: stays of seconds, or onsets outside their stays, tell of another unit or zone.

    Args:
        stays: whole stays with their first onsets.
    """
    length = (stays.discharged - stays.admitted) / 1_000_000
    if len(length) and np.median(length) < _SECONDS:
        said = f"half of the stays are shorter than {np.median(length):.3g} s"
        return Finding("times", "warning", said, "give datetimes, or whole microseconds")
    outside = stays.has_onset & ((stays.onset < stays.admitted) | (stays.onset > stays.discharged))
    if outside.any():
        said = f"{int(outside.sum())} onsets outside their stays"
        return Finding("times", "warning", said, "compare the clocks and zones of the tables")
    return Finding("times", "ok", "onsets lie within their stays")


def few_events(patients: ArrayLike) -> Finding:
    """Whether there are enough patients with an onset that could be predicted for figures to mean anything.

    Args:
        patients: number of the patient of each such onset.
    """
    many = len(np.unique(np.asarray(patients)))
    said = f"{many} patient{'s' * (many != 1)} with an onset that could be predicted"
    if many < FEWEST:
        return Finding(
            "few_events", "warning", f"{said}: the figures are about them, not about a model", "bring more patients"
        )
    return Finding("few_events", "ok", said)
