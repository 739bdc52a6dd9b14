"""NEWS2 on both hospitals of the 2019 data, judged by the same code as every model."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from vitals.alerting.bootstrap import intervals
from vitals.alerting.curve import operating_curve
from vitals.alerting.evaluation import Evaluation, evaluate
from vitals.alerting.stays import Risks, Stays
from vitals.bedside.news2 import news2, news2_risk
from vitals.bedside.score import score_rows
from vitals.cohort.challenge2019 import import_challenge2019
from vitals.spec.duration import Duration
from vitals.spec.policy import AlertPolicy
from vitals.spec.settings import Channel, Label, Settings, Window
from vitals.windowing.advance import advance
from vitals.windowing.carry import Carry

pytestmark = pytest.mark.real

SIX_HOURS = Duration.parse("6h")
SIGNALS = ("resp_rate", "spo2", "sbp", "heart_rate", "temperature")
HOURLY = Settings(
    name="news2",
    signals={name: Channel(max_age=Duration.parse("8h")) for name in SIGNALS},
    window=Window(step=Duration.parse("60min")),
    label=Label("sepsis", horizon=SIX_HOURS, after_onset="positive"),
)


@pytest.fixture(scope="module")
def ward(vitals_data: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Risks, Stays]:
    """NEWS2 of every hour of every stay, on the scale of a risk."""
    folder = vitals_data / "challenge2019"
    sources = [folder / "hospital_A.parquet", folder / "hospital_B.parquet"]
    cohort = import_challenge2019(sources, tmp_path_factory.mktemp("news2") / "cohort")
    carry = Carry.empty(HOURLY, beds=len(cohort))
    carry.admit(np.arange(len(cohort)), cohort.admitted)
    _, rows, _ = advance(HOURLY, carry, cohort.events(HOURLY), until=cohort.discharged)
    points = score_rows(news2, rows, HOURLY.channels).score
    stays = Stays.of(cohort.stays["subject_id"], cohort.admitted, cohort.discharged, *cohort.onsets("sepsis"))
    return Risks.of(rows.bed, rows.time, news2_risk(points)), stays


def judge(ward: tuple[Risks, Stays], points: int) -> Evaluation:
    policy = AlertPolicy(threshold=float(news2_risk(points)), silence=SIX_HOURS)
    return evaluate(*ward, policy)


# The published figures come from other patients of the same hospitals, a quarter as many as these: a recall of theirs
# has a standard error of some 2 points of its own, an alarm rate one of 1 to 2 %.
@pytest.mark.parametrize(("points", "recall", "alarms"), [(5, 0.57, 103), (7, 0.23, 30)])
def test_news2_gives_the_known_recall_and_burden(
    ward: tuple[Risks, Stays], points: int, recall: float, alarms: float
) -> None:
    seen = judge(ward, points)
    assert seen.measure("recall_of_all") == pytest.approx(recall, abs=0.04)
    assert seen.measure("alarms_per_100_patient_days") == pytest.approx(alarms, rel=0.05)


def test_all_hours_and_onsets_are_judged(ward: tuple[Risks, Stays]) -> None:
    risks, stays = ward
    seen = judge(ward, 5)
    assert (len(stays), len(risks)) == (32_239, 1_241_138)
    assert seen.count("onsets") == 2_353
    low, high = intervals(seen, replicates=200)["recall_of_all"][1:]
    assert 0.03 < high - low < 0.05


def test_the_curve_counts_what_evaluate_counts(ward: tuple[Risks, Stays]) -> None:
    thresholds = [float(news2_risk(points)) for points in range(1, 14)]
    silent = AlertPolicy(threshold=1.0, silence=SIX_HOURS)
    for shape in (
        silent,
        dataclasses.replace(silent, rearm="below_clear"),
        dataclasses.replace(silent, persistence=(2, 3)),
    ):
        curve = operating_curve(*ward, shape, thresholds)
        for index in (0, 6, 8):
            policy = dataclasses.replace(shape, threshold=curve.threshold[index], clear=None)
            assert curve.counts[index].tolist() == evaluate(*ward, policy).by_patient.sum(axis=0).tolist()
