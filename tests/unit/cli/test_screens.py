"""The screens for people: what matters first, and a dash, never a crash, where a figure is missing."""

from __future__ import annotations

from typing import Any

import pytest

from vitals.cli import screens

EVALUATION: dict[str, Any] = {
    "part": "held_out", "stays": 120, "patients": 117, "rows": 5000, "observed_to_expected": 1.034,
    "ranking": {
        "step": {"ranked": 4900, "positive": 98, "auroc": [0.83149, 0.81, 0.85], "auprc": [0.2, 0.1, 0.3]},
        "stay": {"ranked": 119, "positive": 20, "auroc": [0.771, 0.7, 0.83], "auprc": None},
    },
    "calibration": {"slope": 0.912, "ici": 0.0041, "ece": 0.0052},
    "alerts": {
        "alarms_per_100_patient_days": 4.04, "needed_to_evaluate": 8.6, "lead_hours": {"median": 5.12}, "beds_per_nurse": 4.0,
        "intervals": {
            "recall": [0.714, 0.64, 0.77], "precision": [0.116, 0.09, 0.14], "alarms_per_nurse_shift": [0.081, 0.07, 0.09],
        },
        "indeterminate": {"alerts": 3, "precision_range": [0.11, 0.14]},
        "recall_by_lead_hours": {"1": 0.7, "2": 0.65, "12": 0.0},
    },
    "news2": {"at_equal_burden": {"recall": 0.5, "alarms_per_100_patient_days": 3.9,
                                  "intervals": {"recall": [0.5, 0.4, 0.6]}}},
    "challenge_2019": {"utility": 0.4021},
    "warnings": ["part all holds patients the model was trained on"],
}  # fmt: skip


def test_an_evaluation_puts_alerts_before_rows_and_news2_beside_them() -> None:
    assert screens.evaluated(EVALUATION) == [
        "part held_out: 120 stays of 117 patients, 5,000 rows",
        "recall 71% (64% to 77%) at 4 alarms per 100 patient-days; per nurse and 12-hour shift 0.081 (0.07 to 0.09) alarms, "
        "with 4 beds a nurse",
        "NEWS2 at no more alarms: recall 50% (40% to 60%) at 3.9",
        "precision 12% (9% to 14%), alerts to see for one true 8.6, median lead 5.12 h",
        "indeterminate alerts, after which the record ends too early: 3: precision 11% were all of them false, 14% were all true",
        "recall by alerts at least so long before the onset: 1 h 70%, 2 h 65%, 12 h 0%",
        "per step (rows): AUROC 0.831 (0.810 to 0.850), AUPRC 0.200 (0.100 to 0.300)",
        "per stay (its highest risk): AUROC 0.771 (0.700 to 0.830), AUPRC –",
        "calibration of rows: observed/expected 1.03, slope 0.912, ICI 0.0041, ECE 0.0052",
        "challenge 2019 utility 0.402",
        "note: part all holds patients the model was trained on",
    ]


def test_without_a_policy_the_way_to_one_is_named() -> None:
    figures = {key: value for key, value in EVALUATION.items() if key != "alerts"}
    assert "no alert policy yet: `vitals tune` writes one" in screens.evaluated(figures)


def test_news2_that_never_alerts_at_that_burden_has_no_interval() -> None:
    figures = {**EVALUATION, "news2": {"at_equal_burden": {"recall": 0.0, "alarms_per_100_patient_days": 0.0}}}
    assert "NEWS2 at no more alarms: recall 0% at 0" in screens.evaluated(figures)


def test_few_patients_and_withheld_figures_are_said_to_be_so() -> None:
    few = {"ranked": 40, "positive": 3, "auroc": None, "auprc": None}
    refused = {"guard": "sampling", "level": "refused", "said": "", "cure": ""}
    figures = {**EVALUATION, "ranking": {"step": few, "stay": few}, "calibration": None, "guards": [refused]}
    told = screens.evaluated(figures)
    assert sum("fewer than ten patients" in line for line in told) == 2
    assert "calibration of rows: observed/expected 1.03, slope –, ICI –, ECE –" in told
    assert told[1].endswith("With --prevalence P they can be weighted.")


TUNING: dict[str, Any] = {
    "goal": "most of it", "recall": 0.7, "alarms_per_100_patient_days": 4.9,
    "policy": {"threshold": 0.31, "clear": 0.31, "red": 0.6, "red_clear": 0.6, "silence": "6h", "rearm": "timer",
               "persistence": [1, 1]},
    "retuned": {"recall": [0.68, 0.6, 0.74]},
    "replaced": {"threshold": 0.2, "red": 1.0, "tuned_on": "29d2773d7255a143"},
    "policies": 20000, "search_seconds": 1.0, "best": [{"recall": 0.69, "alarms_per_100_patient_days": 4.8}],
}  # fmt: skip


def test_a_tuning_says_which_tiers_a_figure_is_of_and_what_it_replaces() -> None:
    told = screens.tuned(TUNING)
    assert told[1].startswith("both tiers together: recall 70% at 4.9 alarms")
    assert told[2] == "the first tier alone, tuned again on patients drawn anew: recall 68% (60% to 74%)"
    assert "replaces the policy with threshold 0.2, tuned on patients 29d2773d" in told
    table = told.index("20,000 policies tried in 1 s; the first tier alone, its best shapes:")
    assert told[table + 1].startswith("  recall 69% at 4.8: threshold")


def test_one_tier_is_not_called_two() -> None:
    one = {
        **TUNING,
        "policy": {**TUNING["policy"], "red": 1.0},
        "replaced": {"threshold": 0.2, "red": 0.4, "tuned_on": ""},
    }
    told = screens.tuned(one)
    assert told[1].startswith("all alerts: recall 70%")
    assert "replaces the policy with threshold 0.2, red from 0.4, not tuned, or not known on whom" in told


@pytest.mark.parametrize("screen", [screens.checked, screens.trained, screens.tuned, screens.evaluated])
def test_missing_figures_are_dashes(screen: object) -> None:
    assert callable(screen)
    assert "–" in "\n".join(screen({}))
