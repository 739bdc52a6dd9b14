"""Bedside scores on the scale of a risk, by name, so that one evaluation can read them like a model."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from vitals.bedside.criteria import qsofa, sirs
from vitals.bedside.mews import mews
from vitals.bedside.news2 import HIGHEST, news2
from vitals.bedside.score import BedsideScore, Float32, score_rows
from vitals.errors import SettingsError, nearest
from vitals.windowing.types import Rows

_SCORES: dict[str, tuple[Callable[..., BedsideScore], int]] = {
    "news2": (news2, HIGHEST),
    "mews": (mews, 14),
    "qsofa": (qsofa, 3),
    "sirs": (sirs, 4),
}
BEDSIDE_SCORES = tuple(_SCORES)
"""The names that :func:`bedside_risk` knows."""
CARRIED_HOURS = 8.0
"""How long a value counts in a bedside score: a ward charts at least once a shift."""


def bedside_risk(
    name: str, rows: Rows, channels: Sequence[str], max_age_hours: float | None = CARRIED_HOURS
) -> Float32:
    """A bedside score of each row, divided by the most points it can give.

    It ranks patients; it is not a probability. :func:`vitals.bedside.news2.news2_risk` makes thresholds of points.

    Args:
        name: one of :data:`BEDSIDE_SCORES`.
        rows: rows of the windowing, ``(R, C)``.
        channels: the name of each of the C columns, as ``settings.channels`` gives them.
        max_age_hours: a value older than this counts as missing; ``None`` keeps what the windowing carried.

    Returns:
        ``(R,)`` float32, 0 to 1; a missing part counts 0, and a row with no part at all, or one that no risk is given
        for (its ``reason``), has NaN.

    Raises:
        SettingsError: an unknown name.
        DataError: the number of names is not the number of columns, or no column is one the score reads.

    Example:
        >>> rows = Rows(
        ...     bed=np.zeros(1, np.int32), time=np.zeros(1, np.int64), reason=np.zeros(1, np.int8),
        ...     value=np.array([[95, 22]], np.float32), age=np.array([[0.5, 9.0]], np.float32),
        ... )
        >>> [bedside_risk("sirs", rows, ["heart_rate", "resp_rate"], hours).tolist() for hours in (None, 8)]
        [[0.5], [0.25]]
    """
    if name not in _SCORES:
        wanted = "one of " + ", ".join(BEDSIDE_SCORES)
        raise SettingsError("bedside score", f'"{name}"', wanted, nearest(name, BEDSIDE_SCORES))
    score, highest = _SCORES[name]
    risk = score_rows(score, rows, channels, max_age_hours).score / np.float32(highest)
    return np.where(rows.reason == 0, risk, np.float32(np.nan)).astype(np.float32)
