"""Who lies in the beds: people whose usual vital signs differ, and differ in how they answer to illness."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Patient:
    """One person, with the vital signs of a quiet day.

    Attributes:
        age: years.
        sex: 1 male, 0 female.
        site: the hospital that this person goes to.
        copd: chronic lung disease: a low oxygen saturation is usual and its target is 88-92 %.
        irregular: atrial fibrillation: the pulse jumps from minute to minute.
        heart_rate: per minute.
        heart_gain: how far the pulse follows stress; a beta-blocker halves it.
        resp_rate: per minute.
        spo2: % on air.
        sbp: mmHg.
        dbp: mmHg.
        temperature: °C.
    """

    age: float
    sex: float
    site: str
    copd: bool
    irregular: bool
    heart_rate: float
    heart_gain: float
    resp_rate: float
    spo2: float
    sbp: float
    dbp: float
    temperature: float

    @property
    def oxygen_below(self) -> float:
        """The oxygen saturation (%) under which a nurse gives oxygen."""
        return 87.5 if self.copd else 91.5


def draw_patient(rng: np.random.Generator) -> Patient:
    """One patient of a general ward: mostly old, a third with high blood pressure, a quarter on a beta-blocker.

    Example:
        >>> patient = draw_patient(np.random.default_rng(1))
        >>> 18 <= patient.age <= 98, patient.dbp < patient.sbp
        (True, True)
    """
    age = float(np.clip(rng.normal(67, 16), 18, 98))
    old = (age - 67) / 16
    chances = [0.13 + 0.03 * old, 0.10 + 0.07 * old, 0.26 + 0.08 * old, 0.36 + 0.12 * old]
    copd, irregular, beta_blocker, high_pressure = (rng.random(4) < np.clip(chances, 0.01, 0.7)).tolist()
    sbp = 119 + 4 * old + 16 * high_pressure + rng.normal(0, 11)
    return Patient(
        age=round(age, 1),
        sex=float(rng.random() < 0.52),
        site="north" if rng.random() < 0.6 else "south",
        copd=copd,
        irregular=irregular,
        heart_rate=78 - 9 * beta_blocker + 5 * irregular + rng.normal(0, 9),
        heart_gain=(0.5 if beta_blocker else 1.0) * rng.uniform(0.75, 1.2) * (1 - 0.08 * old),
        resp_rate=15.8 + 2.5 * copd + rng.normal(0, 1.7),
        spo2=min(99.0, (90.5 if copd else 96.6 - 0.3 * old) + rng.normal(0, 1.0)),
        sbp=sbp,
        dbp=0.55 * sbp + 6 - 3 * old + rng.normal(0, 6),
        temperature=36.7 + rng.normal(0, 0.22),
    )
