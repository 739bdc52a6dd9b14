"""From which risk on a call pays: near the best of all thresholds, and steadier than it."""

from __future__ import annotations

import numpy as np
import pytest

from vitals.errors import DataError
from vitals.labelling.paying import NEVER, pays_from
from vitals.labelling.utility import utility, utility_curve
from vitals.windowing.types import Float64


def stays(many: int, seed: int) -> tuple[Float64, Float64]:
    """Forty hours each, one in ten with an onset near the end; a risk that rises towards it, with noise of the stay."""
    draw = np.random.default_rng(seed)
    tau = np.arange(-40.0, 0)[None] + np.where(draw.random(many) < 0.1, draw.integers(0, 12, many), np.nan)[:, None]
    rise = np.where(np.isnan(tau), 0, np.clip(2 + (tau + 6) / 6, 0, 2))
    logit = -4 + rise + draw.normal(0, 0.7, (many, 1)) + draw.normal(0, 0.5, tau.shape)
    return tau.ravel(), (1 / (1 + np.exp(-logit))).ravel()


def test_it_is_as_good_as_the_best_threshold_of_the_judged_and_steadier_than_the_best_of_few() -> None:
    judged = stays(20_000, 0)
    best = utility_curve(*judged)[1].max()
    ours, theirs = [], []
    for seed in range(1, 13):
        few = stays(300, seed)
        thresholds, values = utility_curve(*few)
        ours.append(utility(judged[0], judged[1] >= pays_from(*few)))
        theirs.append(utility(judged[0], judged[1] >= thresholds[values.argmax()]))
    assert utility(judged[0], judged[1] >= pays_from(*judged)) > best - 0.01
    assert np.mean(ours) > np.mean(theirs)
    assert np.std(ours) < np.std(theirs)


def test_only_rows_that_matter_count() -> None:
    tau, risk = stays(300, 1)
    more = np.r_[tau, 5.0, 40.0, -8.0], np.r_[risk, 0.9, 0.001, np.nan]  # long after an onset a call gains nothing
    assert pays_from(*more) == pays_from(tau, risk)


@pytest.mark.parametrize(
    ("tau", "risk", "threshold"),
    [
        ([np.nan, np.nan], [0.2, 0.9], NEVER),
        ([], [], NEVER),
        ([-6, np.nan], [np.nan, 0.9], NEVER),
        ([-6, -5], [0.2, 0.3], 0.0),
        ([-6, -6, np.nan], [0.5, 0.7, 0.3], 0.5),
        ([-6, -6, np.nan], [0.2, 0.3, 0.5], NEVER),
        ([-6, np.nan, np.nan], [0.2, 0.2, 0.2], NEVER),
        ([-6, -6, np.nan, np.nan] * 5, [0.1, 0.3, 0.2, 0.6] * 5, NEVER),
    ],
)
def test_where_there_is_no_line(tau: list[float], risk: list[float], threshold: float) -> None:
    assert pays_from(tau, risk) == threshold


def test_columns_that_do_not_fit_are_refused() -> None:
    with pytest.raises(DataError, match="one for each"):
        pays_from([0.0, 1.0], [0.5])
    with pytest.raises(DataError, match="0 to 1"):
        pays_from([-6.0, np.nan], [0.5, 1.5])
