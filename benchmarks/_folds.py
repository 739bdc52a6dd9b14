"""The same counting of one policy at a time: in plain Python, in numpy over all stays, in a compiled loop, by the rule."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numba
import numpy as np

from vitals.alerting.grid import COUNTED
from vitals.alerting.leaps import History
from vitals.alerting.machine import FIRED, empty_ward, fold, rule_of
from vitals.alerting.stays import Risks
from vitals.spec.policy import AlertPolicy


@dataclass(frozen=True)
class Prepared:
    """Scores and stays as each way of counting wants them, made before anything is timed.

    Attributes:
        risks: the scores.
        history: stays and the times between which an alert is true.
        rows: for plain Python, of each stay its times and risks, its onset, and first and last time of a true alert.
        time, risk: for numpy, hours by stays, the longest stay first, padded with NaN, ``(H, S)``.
        bounds: onset, first and last time of a true alert in that order of stays, ``(3, S)``.
        active: how many stays have a score in each hour, ``(H,)``.
    """

    risks: Risks
    history: History
    rows: list[tuple[list[int], list[float], int, int, int]]
    time: np.ndarray
    risk: np.ndarray
    bounds: np.ndarray
    active: list[int]


def prepare(risks: Risks, history: History) -> Prepared:
    """Arrange scores for every way; no stay is lost, so no alert is indeterminate."""
    begin, end = history.start[:-1], history.start[1:]
    bounds = np.stack([history.onset, history.first_hit, history.last_hit])
    rows = [
        (risks.time[a:b].tolist(), risks.risk[a:b].tolist(), *bounds[:, s].tolist())
        for s, (a, b) in enumerate(zip(begin.tolist(), end.tolist(), strict=True))
    ]
    order = np.argsort(begin - end, kind="stable")
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    hour = np.arange(len(risks)) - np.repeat(begin, end - begin)
    shape = (int((end - begin).max()), len(order))
    time, risk = np.zeros(shape, np.int64), np.full(shape, np.nan)
    time[hour, place[risks.stay]], risk[hour, place[risks.stay]] = risks.time, risks.risk
    active = [int((end - begin > h).sum()) for h in range(shape[0])]
    return Prepared(risks, history, rows, time, risk, bounds[:, order], active)


def plain_python(work: Prepared, policy: AlertPolicy) -> tuple[int, ...]:
    """Score by score, as one would write it first."""
    threshold, clear, silence = policy.threshold, policy.clear_below, int(policy.silence)
    alerts = true = false = detected = 0
    for times, risks, onset, first, last in work.rows:
        armed, quiet_until, hits = True, times[0] if times else 0, 0
        for time, risk in zip(times, risks, strict=True):
            if time > onset:
                break
            if risk < clear:
                armed = True
            if risk >= threshold and armed and time >= quiet_until:
                armed, quiet_until = False, time + silence
                alerts += 1
                false += time < first
                hits += first <= time <= last
        true += hits
        detected += hits > 0
    return alerts, true, false, detected, 0


def numpy_over_stays(work: Prepared, policy: AlertPolicy) -> tuple[int, ...]:
    """Hour by hour, all stays that are still there at once."""
    threshold, clear, silence = policy.threshold, policy.clear_below, int(policy.silence)
    stays = work.time.shape[1]
    armed, quiet_until, hits = np.ones(stays, bool), work.time[0].copy(), np.zeros(stays, np.int64)
    alerts = false = 0
    for hour, there in enumerate(work.active):
        time, risk = work.time[hour, :there], work.risk[hour, :there]
        onset, first, last = work.bounds[:, :there]
        ready = armed[:there]
        ready |= risk < clear
        fired = (risk >= threshold) & ready & (time >= quiet_until[:there]) & (time <= onset)
        ready &= ~fired
        quiet_until[:there][fired] = time[fired] + silence
        alerts += int(np.count_nonzero(fired))
        false += int(np.count_nonzero(fired & (time < first)))
        hits[:there] += fired & (time >= first) & (time <= last)
    return alerts, int(hits.sum()), false, int(np.count_nonzero(hits)), 0


@numba.njit(error_model="numpy")
def _loop(rows, bounds, threshold, clear, silence):  # type: ignore[no-untyped-def]
    """:func:`plain_python`, compiled."""
    start, time, risk = rows
    alerts = true = false = detected = 0
    for s in range(len(start) - 1):
        onset, first, last = bounds[0, s], bounds[1, s], bounds[2, s]
        armed, quiet_until, hits = True, np.iinfo(np.int64).min, 0
        for i in range(start[s], start[s + 1]):
            if time[i] > onset:
                break
            if risk[i] < clear:
                armed = True
            elif risk[i] >= threshold and armed and time[i] >= quiet_until:
                armed, quiet_until = False, time[i] + silence
                alerts += 1
                false += time[i] < first
                hits += first <= time[i] <= last
        true += hits
        detected += hits > 0
    return alerts, true, false, detected, 0


def compiled_loop(work: Prepared, policy: AlertPolicy) -> tuple[int, ...]:
    """Score by score, compiled and written for these policies alone: the fastest way that is still one by one."""
    history, risks = work.history, work.risks
    bounds = np.stack([history.onset, history.first_hit, history.last_hit])
    rows = (history.start, risks.time, risks.risk)
    counts: tuple[int, ...] = _loop(rows, bounds, policy.threshold, policy.clear_below, int(policy.silence))
    return counts


def alert_rule(work: Prepared, policy: AlertPolicy) -> tuple[int, ...]:
    """The package's own rule, which knows every kind of policy, folded over all scores; then its alerts are counted."""
    risks, history = work.risks, work.history
    outcome, _ = fold(rule_of(policy), empty_ward(len(history.onset)), risks.stay, risks.time, risks.risk)
    row = np.flatnonzero(outcome == FIRED)
    stay, time = risks.stay[row], risks.time[row]
    stay, time = stay[time <= history.onset[stay]], time[time <= history.onset[stay]]
    false, true = time < history.first_hit[stay], (time >= history.first_hit[stay]) & (time <= history.last_hit[stay])
    return len(stay), int(true.sum()), int(false.sum()), len(np.unique(stay[true])), 0


WAYS: dict[str, Callable[[Prepared, AlertPolicy], tuple[int, ...]]] = {
    "plain Python": plain_python,
    "numpy over stays": numpy_over_stays,
    "compiled loop": compiled_loop,
    "the alert rule itself": alert_rule,
}


def all_of(way: str, work: Prepared, policies: Iterable[AlertPolicy]) -> np.ndarray:
    """What one way counts for each of some policies, ``(policies, len(COUNTED))``."""
    return np.array([WAYS[way](work, policy) for policy in policies], np.int64).reshape(-1, len(COUNTED))
