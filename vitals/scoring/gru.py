"""The weights of a model that :mod:`vitals.scoring.running` can compute, read from its file and tried against it."""

from __future__ import annotations

from typing import Any

import numpy as np

from vitals.scoring.graph import constants
from vitals.scoring.model import Model
from vitals.scoring.running import Gru, features, from_state, next_state, risk_of
from vitals.spec.settings import Settings
from vitals.windowing.types import Float32

TOLERANCE = 1e-6
"""Farthest that a risk of the compiled step may be from the file's."""

_BEDS, _STEPS = 16, 6  # of the trial


def gru_of(model: Model) -> Gru | None:
    """The weights, if the model is one GRU layer over the whole stay and the compiled step answers as the file does.

    Args:
        model: the opened model.

    Returns:
        None for every other model: then the file itself is asked.
    """
    network, window = model.settings.network, model.settings.window
    alone = network.layers == 1 and network.members == 1 and not network.beside and not network.clock
    if network.kind != "gru" or not alone or window.lookback_steps:
        return None
    try:
        gru = _weights(model.settings, constants(model.content))
    except (ValueError, KeyError, IndexError, StopIteration):  # a graph of another version
        return None
    return gru if difference(gru, model) <= TOLERANCE else None


def difference(gru: Gru, model: Model) -> float:
    """How far the compiled step's risks and states are from the file's, on made-up rows, steps one after the other."""
    random, channels = np.random.default_rng(5), len(model.settings.channels)
    spread = np.maximum(gru.high - gru.low, 1)
    value = (gru.low + spread * random.uniform(-0.2, 1.2, (_BEDS, _STEPS, channels))).astype(np.float32)
    age = (random.exponential(2, value.shape)).astype(np.float32)
    value[unknown := random.random(value.shape) < 0.4] = np.nan
    age[unknown] = np.nan
    risk, last = model.step(value, age, model.initial_hidden(_BEDS))
    mine, mine_last = np.empty_like(risk), model.initial_hidden(_BEDS)
    for n in range(_BEDS):
        for t in range(_STEPS):
            mine_last[n], mine[n, t] = _step(gru, value[n, t], age[n, t], mine_last[n])
    return float(max(np.abs(mine - risk).max(), np.abs(mine_last - last).max()))


def _step(gru: Gru, value: Float32, age: Float32, state: Float32) -> tuple[Float32, np.float32]:
    wide, deep = gru.take_in.shape[0], len(state)
    embedded, five, gates, after = (
        gru.embed_bias.copy(),
        np.empty(5, np.float32),
        np.empty(3 * deep, np.float32),
        state.copy(),
    )
    for c in range(len(value)):
        features(gru, c, value[c], age[c], five)
        for place, number in zip(gru.column[c], five, strict=True):
            if place >= 0:
                embedded += number * gru.embed[place]
    work = np.empty(wide + 3 * deep + len(gru.last), np.float32)
    active = np.empty(max(wide, deep), np.int64)
    from_state(gru, state, gates, active)
    next_state(gru, embedded, state, gates, work[: wide + 3 * deep], active, after)
    return after, risk_of(gru, after, work, active)


def _weights(settings: Settings, given: dict[str, list[list[np.ndarray[Any, Any]]]]) -> Gru:
    """The tensors of the graph that the exporter writes for one GRU, by operator.

    Raises:
        ValueError: another graph.
    """
    matrices = [matrix for (matrix,) in given["MatMul"]]
    biases = [value for (value,) in given["Add"]]
    ((inputs, states, both),) = given["GRU"]
    channels, signals, deep = len(settings.channels), len(settings.signals), settings.network.hidden
    embed, head, last = matrices
    embed_bias, head_bias, last_bias, intercept = biases
    column = np.full((channels, 5), -1, np.int64)
    column[:, 0], column[:, 1] = np.arange(channels), channels + np.arange(channels)
    for k in range(3):
        column[:signals, 2 + k] = 2 * channels + k * signals + np.arange(signals)
    into, of_state = both[0, : 3 * deep].copy(), both[0, 3 * deep :].copy()
    into[: 2 * deep] += of_state[: 2 * deep]
    of_state[: 2 * deep] = 0
    (((low,),), ((high,),), ((mean,),), ((std,),), ((unseen,),), ((slope,),)) = (
        given[operator] for operator in ("Max", "Min", "Sub", "Div", "Or", "Mul")
    )
    scalars = [last_bias[0], slope, intercept, settings.window.step.hours]
    parts = (low, high, mean, std, ~unseen, column, embed, embed_bias, inputs[0].T, into, states[0].T, of_state, head, head_bias,
             last[:, 0], np.array(scalars))  # fmt: skip
    return Gru._make(np.ascontiguousarray(part, np.int64 if part is column else np.float32) for part in parts)
