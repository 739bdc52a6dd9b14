"""Six stays hour by hour, the worst first: what was missed, what was cried for nothing, what was caught."""

from __future__ import annotations

from typing import Any

import numpy as np

from vitals.alerting.decide import Outcome
from vitals.flows.report_evidence import Evidence, plain_numbers
from vitals.signals import signal
from vitals.windowing.types import Float64, Int64

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
    stay, time = evidence.risks.stay[fired], evidence.risks.time[fired]
    before = time <= evidence.stays.onset[stay]
    chosen = _worst(evidence, stay[before], time[before])
    return [_case(evidence, kind, number, fired[before][stay[before] == number]) for kind, number in chosen]


def _worst(evidence: Evidence, stay: Int64, time: Int64) -> list[tuple[str, int]]:
    """Kind and stay of each case, from the alerts raised before an onset or in a stay without one."""
    stays, risks = evidence.stays, evidence.risks
    first, last = stays.hit_window(evidence.judged.model.settings.alerting)
    true = (time >= first[stay]) & (time <= last[stay])
    lead = np.zeros(len(stays))
    np.maximum.at(lead, stay[true], (stays.onset[stay[true]] - time[true]) / _HOUR)
    caught = np.bincount(stay[true], minlength=len(stays)) > 0
    in_time = (risks.time >= first[risks.stay]) & (risks.time <= last[risks.stay]) & np.isfinite(risks.risk)
    peak = np.full(len(stays), np.inf)  # of the hours in which an alert would have been true
    highest = np.full(len(stays), -np.inf)
    np.maximum.at(highest, risks.stay[in_time], risks.risk[in_time])
    peak[np.isfinite(highest)] = highest[np.isfinite(highest)]
    missed = stays.has_onset & np.isfinite(peak) & ~caught
    alerts = np.bincount(stay[~stays.has_onset[stay]], minlength=len(stays)).astype(np.float64)
    ordered = (("missed", peak, missed), ("false alarms", -alerts, alerts > 0), ("caught", -lead, caught))
    return [(kind, int(number)) for kind, badness, among in ordered for number in _lowest(badness, among)]


def _lowest(badness: Float64, among: Any) -> Int64:
    numbers = np.flatnonzero(among)
    return numbers[np.argsort(badness[numbers], kind="stable")][:EACH]


def _case(evidence: Evidence, kind: str, number: int, fired: Int64) -> dict[str, Any]:
    stays, risks = evidence.stays, evidence.risks
    admitted, onset = int(stays.admitted[number]), int(stays.onset[number])
    mine = np.flatnonzero(risks.stay == number)
    last_alert = int(risks.time[fired].max(initial=admitted))
    end = onset if stays.has_onset[number] else last_alert
    mine = mine[(risks.time[mine] >= end - _BEFORE) & (risks.time[mine] <= end + _AFTER)]
    at = _thinned(mine, risks.risk)
    policy, alerts = evidence.judged.policy, evidence.alerts
    assert policy is not None
    assert alerts is not None
    reds = set(alerts.row[alerts.outcome == Outcome.RED_FIRED].tolist())
    red = policy.red_from if policy.has_red else None
    told: dict[str, Any] = {
        "kind": kind, "stay": str(evidence.judged.study.stay_id[number]), "hours": _hours(risks.time[at], admitted),
        "risk": plain_numbers(risks.risk[at]), "threshold": policy.threshold, "red": red,
        "onset": (onset - admitted) / _HOUR if stays.has_onset[number] else None, "vitals": _vitals(evidence, at),
        "alerts": [
            {"hour": hour, "risk": float(risks.risk[row]), "red": bool(row in reds)}
            for hour, row in zip(_hours(risks.time[fired], admitted), fired, strict=True)
        ],
    }  # fmt: skip
    if evidence.bedside is not None:
        told["news2"] = plain_numbers(np.round(20 * evidence.bedside.risk[at]))
    return told


def _thinned(rows: Int64, risk: Float64) -> Int64:
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
