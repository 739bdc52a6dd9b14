"""The true vital signs of one stay, minute by minute: usual level, clock, wandering, harmless changes and illness."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vitals.simulator.excursions import draw_excursions
from vitals.simulator.illness import Illness
from vitals.simulator.noise import wander
from vitals.simulator.patients import Patient

Float = NDArray[np.float64]
VitalSigns = dict[str, Float]

# Change from the daily mean at four in the afternoon; the opposite twelve hours later.
CLOCK = {"heart_rate": 3.5, "resp_rate": 0.6, "spo2": 0.3, "sbp": 4.5, "dbp": 2.5, "temperature": 0.25}
# What the illness or operation behind the admission adds at first; it settles within the first day or two.
ADMISSION = {"heart_rate": 9, "resp_rate": 2.2, "spo2": -1.0, "sbp": 4, "temperature": 0.35}


def vital_signs(rng: np.random.Generator, patient: Patient, illness: Illness, hour_of_day: Float) -> VitalSigns:
    """The true vital signs of a stay on air, before anyone measures them.

    Args:
        rng: where the chance comes from.
        patient: the usual level of each.
        illness: what happens to the patient.
        hour_of_day: 0 to 24 for each minute of the stay, ``(minutes,)``.

    Returns:
        heart_rate, resp_rate, spo2, sbp, dbp, temperature and mind (0 alert, in steps of AVPU), ``(minutes,)`` each.

    Example:
        >>> from vitals.simulator.illness import stay_well
        >>> from vitals.simulator.patients import draw_patient
        >>> rng, day = np.random.default_rng(1), np.arange(1440) / 60
        >>> signs = vital_signs(rng, draw_patient(rng), stay_well(1440), day)
        >>> sorted(signs), len(signs["spo2"])
        (['dbp', 'heart_rate', 'mind', 'resp_rate', 'sbp', 'spo2', 'temperature'], 1440)
    """
    minutes = len(hour_of_day)
    change = draw_excursions(rng, hour_of_day)
    settling = rng.gamma(1.2, 0.8) * np.exp(-np.arange(minutes) / (60 * rng.uniform(4, 18)))
    day = np.cos(2 * np.pi * (hour_of_day - 16) / 24) * rng.uniform(0.5, 1.4)
    wandering = _wandering(rng, patient, illness, minutes)
    signs = {}
    for vital in ("heart_rate", "resp_rate", "spo2", "sbp", "dbp", "temperature", "mind"):
        stress = change.get(vital, 0.0) + ADMISSION.get(vital, 0.0) * settling + illness.change(vital)
        if vital == "heart_rate":
            stress = stress * patient.heart_gain
        level = 0.0 if vital == "mind" else getattr(patient, vital)
        signs[vital] = level + CLOCK.get(vital, 0.0) * day + stress + wandering.get(vital, 0.0)
    return _bounded(signs)


def _wandering(rng: np.random.Generator, patient: Patient, illness: Illness, minutes: int) -> VitalSigns:
    """Correlated noise: arousal (tens of minutes) and condition (hours) move several vital signs together."""
    arousal, condition = wander(rng, minutes, 20), wander(rng, minutes, 300)
    calm = illness.course.calm * np.sqrt(illness.severity) if illness.course else 0.0
    beat = (6.5 if patient.irregular else 2.4) * np.clip(1 - calm, 0.15, None)
    return {
        "heart_rate": patient.heart_gain * (3.0 * arousal + 2.5 * condition) + beat * wander(rng, minutes, 4),
        "resp_rate": 0.8 * arousal + 0.6 * condition + 1.1 * wander(rng, minutes, 8),
        "spo2": -0.3 * condition + 0.6 * wander(rng, minutes, 25),
        "sbp": 3.5 * arousal - 2 * condition + 5 * wander(rng, minutes, 80),
        "dbp": 2 * arousal - 1 * condition + 4 * wander(rng, minutes, 80),
        "temperature": 0.06 * condition + 0.15 * wander(rng, minutes, 500),
    }


def _bounded(signs: VitalSigns) -> VitalSigns:
    """Keep a living patient's order: pressures apart, saturation at most 100 %."""
    signs["heart_rate"] = np.clip(signs["heart_rate"], 32, 205)
    signs["resp_rate"] = np.clip(signs["resp_rate"], 5, 55)
    signs["spo2"] = np.clip(signs["spo2"], 60, 100)
    signs["sbp"] = np.clip(signs["sbp"], 52, 245)
    signs["dbp"] = np.clip(signs["dbp"], 25, signs["sbp"] - 12)
    return signs
