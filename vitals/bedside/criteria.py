"""Scores made of criteria that a patient meets or not: qSOFA and SIRS. And a ratio: the shock index.

Criteria are inequalities without holes between them, so values are compared as measured; nothing is rounded.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from vitals.bedside.score import BedsideScore, Float32, Values, count, gather, total


def qsofa(
    values: Values, ages: Values | None = None, *, max_age_hours: float | None = None, gcs_below: float = 15
) -> BedsideScore:
    """Quick SOFA (qSOFA) of each row, 0 to 3 (2 and more is positive): rate ≥ 22, systolic ≤ 100, altered mentation.

    Args:
        values: arrays ``(R,)`` by signal name, NaN where missing: ``resp_rate`` per minute, ``sbp`` in mmHg,
            ``gcs`` (3 to 15), ``avpu`` (0 alert).
        ages: hours since each value was measured, ``(R,)`` by signal name.
        max_age_hours: a value older than this counts as missing; ``None`` keeps all.
        gcs_below: mentation is altered when the Glasgow coma score is below this: 15 as in Sepsis-3, 14 for the
            "13 or less" of some implementations. Where no GCS is known, any ``avpu`` but alert counts.

    Returns:
        Components ``resp_rate``, ``sbp`` and ``mentation``.

    Raises:
        DataError: none of the signals, or arrays of different lengths.

    Example:
        >>> row = {"resp_rate": np.array([22.0]), "sbp": np.array([100.0]), "gcs": np.array([14.0])}
        >>> qsofa(row).score.tolist(), qsofa(row, gcs_below=14).score.tolist()
        ([3.0], [2.0])
    """
    names = ("resp_rate", "sbp", "gcs", "avpu")
    inputs = gather(names, values, ages, max_age_hours)
    resp_rate, sbp, gcs, avpu = (inputs.value[name] for name in names)
    no_gcs = np.isnan(gcs)
    components = {
        "resp_rate": _met(resp_rate >= 22, resp_rate),
        "sbp": _met(sbp <= 100, sbp),
        "mentation": np.where(no_gcs, _met(avpu > 0, avpu), _met(gcs < gcs_below, gcs)),
    }
    mentation_age = np.where(no_gcs, inputs.age["avpu"], inputs.age["gcs"])
    return total(components, np.fmax(inputs.oldest("resp_rate", "sbp"), mentation_age))


def sirs(values: Values, ages: Values | None = None, *, max_age_hours: float | None = None) -> BedsideScore:
    """SIRS criteria met by each row, 0 to 4 (2 and more is positive).

    Temperature < 36 or > 38 °C; pulse > 90; rate > 20 or PaCO₂ < 32 mmHg; white cells < 4 or > 12 ·10³/µL. (The
    catalogue has no band forms, so the "> 10 % bands" of the white-cell criterion is left out.)

    Args:
        values: arrays ``(R,)`` by signal name, NaN where missing: ``temperature``, ``heart_rate``, ``resp_rate``,
            ``paco2``, ``wbc``.
        ages: hours since each value was measured, ``(R,)`` by signal name.
        max_age_hours: a value older than this counts as missing; ``None`` keeps all.

    Returns:
        Components ``temperature``, ``heart_rate``, ``respiration`` (known when the rate or PaCO₂ is) and ``wbc``.

    Raises:
        DataError: none of the signals, or arrays of different lengths.

    Example:
        >>> sirs({"heart_rate": np.array([91.0, 90.0]), "resp_rate": np.array([16.0, np.nan])}).score.tolist()
        [1.0, 0.0]
    """
    names = ("temperature", "heart_rate", "resp_rate", "paco2", "wbc")
    inputs = gather(names, values, ages, max_age_hours)
    temperature, heart_rate, resp_rate, paco2, wbc = (inputs.value[name] for name in names)
    components = {
        "temperature": _met((temperature < 36) | (temperature > 38), temperature),
        "heart_rate": _met(heart_rate > 90, heart_rate),
        "respiration": np.fmax(_met(resp_rate > 20, resp_rate), _met(paco2 < 32, paco2)),
        "wbc": _met((wbc < 4) | (wbc > 12), wbc),
    }
    return total(components, inputs.oldest(*names))


def shock_index(values: Values, ages: Values | None = None, *, max_age_hours: float | None = None) -> BedsideScore:
    """Shock index of each row: heart rate / systolic pressure (about 0.5–0.7 in health; above 0.9 is a warning).

    Args:
        values: arrays ``(R,)`` by signal name, NaN where missing: ``heart_rate`` per minute, ``sbp`` in mmHg.
        ages: hours since each value was measured, ``(R,)`` by signal name.
        max_age_hours: a value older than this counts as missing; ``None`` keeps all.

    Returns:
        The ratio as ``score``, NaN unless both are known; ``components`` holds the two values, not points.

    Raises:
        DataError: neither signal, or arrays of different lengths.

    Example:
        >>> shock_index({"heart_rate": np.array([120.0]), "sbp": np.array([80.0])}).score.tolist()
        [1.5]
    """
    inputs = gather(("heart_rate", "sbp"), values, ages, max_age_hours)
    parts = {name: value.astype(np.float32) for name, value in inputs.value.items()}
    ratio = np.full_like(parts["sbp"], np.nan)
    np.divide(parts["heart_rate"], parts["sbp"], out=ratio, where=parts["sbp"] > 0)
    return BedsideScore(ratio, count(parts), inputs.oldest("heart_rate", "sbp"), parts)


def _met(criterion: NDArray[np.bool_], value: NDArray[Any]) -> Float32:
    """1 where the criterion is met, 0 where it is not, NaN where the value it reads is missing."""
    return np.where(np.isnan(value), np.nan, criterion).astype(np.float32)
