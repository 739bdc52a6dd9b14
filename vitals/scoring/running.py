"""The step of a GRU in compiled loops, for risks of steps that are still running.

A sample changes the features of its own column alone, so what the input layer makes of a row is corrected by a few of its
columns instead of being computed again, and what the state adds to the gates is computed once a step. Committed risks
always come from the ONNX file; these differ from it by rounding alone, and :func:`vitals.scoring.gru.gru_of` makes sure.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from vitals.windowing.compiled import compiled_flat, compiled_sums
from vitals.windowing.types import Float32, Int64

_F = np.float32
# a rational approximation of tanh, exact to float32 rounding (Eigen's and ONNX Runtime's)
_A = tuple(
    map(_F, (-2.76076847742355e-16, 2.00018790482477e-13, -8.60467152213735e-11, 5.12229709037114e-08,
             1.48572235717979e-05, 6.37261928875436e-04, 4.89352455891786e-03))
)  # fmt: skip
_B = tuple(map(_F, (1.19825839466702e-06, 1.18534705686654e-04, 2.26843463243900e-03, 4.89352518554385e-03)))
_FLAT = _F(7.90531110763549805)  # beyond it tanh is 1
_ZERO, _HALF, _ONE, _TWELVE = _F(0), _F(0.5), _F(1), _F(12)
SCALED, KNOWN, MEASURED, HOUR, HALF_DAY = range(5)


class Gru(NamedTuple):
    """The weights of an encoder, an input layer, one GRU layer and a head.

    Attributes:
        low, high, mean, std: of the channels, ``(C,)``.
        seen: 1 where training saw the channel, ``(C,)``.
        column: place of each channel's five features, ``(C, 5)``; -1 for those a demographic lacks.
        embed, embed_bias: input layer, ``(F, E)`` and ``(E,)``.
        take_in, take_in_bias: of the gates, from the input layer, ``(E, 3H)`` and ``(3H,)``.
        carry_on, carry_on_bias: of the gates, from the state, ``(H, 3H)`` and ``(3H,)``.
        head, head_bias: ``(H, K)`` and ``(K,)``.
        last: ``(K,)``.
        scalars: bias of the last layer, slope and intercept of the calibration, hours of a step, ``(4,)``.
    """

    low: Float32
    high: Float32
    mean: Float32
    std: Float32
    seen: Float32
    column: Int64
    embed: Float32
    embed_bias: Float32
    take_in: Float32
    take_in_bias: Float32
    carry_on: Float32
    carry_on_bias: Float32
    head: Float32
    head_bias: Float32
    last: Float32
    scalars: Float32


@compiled_flat
def tanh(x: np.float32) -> np.float32:
    """Hyperbolic tangent of a single-precision number."""
    x = min(max(x, -_FLAT), _FLAT)
    y = x * x
    above = ((((((_A[0] * y + _A[1]) * y + _A[2]) * y + _A[3]) * y + _A[4]) * y + _A[5]) * y + _A[6]) * x
    return above / (((_B[0] * y + _B[1]) * y + _B[2]) * y + _B[3])


@compiled_flat
def features(gru: Gru, c: int, value: np.float32, age: np.float32, out: Float32) -> None:
    """The five features of a channel, as the encoder makes them of its value and age."""
    out[:] = 0
    if not (np.isnan(value) or gru.seen[c] == 0):
        out[SCALED] = (min(max(value, gru.low[c]), gru.high[c]) - gru.mean[c]) / gru.std[c]
        out[KNOWN] = _ONE
        out[MEASURED] = _ONE if age < gru.scalars[3] else _ZERO
        out[HOUR], out[HALF_DAY] = age / (age + _ONE), age / (age + _TWELVE)


@compiled_flat
def copy(source: Float32, target: Float32) -> None:
    """Copy without the care for overlap that a slice takes, which needs memory of its own."""
    for j in range(len(target)):
        target[j] = source[j]


@compiled_sums
def add_row(factor: np.float32, row: Float32, out: Float32) -> None:
    """Add a multiple of a row."""
    for j in range(len(out)):
        out[j] += factor * row[j]


@compiled_sums
def add_product(x: Float32, weight: Float32, out: Float32, active: Int64) -> None:
    """Add ``x @ weight``; what is zero after a rectifier costs nothing. Four rows at a time: fewer reads of ``out``."""
    n = 0
    for k in range(len(x)):
        if x[k] != _ZERO:
            active[n] = k
            n += 1
    at = 0
    while at + 4 <= n:
        a, b, c, d = active[at], active[at + 1], active[at + 2], active[at + 3]
        xa, xb, xc, xd = x[a], x[b], x[c], x[d]
        for j in range(len(out)):
            out[j] += xa * weight[a, j] + xb * weight[b, j] + (xc * weight[c, j] + xd * weight[d, j])
        at += 4
    while at < n:
        add_row(x[active[at]], weight[active[at]], out)
        at += 1


@compiled_sums
def from_state(gru: Gru, state: Float32, gates: Float32, active: Int64) -> None:
    """What the state adds to the gates, ``(3H,)``."""
    copy(gru.carry_on_bias, gates)
    add_product(state, gru.carry_on, gates, active)


@compiled_sums
def next_state(
    gru: Gru, embedded: Float32, state: Float32, gates: Float32, work: Float32, active: Int64, out: Float32
) -> None:
    """The state after a step.

    Args:
        gru: the weights.
        embedded: the input layer before its rectifier, ``(E,)``.
        state: before the step, ``(H,)``.
        gates: what it adds to the gates, ``(3H,)``.
        work: room, ``(E + 3H,)``.
        active: room, ``(E,)`` or more.
        out: the state after it.
    """
    wide, deep = len(embedded), len(state)
    x, g = work[:wide], work[wide:]
    for k in range(wide):
        x[k] = max(embedded[k], _ZERO)
    copy(gru.take_in_bias, g)
    add_product(x, gru.take_in, g, active)
    for j in range(2 * deep):
        g[j] = _HALF * tanh(_HALF * (g[j] + gates[j])) + _HALF
    for j in range(deep):
        new = tanh(g[2 * deep + j] + g[deep + j] * gates[2 * deep + j])
        out[j] = new + g[j] * (state[j] - new)
