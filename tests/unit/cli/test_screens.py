"""The screens for people: what matters first, and a dash, never a crash, where a figure is missing."""

from __future__ import annotations

import pytest

from vitals.cli import screens

EVALUATION = {
    "part": "held_out", "stays": 120, "patients": 117, "rows": 5000, "step_auroc": 0.83149, "step_auprc": 0.2,
    "observed_to_expected": 1.034,
    "alerts": {
        "alarms_per_100_patient_days": 4.04, "needed_to_evaluate": 8.6, "lead_hours": {"median": 5.12},
        "intervals": {"recall": [0.714, 0.64, 0.77], "precision": [0.116, 0.09, 0.14]},
    },
    "news2": {"at_equal_burden": {"recall": 0.5, "alarms_per_100_patient_days": 3.9,
                                  "intervals": {"recall": [0.5, 0.4, 0.6]}}},
    "challenge_2019": {"utility": 0.4021},
    "warnings": ["part all holds patients the model was trained on"],
}  # fmt: skip


def test_an_evaluation_puts_alerts_before_rows_and_news2_beside_them() -> None:
    assert screens.evaluated(EVALUATION) == [
        "part held_out: 120 stays of 117 patients, 5,000 rows",
        "recall 71% (64% to 77%) at 4 alarms per 100 patient-days",
        "NEWS2 at no more alarms: recall 50% (40% to 60%) at 3.9",
        "precision 12% (9% to 14%), alerts to see for one true 8.6, median lead 5.12 h",
        "rows: AUROC 0.831, AUPRC 0.200, observed/expected 1.03",
        "challenge 2019 utility 0.402",
        "note: part all holds patients the model was trained on",
    ]


def test_without_a_policy_the_way_to_one_is_named() -> None:
    figures = {key: value for key, value in EVALUATION.items() if key != "alerts"}
    assert "no alert policy yet: `vitals tune` writes one" in screens.evaluated(figures)


def test_news2_that_never_alerts_at_that_burden_has_no_interval() -> None:
    figures = {**EVALUATION, "news2": {"at_equal_burden": {"recall": 0.0, "alarms_per_100_patient_days": 0.0}}}
    assert "NEWS2 at no more alarms: recall 0% at 0" in screens.evaluated(figures)


@pytest.mark.parametrize("screen", [screens.checked, screens.trained, screens.tuned, screens.evaluated])
def test_missing_figures_are_dashes(screen: object) -> None:
    assert callable(screen)
    assert "–" in "\n".join(screen({}))
