"""Save a ward as plain arrays, and go on with it in another process."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np

from tests.laws.running import Alerts, Answers, decide_on, go_on
from tests.naive import Call
from tests.strategies import Scores
from vitals.alerting import machine
from vitals.alerting.decide import AlertState, decide
from vitals.spec.settings import Settings
from vitals.windowing.advance import advance
from vitals.windowing.carry import Carry, Pool, Slabs


def save(carry: Carry) -> bytes:
    """The carry as a file of arrays; nothing is pickled."""
    file = io.BytesIO()
    parts = {"slabs": carry.slabs._asdict(), "pool": carry.pool._asdict()}
    np.savez(file, **{f"{part}.{name}": array for part, arrays in parts.items() for name, array in arrays.items()})
    return file.getvalue()


def load(data: bytes) -> Carry:
    """The carry that was saved."""
    with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
        slabs = {name: arrays[f"slabs.{name}"] for name in Slabs._fields}
        pool = {name: arrays[f"pool.{name}"] for name in Pool._fields}
    return Carry(Slabs(**slabs), Pool(**pool))


def finish(settings: Settings, data: bytes, calls: Sequence[Call]) -> Answers:
    """Load a carry and hand over the calls that are left."""
    return go_on(advance, settings, load(data), calls)[1]


def save_alerts(state: AlertState) -> bytes:
    """The state of alerting as a file of arrays."""
    file = io.BytesIO()
    np.savez(file, **state.ward._asdict())
    return file.getvalue()


def finish_alerts(scores: Scores, data: bytes, borders: Sequence[Sequence[int]]) -> list[Alerts]:
    """Load a state of alerting and hand over the scores that are left."""
    with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
        state = AlertState(machine.Ward(**arrays))
    return decide_on(decide, scores, state, borders)[1]
