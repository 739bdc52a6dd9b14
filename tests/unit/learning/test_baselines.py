"""The baselines learn what can be learnt, repeat themselves, and see no more than they are given."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.small import random_rows, small_settings
from vitals.errors import DataError, SettingsError
from vitals.labelling.ranking import auroc
from vitals.learning import baselines as module
from vitals.learning.baselines import BASELINES, fit_baseline, hours_in_stay
from vitals.windowing.types import Float32


def cohort(rows: int = 4000, seed: int = 0) -> tuple[Float32, Float32, Float32]:
    """A fifth is positive; the first column rises with it, the second falls, the third says nothing; holes in all."""
    draw = np.random.default_rng(seed)
    label = (draw.random(rows) < 0.2).astype(np.float32)
    features = draw.normal(size=(rows, 4)).astype(np.float32) + label[:, None] * np.array([2, -1, 0, 0], np.float32)
    features[draw.random(features.shape) < 0.2] = np.nan
    features[:, 3] = np.nan  # a signal that training never saw
    return features, label, np.where(label > 0, 1, 0.2).astype(np.float32)


@pytest.mark.parametrize("name", BASELINES)
def test_each_learns_what_holds_for_others(name: str) -> None:
    features, label, weight = cohort()
    fresh, truth, _ = cohort(seed=1)
    before = features.copy(), label.copy(), weight.copy()
    baseline = fit_baseline(name, features, label, weight, seed=1)
    risk = baseline.risk(fresh)
    assert risk.dtype == np.float32
    assert risk.shape == truth.shape
    assert risk.min() >= 0
    assert risk.max() <= 1
    assert auroc(truth, risk) > 0.85
    for given, kept in zip((features, label, weight), before, strict=True):
        np.testing.assert_array_equal(given, kept)
    # an unseen signal appears, and every value is as wild as a slipped decimal point: a risk is given all the same
    assert np.isfinite(baseline.risk(np.full((3, 4), 1e6, np.float32))).all()
    assert baseline.risk(fresh[:0]).shape == (0,)


@pytest.mark.parametrize("name", BASELINES)
def test_the_same_seed_gives_the_same_bits(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    features, label, weight = cohort(1500)
    kind = module._KINDS[name]
    monkeypatch.setitem(module._KINDS, name, module._Kind(kind.make, 500, kind.weight))
    first, again, other = (fit_baseline(name, features, label, weight, seed).risk(features) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize("name", BASELINES)
def test_a_row_without_weight_teaches_nothing(name: str) -> None:
    features, label, weight = cohort(1500)
    wrong = np.tile(np.array([9, -9, 0, 0], np.float32), (1500, 1))
    risk = fit_baseline(name, features, label, weight, 1).risk(features)
    more = fit_baseline(
        name, np.concatenate([features, wrong]), np.append(label, 0 * label), np.append(weight, 0 * weight), 1
    )
    np.testing.assert_array_equal(more.risk(features), risk)


@pytest.mark.parametrize("name", ["logistic", "tree", "forest", "svm"])
def test_weights_are_costs(name: str) -> None:
    """Dear positives raise the risks of all."""
    features, label, weight = cohort()
    cheap = fit_baseline(name, features, label, weight, 1).risk(features).mean()
    dear = fit_baseline(name, features, label, weight * np.where(label > 0, 10, 1), 1).risk(features).mean()
    assert dear > cheap + 0.1


@pytest.mark.parametrize(("most", "rare"), [(1000, 300), (400, 200), (5000, 300)])
@pytest.mark.parametrize("swapped", [False, True])
def test_the_drawn_rows_stand_for_all(most: int, rare: int, swapped: bool) -> None:
    """All of the rarer class if they fit, never more than half; the weights of each class still add up to its rows."""
    classes = [np.arange(300, 3000), np.arange(300)]
    given = classes[::-1] if swapped else classes
    rows, raised = module.drawn(given, most, np.random.default_rng(1))
    assert len(rows) == len(set(rows.tolist())) == min(most, 3000)
    assert (np.diff(rows) > 0).all()
    assert (rows < 300).sum() == rare
    assert raised[rows < 300].sum() == pytest.approx(300)
    assert raised[rows >= 300].sum() == pytest.approx(2700)


def test_risks_of_many_rows_are_those_of_few(monkeypatch: pytest.MonkeyPatch) -> None:
    features, label, weight = cohort(1000)
    baseline = fit_baseline("forest", features, label, weight, 1)
    whole = baseline.risk(features)
    monkeypatch.setattr(module, "_BLOCK", 7)
    np.testing.assert_array_equal(baseline.risk(features), whole)


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        (lambda f, y, w: ("forrest", f, y, w), SettingsError, 'did you mean "forest"'),
        (lambda f, y, w: ("tree", f, y[1:], w), DataError, "1000 rows, 999 labels"),
        (lambda f, y, w: ("tree", f, 0 * y, w), DataError, "one class"),
        (lambda f, y, w: ("tree", f * np.nan, y, w), DataError, "no known value"),
        (lambda f, y, w: ("tree", f, y, np.where(y > 0, 0, w)), DataError, "one class"),
    ],
)
def test_what_cannot_be_fitted_is_refused(change: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        fit_baseline(*change(*cohort(1000)), seed=1)


@pytest.mark.parametrize("step", ["1h", "15min"])
def test_the_clock_counts_the_hours_of_each_stay(step: str) -> None:
    lengths, settings = [30, 1, 12], small_settings(step=step)
    hours = settings.window.step.hours
    rows = random_rows(settings, lengths, seed=1)
    assert hours_in_stay(settings, rows).ravel().tolist() == [hours * k for n in lengths for k in range(1, n + 1)]
    assert hours_in_stay(settings, rows.take(np.zeros(43, bool))).shape == (0, 1)
