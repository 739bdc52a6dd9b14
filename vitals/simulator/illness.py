"""What makes patients worse: four courses, and a severity that uses up the patient's reserve.

Severity is the used-up share of a patient's reserve. **The onset is the first minute at which it reaches 1.** Nothing
measured takes part in that: the vital signs follow the severity, each course in its own way and each patient more or
less openly, so no score of vital signs can know the onset for certain.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vitals.simulator.noise import wander

Float = NDArray[np.float64]


@dataclass(frozen=True)
class Course:
    """How one kind of deterioration shows.

    Attributes:
        name: the kind.
        share: of all deteriorations.
        early: change of each vital sign in proportion to the severity.
        late: further change in proportion to its third power: what gives way only near the end.
        calm: share of the pulse's minute-to-minute variability that is lost at severity 1 (below 0: gained).
    """

    name: str
    share: float
    early: Mapping[str, float]
    late: Mapping[str, float]
    calm: float


# Units: per minute, %, mmHg, °C; "mind" is in steps of AVPU.
COURSES = (
    Course(
        "sepsis",
        share=0.38,
        early={"heart_rate": 30, "resp_rate": 6.5, "spo2": -1.5, "sbp": -10, "dbp": -13, "temperature": 1.8},
        late={"heart_rate": 15, "resp_rate": 6.5, "spo2": -3, "sbp": -28, "dbp": -17, "mind": 1.4},
        calm=0.6,
    ),
    Course(
        "respiratory failure",
        share=0.26,
        early={"heart_rate": 15, "resp_rate": 9.5, "spo2": -4.0, "sbp": 9, "dbp": 5, "temperature": 0.4},
        late={"heart_rate": 12, "resp_rate": 7.5, "spo2": -7.5, "sbp": 5, "mind": 1.1},
        calm=0.4,
    ),
    Course(
        "bleeding",
        share=0.19,
        early={"heart_rate": 26, "resp_rate": 4, "sbp": -4, "dbp": 8, "temperature": -0.4},
        late={"heart_rate": 24, "resp_rate": 6, "spo2": -1.5, "sbp": -45, "dbp": -30, "mind": 1.0},
        calm=0.5,
    ),
    Course(
        "cardiac",
        share=0.17,
        early={"heart_rate": 12, "resp_rate": 6, "spo2": -2.2, "sbp": -17, "dbp": -2},
        late={"heart_rate": 18, "resp_rate": 6, "spo2": -4.5, "sbp": -23, "dbp": -8, "mind": 0.6},
        calm=-0.9,
    ),
)


HOURS_AFTER_ONSET = 4  # the patient has been moved to intensive care by then
EARLIEST = 30  # minutes: nobody comes to a ward with the reserve used up already


@dataclass(frozen=True)
class Illness:
    """What happens to one patient during one stay.

    Attributes:
        course: the kind; ``None`` for a patient who stays well.
        severity: used-up share of the reserve, one value a minute, ``(minutes,)``.
        shows: how openly each vital sign follows, 1 as the table of courses says.
        onset: first minute at which the severity reaches 1; ``None`` where it does not.
    """

    course: Course | None
    severity: Float
    shows: Mapping[str, float]
    onset: int | None

    def change(self, vital: str) -> Float:
        """The change of one vital sign, ``(minutes,)`` in its unit."""
        if self.course is None:
            return np.zeros_like(self.severity)
        early, late = self.course.early.get(vital, 0.0), self.course.late.get(vital, 0.0)
        return self.shows.get(vital, 1.0) * (early * self.severity + late * self.severity**3)


def stay_well(minutes: int) -> Illness:
    """No illness beyond what brought the patient in."""
    return Illness(None, np.zeros(minutes), {}, None)


def deteriorate(rng: np.random.Generator, planned: int) -> Illness:
    """A deterioration whose severity would reach 1 at minute ``planned`` if it grew smoothly.

    It has been growing for 3 to 36 hours by then, perhaps since before the admission. The path goes on beyond the
    onset; the caller cuts it at the end of the stay.

    Example:
        >>> illness = deteriorate(np.random.default_rng(1), planned=600)
        >>> bool(illness.severity[illness.onset - 1] < 1 <= illness.severity[illness.onset])
        True
    """
    course = COURSES[rng.choice(len(COURSES), p=[course.share for course in COURSES])]
    drift = 60 * float(np.clip(rng.lognormal(np.log(11), 0.5), 3, 36))
    # twice the drift after its start the smooth path stands at 1.6 or more: it has crossed 1 whatever the noise
    minutes = planned + int(drift) + 60 * HOURS_AFTER_ONSET
    grown = np.clip((np.arange(minutes) - planned + drift) / drift, 0, None)
    severity = grown ** rng.uniform(0.7, 1.5) * np.exp(0.08 * wander(rng, minutes, 120))
    severity[:EARLIEST] = np.minimum(severity[:EARLIEST], 0.97)
    return Illness(course, np.minimum(severity, 1.6), _openness(rng, course), int(np.argmax(severity >= 1)))


def recover(rng: np.random.Generator, minutes: int) -> Illness:
    """The beginning of a deterioration that is halted in time: it looks the same and comes to nothing.

    Example:
        >>> bool(recover(np.random.default_rng(1), minutes=600).severity.max() < 1)
        True
    """
    course = COURSES[rng.choice(len(COURSES), p=[course.share for course in COURSES])]
    rise, fall = 60 * rng.lognormal(np.log([11, 7]), 0.5)
    since_peak = np.arange(minutes) - rng.uniform(0, minutes)
    shape = np.where(since_peak < 0, np.clip(1 + since_peak / rise, 0, 1), np.exp(-np.maximum(since_peak, 0) / fall))
    severity = rng.uniform(0.25, 0.75) * shape ** rng.uniform(0.7, 1.5) * np.exp(0.08 * wander(rng, minutes, 120))
    return Illness(course, np.minimum(severity, 0.95), _openness(rng, course), None)


def _openness(rng: np.random.Generator, course: Course) -> dict[str, float]:
    """How openly the illness shows: a fifth of the patients hide much of it, and no two vital signs agree."""
    overall = rng.uniform(0.3, 0.6) if rng.random() < 0.2 else rng.uniform(0.75, 1.3)
    names = ("heart_rate", "resp_rate", "spo2", "sbp", "dbp", "temperature", "mind")
    shows = dict(zip(names, (overall * rng.lognormal(0, 0.25, len(names))).tolist(), strict=True))
    turned = rng.random()
    if course.name == "sepsis" and turned < 0.2:
        shows["temperature"] *= -0.7  # cold sepsis
    if course.name == "cardiac" and turned < 0.35:
        shows["heart_rate"] *= -1.1  # a slow rhythm
    return shows
