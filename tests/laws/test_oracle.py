"""Law 4, oracle: plain loops that share no code with the package give the same rows, labels, alerts and counts."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings

from tests.laws.running import Advance, Decide, all_alerts, assert_same_rows, columns_of, drop_keys, run
from tests.naive import (
    Call,
    Drop,
    Row,
    Sample,
    naive_advance,
    naive_challenge_utility,
    naive_decide,
    naive_evaluate,
    naive_label,
    naive_notices,
)
from tests.strategies import (
    HOUR,
    Judged,
    Scores,
    Ward,
    challenge_stays,
    cut_scores,
    cut_wards,
    judged_stays,
    labelled_stays,
)
from vitals.alerting.decide import decide
from vitals.alerting.evaluation import Evaluation, evaluate
from vitals.alerting.measures import MEASURES
from vitals.alerting.stays import Risks, Stays
from vitals.labelling.labels import label_rows
from vitals.labelling.utility import hours_from_onset, utility
from vitals.spec.duration import Duration
from vitals.spec.settings import Alerting, Label
from vitals.windowing.advance import advance
from vitals.windowing.types import Dropped, Reason, Repaired, Rows

# ---- rows ------------------------------------------------------------------------------------------------------------


def rows_of(rows: Sequence[Row], channels: int) -> Rows:
    """The oracle's rows as columns."""
    return Rows(
        bed=np.array([row.bed for row in rows], np.int32),
        time=np.array([row.time for row in rows], np.int64),
        value=np.array([row.value for row in rows], np.float32).reshape(-1, channels),
        age=np.array([row.age for row in rows], np.float32).reshape(-1, channels),
        reason=np.array([Reason[row.reason] for row in rows], np.int8),
    )


def check_repairs(call: Call, repaired: Repaired, expected: Sequence[Sample]) -> None:
    """The same samples were taken for the same other values; each is pointed at, in order of arrival."""
    columns = (repaired.bed, repaired.time, repaired.signal, repaired.value)
    told = [Sample(*parts) for parts in zip(*(column.tolist() for column in columns), strict=True)]
    assert sorted(told) == sorted(expected)
    assert (np.diff(repaired.event) > 0).all()
    for position, sample in zip(repaired.event.tolist(), told, strict=True):
        assert call.samples[position][:3] == sample[:3], (position, sample)


def check_drops(call: Call, dropped: Dropped, expected: Sequence[Drop]) -> None:
    """The same samples were left out, and each that came with this call is pointed at."""
    assert sorted(drop_keys(dropped)) == sorted(map(tuple, expected))
    for position, key in zip(dropped.event.tolist(), drop_keys(dropped), strict=True):
        if position >= 0:
            sample = call.samples[position]
            assert key[:3] == (sample.bed, sample.signal, sample.time), (position, key)
        else:
            assert key[3] == "DUPLICATE", f"{key} came with this call, but its place is not told"
    told = [position for position in dropped.event.tolist() if position >= 0]
    assert len(set(told)) == len(told), "a sample was dropped twice"


def check_oracle(advance: Advance, case: tuple[Ward, list[int]]) -> None:
    """Every call closes the same steps, with the same rows, and leaves out and repairs the same samples."""
    ward, cuts = case
    calls = ward.calls(cuts)
    wanted = naive_advance(ward.settings, ward.admitted, calls)
    for call, (rows, dropped), naive in zip(calls, run(advance, ward, cuts), wanted, strict=True):
        assert_same_rows(rows, rows_of(naive.rows, len(ward.settings.channels)))
        check_drops(call, dropped, naive.drops)
        check_repairs(call, dropped.repaired, naive.repaired)


# The oracle sees every rule of windowing at once, so it gets the most examples.
@settings(max_examples=5 * settings().max_examples)
@given(cut_wards())
def test_rows_and_drops(case: tuple[Ward, list[int]]) -> None:
    check_oracle(advance, case)


# ---- labels ----------------------------------------------------------------------------------------------------------

Labelled = tuple[Label, list[tuple[list[int], list[int]]]]


def onset_columns(onsets: Sequence[Sequence[int]]) -> tuple[list[int], list[int]]:
    """Stay and time of each onset, the last stay's first: no order is promised."""
    pairs = [(stay, onset) for stay, of_stay in enumerate(onsets) for onset in of_stay][::-1]
    return [stay for stay, _ in pairs], [onset for _, onset in pairs]


def check_labels(label_rows: Callable[..., Any], case: Labelled) -> None:
    """Every row has the label of the definition, or may not be used."""
    label, stays = case
    time = [row for times, _ in stays for row in times]
    stay_of_row = [stay for stay, (times, _) in enumerate(stays) for _ in times]
    y, usable = label_rows(
        label,
        np.array(time, np.int64),
        np.array(stay_of_row, np.int64),
        *onset_columns([onsets for _, onsets in stays]),
    )
    wanted = [naive_label(label, row, onsets) for times, onsets in stays for row in times]
    assert usable.tolist() == [may for _, may in wanted]
    assert y[usable].tolist() == [value for value, may in wanted if may]


@given(labelled_stays())
def test_labels(case: Labelled) -> None:
    check_labels(label_rows, case)


def check_utility(utility: Callable[..., float], stays: list[tuple[list[int], list[int]]]) -> None:
    """The normalised utility of the 2019 challenge, from onsets and from labels."""
    time = [row * HOUR for labels, _ in stays for row in range(len(labels))]
    stay_of_row = [stay for stay, (labels, _) in enumerate(stays) for _ in labels]
    onsets = [[(labels.index(1) + 6) * HOUR] if 1 in labels else [] for labels, _ in stays]
    calls = [call for _, row_calls in stays for call in row_calls]
    found = utility(hours_from_onset(time, stay_of_row, *onset_columns(onsets)), calls)
    if any(onsets):
        assert found == pytest.approx(naive_challenge_utility(stays), abs=1e-12)
    else:
        assert math.isnan(found)


@given(challenge_stays())
def test_challenge_utility(stays: list[tuple[list[int], list[int]]]) -> None:
    check_utility(utility, stays)


# ---- alerts ----------------------------------------------------------------------------------------------------------


def check_alerts(decide: Decide, case: tuple[Scores, list[list[int]]]) -> None:
    """The same rows fire and are held back, for the same reason, and scores go missing and come back at the same rows."""
    found, borders = case
    wanted = [naive_decide(found.policy, rows) + naive_notices(found.policy, rows) for rows in found.beds]
    assert all_alerts(decide, found, borders) == [sorted(of_bed, key=lambda one: one[0]) for of_bed in wanted]


@given(cut_scores())
def test_alerts(case: tuple[Scores, list[list[int]]]) -> None:
    check_alerts(decide, case)


def check_evaluation(evaluate: Callable[..., Evaluation], case: Judged) -> None:
    """Onsets caught, alerts and what they were worth, time at risk, and the ratios of them."""
    wanted = naive_evaluate(
        case.scores.policy,
        case.lead,
        [(*stay, rows) for stay, rows in zip(case.stays, case.scores.beds, strict=True)],
        case.onsets,
        case.lost,
    )
    bed, time, risk = columns_of(case.scores, [0] * len(case.stays), [len(rows) for rows in case.scores.beds])
    admitted, discharged = zip(*case.stays, strict=True)
    stays = Stays.of(case.subjects, admitted, discharged, *onset_columns(case.onsets), case.lost)
    alerting = Alerting(Duration(case.lead[0]), Duration(case.lead[1]))
    seen = evaluate(Risks.of(bed, time, risk), stays, case.scores.policy, alerting)
    for name in ("alerts", "true", "false", "detected", "indeterminate", "predictable", "onsets"):
        assert seen.count(name) == wanted[name], name
    assert seen.to_dict()["late_alerts"] == wanted["late"]
    assert seen.red == wanted["red"]
    assert {name: held for name, held in seen.suppressed.items() if held} == wanted["held"]
    assert seen.count("seconds") == pytest.approx(wanted["microseconds"] / 1e6, rel=1e-12)
    for name in MEASURES:
        assert seen.measure(name) == pytest.approx(wanted[name], rel=1e-12, nan_ok=True), name
    assert seen.concentration == pytest.approx(wanted["concentration"], nan_ok=True)
    assert seen.lead_quartiles[1] == pytest.approx(wanted["median_lead"], nan_ok=True)


@given(judged_stays())
def test_evaluation(case: Judged) -> None:
    check_evaluation(evaluate, case)
