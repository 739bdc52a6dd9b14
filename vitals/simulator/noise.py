"""Noise with a memory: how a vital sign wanders around its level."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float64]


def wander(rng: np.random.Generator, minutes: int, memory: float) -> Float:
    """A stationary Ornstein-Uhlenbeck path of unit variance, one value a minute, ``(minutes,)``.

    Args:
        rng: where the chance comes from.
        minutes: length of the path.
        memory: minutes after which the correlation has fallen to 1/e.

    Example:
        >>> path = wander(np.random.default_rng(1), 20_000, memory=10)
        >>> bool(abs(path.std() - 1) < 0.1), bool(np.corrcoef(path[10:], path[:-10])[0, 1] < 0.5)
        (True, True)
    """
    push = rng.standard_normal(minutes)
    push[1:] *= np.sqrt(1 - np.exp(-2 / memory))
    return remember(push, memory)


def remember(push: Float, memory: float) -> Float:
    """What is left of every push so far, each fading to 1/e in ``memory`` steps, ``(minutes,)``.

    Example:
        >>> remember(np.array([1.0, 0.0, 0.0]), memory=1).round(3).tolist()
        [1.0, 0.368, 0.135]
    """
    kept, path, lag = np.exp(-1 / memory), push.copy(), 1
    # x[t] = kept·x[t-1] + push[t] is the filter 1/(1 - a·z), and 1/(1 - a·z) = (1 + a·z)(1 + a²·z²)(1 + a⁴·z⁴)…
    while lag < len(path) and kept**lag > 1e-9:
        path[lag:] += kept**lag * path[:-lag]
        lag *= 2
    return path
