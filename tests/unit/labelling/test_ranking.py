"""AUROC by comparing every pair, AUPRC by stepping through every threshold, and both against scikit-learn."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, roc_auc_score

from vitals.errors import DataError
from vitals.labelling.ranking import auprc, auroc

rows = st.lists(st.tuples(st.integers(0, 1), st.sampled_from([0.0, 0.1, 0.2, 0.2, 0.7, 1.0])), min_size=1, max_size=25)


@given(rows)
def test_auroc_is_the_share_of_pairs_ranked_rightly(pairs: list[tuple[int, float]]) -> None:
    high = [r for y, r in pairs if y]
    low = [r for y, r in pairs if not y]
    found = auroc([y for y, _ in pairs], [r for _, r in pairs])
    if not high or not low:
        assert math.isnan(found)
    else:
        won = sum((h > l) + 0.5 * (h == l) for h in high for l in low)
        assert found == won / (len(high) * len(low))


@given(rows)
def test_auprc_sums_precision_over_the_steps_of_recall(pairs: list[tuple[int, float]]) -> None:
    total = sum(y for y, _ in pairs)
    found = auprc([y for y, _ in pairs], [r for _, r in pairs])
    if not total:
        assert math.isnan(found)
        return
    area, before = 0.0, 0.0
    for threshold in sorted({r for _, r in pairs}, reverse=True):
        called = [y for y, r in pairs if r >= threshold]
        recall = sum(called) / total
        area += (recall - before) * sum(called) / len(called)
        before = recall
    assert found == pytest.approx(area, abs=1e-14)


def test_both_agree_with_scikit_learn_on_many_rows_with_ties() -> None:
    draw = np.random.default_rng(0)
    label = draw.random(50_000) < 0.02
    for risk in (draw.random(50_000), np.round(draw.random(50_000) + 0.1 * label, 2), label * 1.0):
        assert auroc(label, risk) == pytest.approx(roc_auc_score(label, risk), abs=1e-12)
        assert auprc(label, risk) == pytest.approx(average_precision_score(label, risk), abs=1e-12)


def test_order_of_rows_does_not_matter() -> None:
    draw = np.random.default_rng(1)
    label, risk = draw.integers(0, 2, 1000), draw.integers(0, 9, 1000)
    order = draw.permutation(1000)
    assert auroc(label, risk) == auroc(label[order], risk[order])
    assert auprc(label, risk) == auprc(label[order], risk[order])


@pytest.mark.parametrize(
    "call", [([0, 1], [0.1]), ([0, 1], [0.1, math.nan]), ([0, 2], [0.1, 0.2]), ([math.nan], [0.1])]
)
def test_rows_that_cannot_be_ranked_are_refused(call: Any) -> None:
    for measure in (auroc, auprc):
        with pytest.raises(DataError):
            measure(*call)


def test_no_rows_have_no_area() -> None:
    assert math.isnan(auroc([], []))
    assert math.isnan(auprc([], []))
