"""Simulate a ward: stays that begin, go well or badly, and end; and everything that was measured on the way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from vitals.errors import SettingsError
from vitals.simulator.care import give_oxygen, plan_rounds
from vitals.simulator.charting import Chart, chart_rounds, read_monitor
from vitals.simulator.delivery import Delivered, deliver
from vitals.simulator.illness import Illness, deteriorate, recover, stay_well
from vitals.simulator.patients import Patient, draw_patient
from vitals.simulator.physiology import vital_signs
from vitals.simulator.ward import HOUR, KIND, MINUTE, OPENED, SECOND, SIGNALS, Outcomes, Samples, Stays, Ward

DETERIORATE = 0.28  # share of stays
HALTED = 0.22  # share of the other stays in which a deterioration begins and is halted
SPOT_CHECKED = 0.15  # share of stays without a monitor
RETURN = 0.06  # chance that a stay is the second one of an earlier patient

_PATIENT, _STAY = 0, 1  # which stream of chance
_GOLDEN = (5**0.5 - 1) / 2


@dataclass(frozen=True)
class _Stay:
    """One simulated stay."""

    subject: int
    patient: Patient
    admitted: int
    discharged: int
    illness: Illness
    delivered: Delivered


def simulate(beds: int, hours: float, seed: int, progress: Callable[[int, int], None] | None = None) -> Ward:
    """A ward of ``beds`` stays of up to about ``hours`` hours each.

    The same arguments give the same bits. A stay does not depend on how many others there are: the first 12 stays of
    200 are the 12 stays of 12.

    Args:
        beds: number of stays, one a bed.
        hours: typical length of a stay that is not cut short; most last 0.8 to 1.15 of it, a third less.
        seed: another seed, another ward.
        progress: called with the number of stays done and the number of all, after each stay.

    Raises:
        SettingsError: no bed, or less than one hour.

    Example:
        >>> ward = simulate(beds=3, hours=8, seed=1)
        >>> len(ward.stays), ward.signals[:3]
        (3, ('heart_rate', 'resp_rate', 'spo2'))
    """
    if beds < 1:
        raise SettingsError("beds", str(beds), "at least 1 bed", "simulate more beds")
    if not 1 <= hours < float("inf"):
        raise SettingsError("hours", str(hours), "at least 1 hour", "simulate longer stays")
    stays: list[_Stay] = []
    for index in range(beds):
        stays.append(_one_stay(index, hours, seed, stays))
        if progress is not None:
            progress(index + 1, beds)
    return Ward(SIGNALS, _stays(stays), _samples(stays), _outcomes(stays))


def _one_stay(index: int, hours: float, seed: int, earlier: list[_Stay]) -> _Stay:
    rng = np.random.default_rng([seed, _STAY, index])
    subject, patient, admitted = _who_and_when(rng, index, hours, seed, earlier)
    illness, length = _what_happens(rng, index, hours, seed)
    discharged = admitted + length
    minutes = -(-length // MINUTE)
    illness = Illness(illness.course, illness.severity[:minutes], illness.shows, illness.onset)
    hour_of_day = ((admitted - OPENED) / HOUR + np.arange(minutes) / 60) % 24
    signs = vital_signs(rng, patient, illness, hour_of_day)
    rounds = plan_rounds(rng, minutes, patient.site)
    oxygen, signs["spo2"] = give_oxygen(rng, signs["spo2"], rounds, patient.oxygen_below)
    signs["oxygen"] = oxygen.astype(np.float64)
    spot_checked = bool(rng.random() < SPOT_CHECKED)
    charts = [chart_rounds(rng, signs, rounds, admitted, spot_checked)]
    if not spot_checked:
        charts.append(read_monitor(rng, signs, admitted))
    if rng.random() < 0.6:  # a set of vital signs comes along from where the patient was before
        before = admitted - int(rng.integers(3, 40)) * MINUTE
        charts.append(chart_rounds(rng, signs, np.zeros(1, np.int64), before, spot_checked=True))
    return _Stay(
        subject, patient, admitted, discharged, illness, deliver(rng, Chart.join(charts), admitted, discharged)
    )


def _who_and_when(
    rng: np.random.Generator, index: int, hours: float, seed: int, earlier: list[_Stay]
) -> tuple[int, Patient, int]:
    """A new patient within the first quarter of ``hours``, or one who comes back after an earlier stay."""
    again = int(rng.integers(0, index)) if index and rng.random() < RETURN else -1
    admitted = OPENED + int(rng.uniform(0, hours / 4) * 3600) * SECOND
    if again < 0 or sum(stay.subject == earlier[again].subject for stay in earlier) > 1:
        return index, draw_patient(np.random.default_rng([seed, _PATIENT, index])), admitted
    first = earlier[again]
    pause = int(rng.uniform(hours / 4, hours) * 3600) * SECOND
    return first.subject, first.patient, first.discharged - first.discharged % SECOND + pause


def _what_happens(rng: np.random.Generator, index: int, hours: float, seed: int) -> tuple[Illness, int]:
    """The illness of a stay, and the length of the stay in microseconds."""
    planned = hours * (rng.uniform(0.8, 1.15) if rng.random() < 0.68 else rng.uniform(0.35, 0.8))
    # A sequence that fills the unit interval evenly keeps the share of deteriorations steady in small wards too.
    place = (index * _GOLDEN + np.random.default_rng([seed, _STAY]).random()) % 1
    if place < DETERIORATE:
        # any minute of the stay may be the onset, so that the time since admission tells little
        illness = deteriorate(rng, planned=int(60 * rng.uniform(min(2.0, 0.25 * hours), planned)))
        assert illness.onset is not None
        return illness, illness.onset * MINUTE + int(rng.uniform(0.4, 3.5) * 3600) * SECOND
    length = int(3600 * planned) * SECOND
    minutes = length // MINUTE + 1
    return (recover(rng, minutes) if rng.random() < HALTED else stay_well(minutes)), length


def _stays(stays: list[_Stay]) -> Stays:
    return Stays(
        stay_id=np.array([f"sim{index:05d}" for index in range(len(stays))]),
        subject_id=np.array([f"person{stay.subject:05d}" for stay in stays]),
        site=np.array([stay.patient.site for stay in stays]),
        admitted=np.array([stay.admitted for stay in stays], np.int64),
        discharged=np.array([stay.discharged for stay in stays], np.int64),
        age=np.array([stay.patient.age for stay in stays], np.float32),
        sex=np.array([stay.patient.sex for stay in stays], np.float32),
    )


def _samples(stays: list[_Stay]) -> Samples:
    """All deliveries in order of arrival; at the same instant the earlier stay first."""
    arrival = np.concatenate([stay.delivered.arrival for stay in stays])
    order = np.argsort(arrival, kind="stable")
    chart = Chart.join([stay.delivered.chart for stay in stays])
    bed = np.repeat(np.arange(len(stays), dtype=np.int32), [len(stay.delivered.arrival) for stay in stays])
    return Samples(bed[order], chart.time[order], chart.signal[order], chart.value[order], arrival[order])


def _outcomes(stays: list[_Stay]) -> Outcomes:
    stay, onset, course = [], [], []
    for index, one in enumerate(stays):
        if one.illness.onset is not None and one.illness.course is not None:
            stay.append(index)
            onset.append(one.admitted + one.illness.onset * MINUTE)
            course.append(one.illness.course.name)
    return Outcomes(
        stay=np.array(stay, np.int32),
        kind=np.full(len(stay), KIND),
        onset=np.array(onset, np.int64),
        course=np.array(course, np.str_),
    )
