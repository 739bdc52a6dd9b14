"""How values reach the scorer: most within a minute, some late, some all at once after an outage, some twice."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vitals.simulator.charting import Chart
from vitals.simulator.ward import MINUTE, SECOND

Int64 = NDArray[np.int64]

TWICE = 0.003
OUTAGES_PER_DAY = 0.25


@dataclass(frozen=True)
class Delivered:
    """A chart in the order in which it arrived.

    Attributes:
        chart: the values; those that were delivered twice are in it twice.
        arrival: when each reached the scorer, ``(n,)`` int64 microseconds.
    """

    chart: Chart
    arrival: Int64


def deliver(rng: np.random.Generator, chart: Chart, admitted: int, discharged: int) -> Delivered:
    """Give every value its arrival; what has not arrived by the discharge is lost.

    Args:
        rng: where the chance comes from.
        chart: the values of one stay.
        admitted: nothing arrives before this, microseconds.
        discharged: nothing arrives after this, microseconds.

    Example:
        >>> chart = Chart.of("spo2", np.array([MINUTE, 2 * MINUTE]), np.array([96.0, 97.0]), by_hand=False)
        >>> delivered = deliver(np.random.default_rng(1), chart, admitted=0, discharged=60 * MINUTE)
        >>> bool((delivered.arrival >= delivered.chart.time).all())
        True
    """
    sent = np.maximum(chart.time, admitted)
    arrival = _through_outages(rng, sent + _delay(rng, chart), admitted, discharged)
    twice = np.flatnonzero(rng.random(len(arrival)) < TWICE)
    again = arrival[twice] + rng.integers(SECOND, 90 * SECOND, len(twice))
    position = np.concatenate([np.arange(len(arrival)), twice])
    arrival = np.concatenate([arrival, again])
    arrival -= arrival % 1000  # milliseconds, as a broker stamps
    # a delivery in the millisecond of the measurement is not before it
    arrival = np.maximum(arrival, sent[position])
    order = np.lexsort((position, arrival))
    order = order[arrival[order] <= discharged]
    columns = (chart.time, chart.signal, chart.value, chart.by_hand)
    return Delivered(Chart(*(column[position[order]] for column in columns)), arrival[order])


def _delay(rng: np.random.Generator, chart: Chart) -> Int64:
    """Seconds as a rule; some values wait for minutes, and a nurse may chart after the round."""
    count = len(chart.time)
    seconds = 0.3 + rng.exponential(5, count)
    luck = rng.random(count)
    slow, stuck = (luck < 0.03) & (luck >= 0.005), luck < 0.005
    seconds[slow] = rng.uniform(20, 115, slow.sum())
    seconds[stuck] = rng.uniform(120, 600, stuck.sum())
    by_hand = chart.by_hand & (rng.random(count) < 0.08)
    seconds[by_hand] = rng.uniform(60, 900, by_hand.sum())
    return (seconds * SECOND).astype(np.int64)


def _through_outages(rng: np.random.Generator, arrival: Int64, admitted: int, discharged: int) -> Int64:
    """What would have arrived during a network outage arrives in one burst at its end."""
    days = (discharged - admitted) / (1440 * MINUTE)
    for start in rng.integers(admitted, discharged, rng.poisson(OUTAGES_PER_DAY * days)):
        end = start + int(rng.integers(5, 30)) * MINUTE
        held = (arrival >= start) & (arrival < end)
        arrival = np.where(held, end + (arrival - start) // 100, arrival)
    return arrival
