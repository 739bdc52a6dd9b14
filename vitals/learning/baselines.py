"""Learners without a memory, from scikit-learn, on window summaries: what a network has to beat.

Each is fitted on one core: a million rows of the 2019 challenge take the linear ones and the tree under 20 seconds and the
forest a minute, because all but the clock see 150,000 to 250,000 of the rows, drawn at random.
Their outputs rank rows; a flow that wants probabilities calibrates them on patients they have not seen.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.tree import DecisionTreeClassifier

from vitals.errors import DataError, SettingsError, nearest
from vitals.spec.duration import HOUR
from vitals.spec.settings import Settings
from vitals.windowing.types import Float32, Int64, Rows

_FARTHEST = 5.0  # standard deviations: one mistyped lab must not decide a linear score
_KNOWN = 1e-3  # a column known in fewer of the fitted rows is left out: some of these learners fail without a value
_BLOCK = 100_000  # rows scored at once: bounds the memory, not the result


@dataclass(frozen=True)
class Baseline:
    """A fitted baseline.

    Attributes:
        name: one of :data:`BASELINES`.
        estimator: scikit-learn's.
        columns: which features it reads, ``(F,)`` bool; not those that its training hardly knew.
    """

    name: str
    estimator: Any
    columns: NDArray[np.bool_]

    def risk(self, features: Float32) -> Float32:
        """Risk of each row, ``(R,)`` float32 from 0 to 1; of the support vector machine the sigmoid of its margin."""
        parts = [self._risk(features[start : start + _BLOCK]) for start in range(0, len(features), _BLOCK)]
        return np.concatenate([np.zeros(0, np.float32), *parts])

    def _risk(self, features: Float32) -> Float32:
        features = features[:, self.columns]
        if hasattr(self.estimator, "predict_proba"):
            likely = self.estimator.predict_proba(features)[:, 1]
        else:
            # tanh instead of 1 / (1 + exp(-m)): a far margin cannot overflow
            likely = 0.5 + 0.5 * np.tanh(0.5 * self.estimator.decision_function(features))
        return np.asarray(likely, np.float32)


@dataclass(frozen=True)
class _Kind:
    """How one baseline is made, and how many rows it may see."""

    make: Callable[[int], Any]
    rows: int
    weight: str = "sample_weight"


def _linear(last: Any) -> Pipeline:
    """Medians for what is missing, scaling, then a linear score; all of it learnt from the rows that are fitted."""
    return Pipeline(
        [
            ("missing", SimpleImputer(strategy="median")),
            ("scale", StandardScaler()),
            ("clip", FunctionTransformer(np.clip, kw_args={"a_min": -_FARTHEST, "a_max": _FARTHEST})),
            ("score", last),
        ]
    )


def _logistic(seed: int) -> Pipeline:
    return _linear(LogisticRegression(C=0.01, max_iter=1000, tol=1e-3, random_state=seed))


def _svm(seed: int) -> Pipeline:
    return _linear(SGDClassifier(loss="hinge", alpha=1e-4, average=True, max_iter=10, tol=None, random_state=seed))


def _tree(seed: int) -> DecisionTreeClassifier:
    return DecisionTreeClassifier(max_depth=8, min_samples_leaf=200, random_state=seed)


def _forest(seed: int) -> RandomForestClassifier:
    return RandomForestClassifier(
        n_estimators=200, min_samples_leaf=20, max_features="sqrt", max_samples=0.3, n_jobs=1, random_state=seed
    )


def _clock(seed: int) -> HistGradientBoostingClassifier:
    return HistGradientBoostingClassifier(
        max_iter=100, learning_rate=0.1, max_leaf_nodes=8, min_samples_leaf=200, early_stopping=False, random_state=seed
    )


_KINDS = {
    "logistic": _Kind(_logistic, 250_000, "score__sample_weight"),
    "tree": _Kind(_tree, 150_000),
    "forest": _Kind(_forest, 150_000),
    "svm": _Kind(_svm, 250_000, "score__sample_weight"),
    "clock": _Kind(_clock, 2_000_000),
}
BASELINES = tuple(_KINDS)
"""Logistic regression, decision tree, random forest and linear support vector machine on the summaries that the network
of kind ``"boosting"`` reads, and a boosting on :func:`hours_in_stay` alone."""


def hours_in_stay(settings: Settings, rows: Rows) -> Float32:
    """The clock alone: hours from the admission to each row, ``(R, 1)``.

    In retrospective data the end of a record often is the event, so what a learner makes of this column shows how much
    a model could gain by counting hours instead of looking at the patient.

    Args:
        settings: the length of a step.
        rows: whole stays, ``(R, C)``, ordered by bed and time, from the first row of each stay on.
    """
    new = np.append(True, rows.bed[1:] != rows.bed[:-1])[: len(rows)]
    first = np.flatnonzero(new)[np.cumsum(new) - 1]
    since_first: Int64 = rows.time - rows.time[first]
    return ((since_first + int(settings.window.step)) / HOUR).astype(np.float32).reshape(-1, 1)


def fit_baseline(name: str, features: Float32, label: Float32, weight: Float32, seed: int) -> Baseline:
    """Fit one baseline.

    Trees take missing values as they are; the linear ones get medians, scaling and a clip at 5 standard deviations,
    learnt here and nowhere else. A baseline that may see fewer rows than there are keeps all rows of the rarer class
    (at most half of its rows) and a random part of the other, whose weight rises to make up for those left out.

    Args:
        name: one of :data:`BASELINES`.
        features: of the training part's rows, ``(R, F)``, NaN where unknown; of ``"clock"`` the hours, ``(R, 1)``.
        label: 0 or 1, ``(R,)``.
        weight: what a mistake at a row costs, ``(R,)``; a row of weight 0 is left out.
        seed: of the rows that are kept, and of the learner.

    Raises:
        SettingsError: an unknown name.
        DataError: columns of different lengths, or one class only.

    Example:
        >>> draw = np.random.default_rng(1)
        >>> features = draw.normal(size=(500, 2)).astype(np.float32)
        >>> label = (features[:, 0] > 1).astype(np.float32)
        >>> baseline = fit_baseline("logistic", features, label, np.ones(500, np.float32), seed=1)
        >>> low, high = baseline.risk(np.array([[-1, 0], [2, 0]], np.float32))
        >>> bool(0 < low < high < 1)
        True
    """
    if name not in _KINDS:
        raise SettingsError("baseline", f'"{name}"', "one of " + ", ".join(BASELINES), nearest(name, BASELINES))
    if not len(features) == len(label) == len(weight):
        came = f"{len(features)} rows, {len(label)} labels and {len(weight)} weights"
        raise DataError("rows", came, "one label and one weight a row", "pass equal columns")
    kind, draw = _KINDS[name], np.random.default_rng(seed)
    classes = [np.flatnonzero((weight > 0) & (label == value)) for value in (0, 1)]
    if min(map(len, classes)) == 0:
        raise DataError(
            "training part", "rows of one class only", "rows before an onset and others", "bring more patients"
        )
    kept, raised = drawn(classes, kind.rows, draw)
    cost = weight[kept] * raised
    seen, estimator = features[kept], kind.make(seed)
    columns = np.isfinite(seen).mean(0) >= _KNOWN
    if not columns.any():
        raise DataError("features", "no known value", "at least one column with values", "check the signals' names")
    seen = seen[:, columns]
    estimator.fit(seen, label[kept], **{kind.weight: cost / cost.mean()})
    return Baseline(name, estimator, columns)


def drawn(
    classes: list[NDArray[np.int64]], most: int, draw: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Rows to fit, in order, and by how much the weight of each rises to make up for those left out.

    Args:
        classes: numbers of the rows of each class.
        most: rows to keep at most; the rarer class is kept first, up to half of them.
        draw: decides which.
    """
    counts = [len(rows) for rows in classes]
    if sum(counts) > most:
        rare = min(*counts, most // 2)
        counts = [rare if len(rows) == min(counts) else most - rare for rows in classes]
        counts = [min(count, len(rows)) for count, rows in zip(counts, classes, strict=True)]
    kept = [draw.choice(rows, count, replace=False) for rows, count in zip(classes, counts, strict=True)]
    raised = [np.full(count, len(rows) / count) for rows, count in zip(classes, counts, strict=True)]
    order = np.argsort(np.concatenate(kept))
    return np.concatenate(kept)[order], np.concatenate(raised)[order]
