"""Run a ward from samples to alerts: the three functions of the product, one after the other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from tests.laws.replaying import load
from tests.laws.running import Alerts, events_of, new_carry, told, until_of
from tests.naive import Call
from tests.strategies import Ward
from vitals.alerting.decide import AlertState, decide
from vitals.scoring.model import Model, open_model
from vitals.scoring.ward_step import score_rows
from vitals.spec.policy import AlertPolicy
from vitals.spec.settings import Settings
from vitals.windowing.advance import advance
from vitals.windowing.carry import Carry
from vitals.windowing.types import Float32, Rows

Score = Callable[[Model, Float32, Rows], Float32]


@dataclass(frozen=True)
class Trial:
    """A small model: what it came from, where its file lies, and a policy under which it does alert."""

    settings: Settings | None
    network: Any
    path: Path
    model: Model
    policy: AlertPolicy


@dataclass
class Bedside:
    """All that a live ward remembers, and what each bed has given so far."""

    carry: Carry
    hidden: Float32
    alerting: AlertState
    time: list[list[int]] = field(default_factory=list)
    risk: list[list[np.float32]] = field(default_factory=list)
    alerts: list[Alerts] = field(default_factory=list)


def new_bedside(trial: Trial, admitted: Sequence[int | None]) -> Bedside:
    """A ward whose stays begin."""
    beds = len(admitted)
    carry = new_carry(trial.model.settings, admitted)
    return empty_handed(Bedside(carry, trial.model.initial_hidden(beds), AlertState.empty(beds)))


def empty_handed(bedside: Bedside) -> Bedside:
    """The same memory, and nothing given so far."""
    bedside.time = [[] for _ in bedside.hidden]
    bedside.risk = [[] for _ in bedside.hidden]
    bedside.alerts = [[] for _ in bedside.hidden]
    return bedside


def go_on(score: Score, trial: Trial, bedside: Bedside, calls: Sequence[Call]) -> Bedside:
    """Hand the calls over one by one."""
    for call in calls:
        arrived = advance(
            trial.model.settings, bedside.carry, events_of(call.samples), until_of(call.clock, plain=False)
        )
        bedside.carry, rows, _ = arrived
        risk = score(trial.model, bedside.hidden, rows)
        bedside.alerting, due = decide(trial.policy, bedside.alerting, rows.bed, rows.time, risk)
        for bed, time, value in zip(rows.bed.tolist(), rows.time.tolist(), risk, strict=True):
            bedside.time[bed].append(time)
            bedside.risk[bed].append(value)
        for row, name in told(due):
            bedside.alerts[rows.bed[row]].append((int(rows.time[row]), name))
    return bedside


def run(score: Score, trial: Trial, ward: Ward, cuts: Sequence[int] = ()) -> Bedside:
    """The whole stream through a fresh ward."""
    return go_on(score, trial, new_bedside(trial, ward.admitted), ward.calls(cuts))


def until(bedside: Bedside, bed: int, now: int) -> tuple[list[int], list[int], Alerts]:
    """Times, risks as bits, and alerts of a bed up to a time."""
    times = [time for time in bedside.time[bed] if time <= now]
    risks = np.array(bedside.risk[bed][: len(times)], np.float32)
    return times, risks.view(np.uint32).tolist(), [alert for alert in bedside.alerts[bed] if alert[0] <= now]


FOREVER = np.iinfo(np.int64).max


def everything(bedside: Bedside, bed: int) -> tuple[list[int], list[int], Alerts]:
    """Times, risks as bits, and alerts of a bed."""
    return until(bedside, bed, FOREVER)


def finish(
    path: Path, policy: AlertPolicy, carry: bytes, hidden: Float32, alerting: dict[str, Any], calls: Sequence[Call]
) -> list[tuple[list[int], list[int], Alerts]]:
    """In another process: open the model file, take up the arrays, and hand over the calls that are left."""
    trial = Trial(None, None, path, open_model(path), policy)
    bedside = empty_handed(Bedside(load(carry), hidden, AlertState(**alerting)))
    go_on(score_rows, trial, bedside, calls)
    return [everything(bedside, bed) for bed in range(len(hidden))]
