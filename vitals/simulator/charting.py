"""What is written down of the true vital signs: a monitor every minute, a nurse at each round, and both err."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vitals.simulator.physiology import VitalSigns
from vitals.simulator.ward import MINUTE, SECOND, SIGNALS

Float = NDArray[np.float64]

CONTINUOUS = ("heart_rate", "resp_rate", "spo2")
ERROR = {"heart_rate": 0.8, "resp_rate": 1.0, "spo2": 0.6, "sbp": 4.0, "dbp": 3.0, "map": 1.5, "temperature": 0.12}
PROBE_OFF_PER_DAY = {"heart_rate": 1.5, "resp_rate": 2.5, "spo2": 4.0}
ARTEFACTS_PER_HOUR = {"heart_rate": 0.15, "resp_rate": 0.5, "spo2": 0.35}
MISSED_AT_ROUND = {"temperature": 0.15, "avpu": 0.08, "oxygen": 0.08, "sbp": 0.03}
MIND_LEVELS = (0.8, 1.2, 1.6, 2.0)  # confused, voice, pain, unresponsive


@dataclass(frozen=True)
class Chart:
    """Values that were written down during one stay, in no particular order.

    Attributes:
        time: when each was measured, ``(n,)`` int64 microseconds.
        signal: position in ``SIGNALS``, ``(n,)`` int16.
        value: as displayed, ``(n,)`` float32.
        by_hand: entered by a nurse rather than sent by a monitor, ``(n,)`` bool.
    """

    time: NDArray[np.int64]
    signal: NDArray[np.int16]
    value: NDArray[np.float32]
    by_hand: NDArray[np.bool_]

    @classmethod
    def of(cls, name: str, time: NDArray[np.int64], value: NDArray[Any], by_hand: bool) -> Chart:
        """One signal's values, rounded as displays and charts round: temperature to 0.1, all else to whole numbers."""
        shown = np.round(np.maximum(value, 0), 1 if name == "temperature" else 0).astype(np.float32)
        code = np.full(len(time), SIGNALS.index(name), np.int16)
        return cls(time, code, shown, np.full(len(time), by_hand))

    @classmethod
    def join(cls, charts: list[Chart]) -> Chart:
        """All values of several charts."""
        return cls(*(np.concatenate([getattr(chart, name) for chart in charts]) for name in cls.__dataclass_fields__))


def read_monitor(rng: np.random.Generator, signs: VitalSigns, admitted: int) -> Chart:
    """Pulse, breathing and saturation once a minute, with gaps, zeros of a probe that fell off, and artefacts."""
    minutes = len(signs["heart_rate"])
    seconds = rng.uniform(0, 60) + 60 * np.arange(minutes) + rng.normal(0, 0.4, minutes)
    time = admitted + 1 + (np.maximum(seconds, 0) * 1000).astype(np.int64) * 1000
    disconnected = _off(rng, minutes, per_day=1.2, typical=25)
    charts = []
    for name in CONTINUOUS:
        value = signs[name] + rng.normal(0, ERROR[name], minutes)
        value = np.minimum(value, 100) if name == "spo2" else value
        value = _artefacts(rng, name, value)
        off = np.maximum(disconnected, _off(rng, minutes, PROBE_OFF_PER_DAY[name], typical=9))
        value[off == _ZERO] = 0
        sent = off != _SILENT
        charts.append(Chart.of(name, time[sent], value[sent], by_hand=False))
    return Chart.join(charts)


def chart_rounds(
    rng: np.random.Generator, signs: VitalSigns, rounds: NDArray[np.int64], start: int, spot_checked: bool
) -> Chart:
    """What a nurse charts: pressures, temperature, consciousness, oxygen, and all the rest of a spot-checked patient.

    Args:
        rng: where the chance comes from.
        signs: the true vital signs with ``oxygen``, ``(minutes,)`` each.
        rounds: minutes of the rounds.
        start: the time of minute 0, microseconds.
        spot_checked: no monitor is attached: pulse, breathing and saturation are charted too.
    """
    read = {name: sign[rounds] for name, sign in signs.items()}
    seen = {name: read[name] + rng.normal(0, ERROR[name], len(rounds)) for name in ("sbp", "dbp", "temperature")}
    seen["dbp"] = np.minimum(seen["dbp"], seen["sbp"] - 8)
    seen["map"] = seen["dbp"] + (seen["sbp"] - seen["dbp"]) / 3 + rng.normal(0, ERROR["map"], len(rounds))
    seen["map"] = np.clip(seen["map"], seen["dbp"], seen["sbp"])
    seen["avpu"] = np.searchsorted(MIND_LEVELS, read["mind"]).astype(np.float64)
    seen["oxygen"] = read["oxygen"]
    if spot_checked:
        seen |= {name: read[name] + rng.normal(0, ERROR[name], len(rounds)) for name in CONTINUOUS}
        seen["resp_rate"] = 2 * np.rint(seen["resp_rate"] / 2)  # counted for half a minute, then doubled
        seen["spo2"] = np.minimum(seen["spo2"], 100)
    begun = start + 1 + rounds * MINUTE + rng.integers(0, 30, len(rounds)) * SECOND
    return _write_down(rng, seen, begun)


def _write_down(rng: np.random.Generator, seen: dict[str, Any], begun: NDArray[np.int64]) -> Chart:
    cuff_failed = rng.random(len(begun)) < MISSED_AT_ROUND["sbp"]
    taken = {"temperature": 40, "avpu": 55, "oxygen": 55}  # seconds after the cuff
    charts = []
    for name, value in seen.items():
        pressure = name in {"sbp", "dbp", "map"}
        missed = cuff_failed if pressure else rng.random(len(begun)) < MISSED_AT_ROUND.get(name, 0.02)
        time = begun + taken.get(name, 0) * SECOND
        charts.append(Chart.of(name, time[~missed], value[~missed], by_hand=True))
    return Chart.join(charts)


_SILENT, _ZERO = 1, 2


def _off(rng: np.random.Generator, minutes: int, per_day: float, typical: float) -> NDArray[np.int8]:
    """Minutes without a reading: silent (1), or the monitor sends zeros (2)."""
    off = np.zeros(minutes, np.int8)
    starts = rng.integers(0, minutes, rng.poisson(per_day * minutes / 1440))
    lengths = np.ceil(typical * rng.lognormal(0, 0.8, len(starts))).astype(int)
    kinds = np.where(rng.random(len(starts)) < 0.3, _ZERO, _SILENT)
    for start, length, kind in zip(starts, lengths, kinds, strict=True):
        off[start : start + length] = kind
    return off


def _artefacts(rng: np.random.Generator, name: str, value: Float) -> Float:
    """Spikes of one to a few minutes: double-counted or halved pulse, movement read as breath, a cold finger."""
    starts = rng.integers(0, len(value), rng.poisson(ARTEFACTS_PER_HOUR[name] * len(value) / 60))
    for start, length in zip(starts, rng.geometric(0.5, len(starts)), strict=True):
        part = value[start : start + length]
        if name == "heart_rate":
            part *= rng.uniform(1.4, 2.0) if rng.random() < 0.6 else 0.5
        elif name == "resp_rate":
            part[:] = rng.uniform(0, 50, len(part))
        else:
            part -= rng.uniform(5, 25, len(part))
    return value
