"""A column of a printed score chart: the bands of one vital sign and the points each of them gives."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Float32 = NDArray[np.float32]

_HALF = 0.501  # float32 stores 38.05 as 38.049999; a value this close to a half counts as the half it was written as


@dataclass(frozen=True)
class Bands:
    """The bands of one vital sign, from low to high, as the chart prints them.

    A chart leaves holes between its bands: nothing says what 35.05 °C scores when one band ends at 35.0 and the next
    begins at 35.1. A value is therefore first written as a nurse would chart it, a whole number (temperature to
    0.1 °C), with a half rounded up. Then every value is in exactly one band.

    Attributes:
        upto: the highest charted value of each band but the last, which is open.
        points: the points of each band, one more than ``upto``.
        decimals: digits after the point on the chart: 0, or 1 for temperature.

    Example:
        >>> respiration = Bands(upto=(8, 11, 20, 24), points=(3, 1, 0, 2, 3))
        >>> respiration.score(np.array([8.0, 8.4, 8.5, 25.0, np.nan]))
        array([ 3.,  3.,  1.,  3., nan], dtype=float32)
    """

    upto: tuple[float, ...]
    points: tuple[int, ...]
    decimals: int = 0

    def __post_init__(self) -> None:
        """A chart that cannot be read is a slip of the programmer, not of the user."""
        assert len(self.points) == len(self.upto) + 1, "one more points than bounds"
        assert all(low < high for low, high in zip(self.upto, self.upto[1:], strict=False)), "bounds from low to high"

    def score(self, value: NDArray[np.floating]) -> Float32:
        """The points of each value, ``(R,)`` float32; NaN where there is no value."""
        points = np.asarray(self.points, np.float32)[np.searchsorted(self._bounds, self.charted(value), side="left")]
        points[~np.isfinite(value)] = np.nan
        return points

    def charted(self, value: NDArray[np.floating]) -> NDArray[np.float64]:
        """Each value in units of the last charted digit: 38.05 °C becomes 381 tenths. ``(R,)`` float64."""
        return np.floor(np.asarray(value, np.float64) * 10.0**self.decimals + _HALF)

    @property
    def _bounds(self) -> NDArray[np.float64]:
        return np.round(np.asarray(self.upto, np.float64) * 10.0**self.decimals)
