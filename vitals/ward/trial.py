"""The compiled loops that answer samples are tried against the model's own file before they are trusted."""

from __future__ import annotations

import numpy as np

from vitals.scoring.gru import weights_of
from vitals.scoring.model import Model
from vitals.scoring.running import Gru
from vitals.ward.open_steps import Open, Work, multiply, rectified, take_over, through_gates, through_head
from vitals.windowing.order import room_for_samples
from vitals.windowing.running import room
from vitals.windowing.types import NEVER

TOLERANCE = 1e-6
"""Farthest that a risk or a state of the compiled loops may be from the file's."""

WAITING = 1 << 14
"""Samples of one bed that wait; with more its running step is computed anew each time."""

_BEDS, _STEPS = 16, 6  # of the trial


def gru_of(model: Model) -> Gru | None:
    """The weights, if the model is one GRU layer over the whole stay and the compiled loops answer as the file does.

    Args:
        model: the opened model.

    Returns:
        None for every other model: then the file itself is asked.
    """
    gru = weights_of(model)
    return gru if gru is not None and difference(gru, model) <= TOLERANCE else None


def difference(gru: Gru, model: Model) -> float:
    """How far the loops' risks and states are from the file's, on made-up rows, steps one after the other."""
    random, channels = np.random.default_rng(5), len(model.settings.channels)
    spread = np.maximum(gru.high - gru.low, 1)
    value = (gru.low + spread * random.uniform(-0.2, 1.2, (_BEDS, _STEPS, channels))).astype(np.float32)
    age = (random.exponential(2, value.shape)).astype(np.float32)
    value[unknown := random.random(value.shape) < 0.4] = np.nan
    age[unknown] = np.nan
    risk, last = model.step(value, age, model.initial_hidden(_BEDS))
    kept, work, row, bed = (
        nothing_open(gru, _BEDS),
        room_to_work(gru),
        room(1, channels),
        np.arange(_BEDS, dtype=np.int32),
    )
    state, mine = model.initial_hidden(_BEDS), np.empty_like(risk)
    x, gates, head = (np.empty((_BEDS, width), np.float32) for width in (*gru.take_in.shape, gru.head.shape[1]))
    answered = np.empty(_BEDS, np.float32)
    for t in range(_STEPS):
        for b in bed:
            row.value[0], row.age[0] = value[b, t], age[b, t]
            take_over(gru, kept, row, 1, state, b, work)
            rectified(kept, b, x[b])
        multiply(x, gru.take_in, gates, work.active)
        through_gates(gru, kept, bed, gates, state)
        multiply(state, gru.head, head, work.active)
        through_head(gru, head, answered)
        mine[:, t] = answered
    return float(max(np.abs(mine - risk).max(), np.abs(state - last).max()))


def room_to_work(gru: Gru) -> Work:
    """Room for the samples of one bed."""
    wide, deep = gru.take_in.shape[0], gru.carry_on.shape[0]
    return Work(
        room_for_samples(WAITING), np.empty(WAITING, np.float32), np.empty(5, np.float32),
        np.empty(max(wide, deep), np.int64), np.empty(wide + 3 * deep, np.float32),
    )  # fmt: skip


def nothing_open(gru: Gru, beds: int) -> Open:
    """So many beds whose running step is not known."""
    wide, deep, channels = gru.take_in.shape[0], gru.carry_on.shape[0], len(gru.low)
    return Open(
        np.full(beds, NEVER), np.full(beds, NEVER), np.zeros((beds, wide), np.float32),
        np.zeros((beds, channels, 5), np.float32), np.zeros((beds, deep), np.float32),
        np.zeros((beds, 3 * deep), np.float32), np.zeros((beds, channels), np.int8),
        np.zeros(beds, np.int8),
    )  # fmt: skip
