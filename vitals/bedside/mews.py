"""MEWS, the Modified Early Warning Score (Subbe and others, 2001)."""

from __future__ import annotations

from vitals.bedside.bands import Bands
from vitals.bedside.score import BedsideScore, Values, gather, total

# Many local variants of MEWS exist; this is the table of Subbe 2001 with the holes between its bands closed.
SYSTOLIC = Bands(upto=(70, 80, 100, 199), points=(3, 2, 1, 0, 2))
PULSE = Bands(upto=(40, 50, 100, 110, 129), points=(2, 1, 0, 1, 2, 3))
RESPIRATION = Bands(upto=(8, 14, 20, 29), points=(2, 0, 1, 2, 3))
TEMPERATURE = Bands(upto=(34.9, 38.4), points=(2, 0, 2), decimals=1)
# A confused patient (1) opens the eyes unasked and is "alert" on AVPU; NEWS2 introduced confusion as a level.
CONSCIOUSNESS = Bands(upto=(1, 2, 3), points=(0, 1, 2, 3))

SIGNALS = ("sbp", "heart_rate", "resp_rate", "temperature", "avpu")


def mews(values: Values, ages: Values | None = None, *, max_age_hours: float | None = None) -> BedsideScore:
    """MEWS of each row, 0 to 14 points (5 and more is the usual trigger).

    Args:
        values: arrays ``(R,)`` by signal name, NaN where missing: ``sbp`` in mmHg, ``heart_rate`` and ``resp_rate``
            per minute, ``temperature`` in °C, ``avpu`` (0 alert, 1 confused, 2 voice, 3 pain, 4 unresponsive).
        ages: hours since each value was measured, ``(R,)`` by signal name.
        max_age_hours: a value older than this counts as missing; ``None`` keeps all.

    Raises:
        DataError: none of the signals, or arrays of different lengths.

    Example:
        >>> import numpy as np
        >>> mews({"heart_rate": np.array([115.0]), "sbp": np.array([85.0])}).score.tolist()
        [3.0]
    """
    inputs = gather(SIGNALS, values, ages, max_age_hours)
    components = {
        "sbp": SYSTOLIC.score(inputs.value["sbp"]),
        "heart_rate": PULSE.score(inputs.value["heart_rate"]),
        "resp_rate": RESPIRATION.score(inputs.value["resp_rate"]),
        "temperature": TEMPERATURE.score(inputs.value["temperature"]),
        "avpu": CONSCIOUSNESS.score(inputs.value["avpu"]),
    }
    return total(components, inputs.oldest(*SIGNALS))
