"""NEWS2, the National Early Warning Score 2 (Royal College of Physicians, 2017)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vitals.bedside.bands import Bands
from vitals.bedside.score import BedsideScore, Float32, Inputs, Values, gather, total
from vitals.errors import DataError

# The chart, one line a vital sign, from low to high.
RESPIRATION = Bands(upto=(8, 11, 20, 24), points=(3, 1, 0, 2, 3))
SPO2_SCALE_1 = Bands(upto=(91, 93, 95), points=(3, 2, 1, 0))
SPO2_SCALE_2_ON_AIR = Bands(upto=(83, 85, 87), points=(3, 2, 1, 0))
SPO2_SCALE_2_ON_OXYGEN = Bands(upto=(83, 85, 87, 92, 94, 96), points=(3, 2, 1, 0, 1, 2, 3))
AIR_OR_OXYGEN = Bands(upto=(0,), points=(0, 2))  # 0 air, 1 supplemental oxygen
SYSTOLIC = Bands(upto=(90, 100, 110, 219), points=(3, 2, 1, 0, 3))
PULSE = Bands(upto=(40, 50, 90, 110, 130), points=(3, 1, 0, 1, 2, 3))
CONSCIOUSNESS = Bands(upto=(0,), points=(0, 3))  # 0 alert; 1 confused, 2 voice, 3 pain, 4 unresponsive
TEMPERATURE = Bands(upto=(35.0, 36.0, 38.0, 39.0), points=(3, 1, 0, 1, 2), decimals=1)

SIGNALS = ("resp_rate", "spo2", "oxygen", "sbp", "heart_rate", "avpu", "temperature")
HIGHEST = 20


def news2(
    values: Values,
    ages: Values | None = None,
    *,
    max_age_hours: float | None = None,
    spo2_scale: int | NDArray[np.integer] = 1,
) -> BedsideScore:
    """NEWS2 of each row, 0 to 20 points (0–4 low, 5–6 urgent, 7 and more emergency).

    Args:
        values: arrays ``(R,)`` by signal name, NaN where missing: ``resp_rate`` and ``heart_rate`` per minute,
            ``spo2`` in %, ``oxygen`` (1 supplemental oxygen, 0 air), ``sbp`` in mmHg, ``avpu`` (0 alert to
            4 unresponsive), ``temperature`` in °C.
        ages: hours since each value was measured, ``(R,)`` by signal name.
        max_age_hours: a value older than this counts as missing; ``None`` keeps all.
        spo2_scale: 1, or 2 for patients with hypercapnic respiratory failure and a target of 88–92 %; an array
            ``(R,)`` chooses row by row.

    Returns:
        Points in total and by signal. Where ``oxygen`` is missing, scale 2 reads the chart's side for air.

    Raises:
        DataError: another scale than 1 or 2, none of the signals, or arrays of different lengths.

    Example:
        >>> row = {"resp_rate": [22], "spo2": [93], "sbp": [104], "heart_rate": [118], "temperature": [38.4]}
        >>> score = news2({name: np.array(value) for name, value in row.items()})
        >>> score.score.tolist(), score.observed.tolist()
        ([8.0], [5])
    """
    inputs = gather(SIGNALS, values, ages, max_age_hours)
    components = {
        "resp_rate": RESPIRATION.score(inputs.value["resp_rate"]),
        "spo2": _spo2(inputs, spo2_scale),
        "oxygen": AIR_OR_OXYGEN.score(inputs.value["oxygen"]),
        "sbp": SYSTOLIC.score(inputs.value["sbp"]),
        "heart_rate": PULSE.score(inputs.value["heart_rate"]),
        "avpu": CONSCIOUSNESS.score(inputs.value["avpu"]),
        "temperature": TEMPERATURE.score(inputs.value["temperature"]),
    }
    return total(components, inputs.oldest(*SIGNALS))


def news2_risk(points: Float32 | float) -> Float32:
    """NEWS2 on the scale of a risk, points / 20, so that one alert policy can read both.

    It ranks patients; it is not a probability. Make thresholds with this function too: ``news2_risk(7)`` is the float32
    that a score of 7 becomes, while 0.35 is a shade above it.

    Example:
        >>> float(news2_risk(5))
        0.25
    """
    return np.asarray(points, np.float32) / np.float32(HIGHEST)


def _spo2(inputs: Inputs, scale: int | NDArray[np.integer]) -> Float32:
    if not np.isin(scale, (1, 2)).all():
        raise DataError("spo2_scale", str(np.unique(scale).tolist()), "1 or 2", "choose the chart's scale 1 or scale 2")
    spo2, on_oxygen = inputs.value["spo2"], AIR_OR_OXYGEN.charted(inputs.value["oxygen"]) > 0
    scale_2 = np.where(on_oxygen, SPO2_SCALE_2_ON_OXYGEN.score(spo2), SPO2_SCALE_2_ON_AIR.score(spo2))
    return np.where(np.asarray(scale) == 2, scale_2, SPO2_SCALE_1.score(spo2))
