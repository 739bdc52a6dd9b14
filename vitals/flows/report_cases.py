"""Six stays hour by hour, the worst first: what was missed, what was cried for nothing, what was caught."""

from __future__ import annotations

from typing import Any

import numpy as np

from vitals.alerting.decide import Outcome
from vitals.alerting.evaluation import in_time
from vitals.flows.report_evidence import Evidence, plain_numbers
from vitals.signals import signal
from vitals.windowing.types import Float32, Float64, Int64

EACH = 2
_HOUR = 3_600_000_000
_BEFORE, _AFTER, _POINTS, _VITALS = 72 * _HOUR, 6 * _HOUR, 144, 5


def case_figures(evidence: Evidence) -> list[dict[str, Any]]:
    """Two missed onsets (lowest peak first), two stays with false alarms (most first), two caught onsets (earliest first).

    Returns:
        For JSON, one entry a case: hours since admission, risk, NEWS2 points, vital signs and alerts; fewer than six where
        the policy made fewer. Empty without a policy.
    """
    if evidence.alerts is None:
        return []
    fired = evidence.alerts.fired
    spell, time = evidence.risks.stay[fired], evidence.risks.time[fired]
    before = time <= evidence.spells.onset[spell]
    chosen = _worst(evidence, spell[before], time[before])
    return [_case(evidence, kind, number, fired[before][spell[before] == number]) for kind, number in chosen]


def _worst(evidence: Evidence, spell: Int64, time: Int64) -> list[tuple[str, int]]:
    """Kind and spell of each case, from the alerts raised before an onset or in a spell without one."""
    of, risks = evidence.spells, evidence.risks
    first, last = of.hit_window(evidence.search)
    true = (time >= first[spell]) & (time <= last[spell])
    lead = np.zeros(len(of))
    np.maximum.at(lead, spell[true], (of.onset[spell[true]] - time[true]) / _HOUR)
    caught = np.bincount(spell[true], minlength=len(of)) > 0
    rows = in_time(risks, of, evidence.search)  # the hours in which an alert would have been true
    peak = np.full(len(of), -np.inf)
    np.maximum.at(peak, risks.stay[rows], risks.risk[rows])
    missed = of.has_onset & np.isfinite(peak) & ~caught
    known = (time < first[spell]) & ~of.has_onset[spell] & (time < of.unknown_from(evidence.search)[spell])
    alerts = np.bincount(spell[known], minlength=len(of)).astype(np.float64)
    ordered = (("missed", peak, missed), ("false alarms", -alerts, alerts > 0), ("caught", -lead, caught))
    return [(kind, int(number)) for kind, badness, among in ordered for number in _lowest(badness, among)]


def _lowest(badness: Float64, among: Any) -> Int64:
    numbers = np.flatnonzero(among)
    return numbers[np.argsort(badness[numbers], kind="stable")][:EACH]


def _case(evidence: Evidence, kind: str, number: int, fired: Int64) -> dict[str, Any]:
    of, rows, risk = evidence.spells, evidence.judged.study.rows, evidence.judged.risk
    stay = int(of.whole[number])
    admitted, onset = int(evidence.stays.admitted[stay]), int(of.onset[number])
    alerted = evidence.risks.time[fired]
    end = onset if of.has_onset[number] else int(alerted.max(initial=admitted))
    mine = np.flatnonzero((rows.bed == stay) & (rows.time >= end - _BEFORE) & (rows.time <= end + _AFTER))
    at = _thinned(mine, risk)
    policy, alerts = evidence.judged.policy, evidence.alerts
    assert policy is not None
    assert alerts is not None
    reds = set(alerts.row[alerts.outcome == Outcome.RED_FIRED].tolist())
    red = policy.red_from if policy.has_red else None
    told: dict[str, Any] = {
        "kind": kind, "stay": str(evidence.judged.study.stay_id[stay]), "hours": _hours(rows.time[at], admitted),
        "risk": plain_numbers(risk[at]), "threshold": policy.threshold, "red": red,
        "onset": (onset - admitted) / _HOUR if of.has_onset[number] else None, "vitals": _vitals(evidence, at),
        "alerts": [
            {"hour": hour, "risk": float(evidence.risks.risk[row]), "red": bool(row in reds)}
            for hour, row in zip(_hours(alerted, admitted), fired, strict=True)
        ],
    }  # fmt: skip
    if evidence.judged.news2 is not None:
        told["news2"] = plain_numbers(np.round(20 * evidence.judged.news2[at]))
    return told


def _thinned(rows: Int64, risk: Float32) -> Int64:
    """At most so many rows of a stay: of each of equally many neighbours that with the highest risk."""
    if len(rows) <= _POINTS:
        return rows
    pieces = np.array_split(rows, _POINTS)
    return np.array([piece[np.argmax(np.nan_to_num(risk[piece], nan=-1.0))] for piece in pieces], np.int64)


def _hours(time: Int64, admitted: int) -> list[float]:
    return [round(float(x), 4) for x in (time - admitted) / _HOUR]


def _vitals(evidence: Evidence, at: Int64) -> dict[str, list[float | None]]:
    """The vital signs that are known most often there."""
    rows, settings = evidence.judged.study.rows, evidence.judged.model.settings
    known = {
        name: rows.value[at, column]
        for column, name in enumerate(settings.channels)
        if signal(name).kind == "vital" and np.isfinite(rows.value[at, column]).any()
    }
    often = sorted(known, key=lambda name: -int(np.isfinite(known[name]).sum()))[:_VITALS]
    return {name: plain_numbers(np.round(known[name].astype(np.float64), 1)) for name in known if name in often}
