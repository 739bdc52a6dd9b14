"""A loess: a curve through a cloud of points, by local quadratic regression (Cleveland and others, 1992)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Float64 = NDArray[np.float64]

_FINE = 1000  # groups by rank and groups by width, so a million rows become at most about two thousand points
_BLOCK = 256  # points fitted at once: bounds the memory, not the result


def loess(x: Float64, y: Float64, span: float = 0.75) -> Float64:
    """The curve at each x: a parabola by least squares through the nearest rows, the nearer the heavier (tricube).

    ``span`` is the share of the rows that are near; 0.75 and parabolas are the defaults of R's ``loess``, and no round
    of robustness is made. R too fits at some points and interpolates between them. Here rows are first gathered in
    points no wider than a thousandth of their number and of the range of x; the curve is fitted exactly to these at
    each of them, and drawn straight in between. Up to a thousand rows nothing is gathered.

    Args:
        x: ``(n,)``, finite.
        y: ``(n,)``, finite.
        span: over 0 to 1.

    Returns:
        ``(n,)``. Where rows of one x alone are near, their mean.

    Example:
        >>> x = np.linspace(0, 1, 50)
        >>> bool(np.allclose(loess(x, 1 + x + x**2), 1 + x + x**2))
        True
    """
    if len(x) == 0:
        return np.zeros(0)
    points = _gathered(x, y)
    at = np.concatenate([[x.min()], points.x, [x.max()]])
    curve = [_fitted(points, at[i : i + _BLOCK], span) for i in range(0, len(at), _BLOCK)]
    return np.interp(x, at, np.concatenate(curve))


class _Points(NamedTuple):
    """Rows gathered by x, rising: mean x, sum of y and number of rows of each, ``(m,)``."""

    x: Float64
    y: Float64
    rows: Float64


def _gathered(x: Float64, y: Float64) -> _Points:
    order = np.argsort(x, kind="stable")
    rising = x[order]
    spread = rising[-1] - rising[0]
    by_rank = np.arange(len(x)) * _FINE // max(len(x), _FINE)
    by_width = np.floor((rising - rising[0]) / (spread if spread > 0 else 1) * _FINE)
    new = (np.diff(by_rank, prepend=-1) > 0) | (np.diff(by_width, prepend=-1) > 0)
    new[1:] &= rising[1:] > rising[:-1]  # equal x are one point
    group = np.cumsum(new) - 1
    rows = np.bincount(group).astype(np.float64)
    # a mean of equal x may miss them by a bit; min and max keep the points in order and inside their rows
    mean = np.bincount(group, rising) / rows
    first, last = rising[new], rising[np.append(np.flatnonzero(new)[1:] - 1, len(x) - 1)]
    return _Points(np.clip(mean, first, last), np.bincount(group, weights=y[order]).astype(np.float64), rows)


def _fitted(points: _Points, at: Float64, span: float) -> Float64:
    """The curve at these points, ``(k,)``."""
    distance = points.x - at[:, None]
    apart = np.abs(distance)
    wanted = max(1.0, np.floor(span * points.rows.sum() + 1e-5))
    nearest = np.argsort(apart, axis=1)
    reached = np.argmax(np.cumsum(points.rows[nearest], axis=1) >= wanted, axis=1)
    line = np.arange(len(at))
    reach = apart[line, nearest[line, reached]][:, None]
    unit = np.where(reach > 0, reach, 1.0)
    # where so many rows share one x that the reach is nothing, only they are near
    near = np.where(reach > 0, np.minimum(apart / unit, 1), apart > 0)
    weight = 1 - near * near * near
    weight = weight * weight * weight
    scaled = np.clip(distance / unit, -1, 1)
    powers, right = [], []
    for _ in range(5):
        powers.append(weight @ points.rows)
        right.append(weight @ points.y)
        weight = weight * scaled
    left = np.stack([np.stack([powers[i + j] for j in range(3)], 1) for i in range(3)], 1)
    # the pseudo-inverse: fewer than three different x cannot bear a parabola
    curve: Float64 = (np.linalg.pinv(left, rcond=1e-12, hermitian=True) @ np.stack(right[:3], 1)[:, :, None])[:, 0, 0]
    return curve
