"""The weights of a model that :mod:`vitals.scoring.running` can compute, read from its file."""

from __future__ import annotations

from typing import Any

import numpy as np

from vitals.scoring.graph import constants
from vitals.scoring.model import Model
from vitals.scoring.running import Gru
from vitals.spec.settings import Settings


def weights_of(model: Model) -> Gru | None:
    """The weights, if the model is one GRU layer over the whole stay; None for every other model.

    Args:
        model: the opened model.
    """
    network, window = model.settings.network, model.settings.window
    alone = network.layers == 1 and network.members == 1 and not network.beside and not network.clock
    if network.kind != "gru" or not alone or window.lookback_steps:
        return None
    try:
        return _weights(model.settings, constants(model.content))
    except (ValueError, KeyError, IndexError, StopIteration):  # a graph of another version
        return None


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
