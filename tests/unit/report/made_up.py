"""Figures of the sections that only a report has, small enough to be read."""

from __future__ import annotations

from typing import Any

RANKS = {"ranked": 5760, "positive": 120, "auroc": [0.831, 0.81, 0.85], "auprc": [0.1, 0.08, 0.12]}
STAYS = {"ranked": 120, "positive": 30, "auroc": [0.77, 0.71, 0.83], "auprc": [0.5, 0.4, 0.61]}


def report_figures() -> dict[str, Any]:
    """Anew at each call, so that a test may spoil them."""
    return {
        "command": "vitals report models/mine --data cohorts/icu --part held_out --out report.html",
        "versions": {"vitals": "0.1.0", "python": "3.12.1"},
        "cohort_flow": {
            "cohort_stays": 1200, "cohort_patients": 1100, "other_parts": 1080, "stays": 120, "patients": 60,
            "never_scored": 1, "with_onset": 30, "without_onset": 90, "onsets": 33, "predictable": 32,
            "unpredictable": 1,
        },
        "table_one": [
            {"name": "stays", "kind": "count", "all": [120], "with_onset": [30], "without_onset": [90]},
            {"name": "age, years", "kind": "median", "all": [64.0, 51.5, 73.0], "with_onset": [66.0, 55.0, 74.0],
             "without_onset": [None, None, None]},
            {"name": "sex: female", "kind": "share", "all": [60, 0.5], "with_onset": [14, 0.4667], "without_onset": [46, 0.511]},
            {"name": "site: B", "kind": "share", "all": [40, 0.3333], "with_onset": ["<10", None], "without_onset": [None, None]},
        ],
        "ranking": {"step": RANKS, "stay": STAYS, "event": {"auprc": 0.234}},
        "curve_intervals": {
            "threshold": [0.9, 0.5, 0.2, 0.1], "recall": [[0.1, 0.05, 0.2], [0.5, 0.4, 0.6], [0.45, 0.3, 0.6], [0.8, 0.7, 0.9]],
            "precision": [[None, None, None], [0.2, 0.1, 0.3], [0.1, 0.05, 0.2], [0.04, 0.02, 0.07]],
            "alarms_per_100_patient_days": [[1.5, 1.0, 2.0], [8.0, 6.0, 10.0], [9.0, 7.0, 12.0], [45.0, 40.0, 50.0]],
        },
        "calibration": {
            "rows": 5760, "slope": 0.91, "intercept": -0.21, "in_the_large": 0.04, "ici": 0.0041, "e50": 0.003,
            "e90": 0.012, "ece": 0.0052, "brier": 0.0196, "brier_skill": 0.047, "observed_to_expected": [1.04, 0.97, 1.12],
            "groups": {
                "rows": [2880, 2880], "risk": [0.004, 0.031], "observed": [0.0, 0.035], "low": [0.0, 0.028],
                "high": [0.0012, 0.043],
            },
        },
        "risk_distribution": {"edges": [0.001, 0.01, 0.1, 1.0], "without": [0.7, 0.28, 0.02], "with_event": [0.2, 0.5, 0.3]},
        "decision_curve": {
            "decisions": 480, "positive": 11, "prevalence": 0.0229, "shift_hours": 12, "threshold": [0.005, 0.02, 0.08],
            "model": [18.4, 9.2, 3.1], "everybody": [18.1, 3.0, -62.0], "avoided_per_100": [5.97, 30.4, 74.9],
            "NEWS2 ≥ 5": [12.0, 6.0, 1.5], "NEWS2 ≥ 7": [8.0, 5.5, 2.0],
        },
        "alert_net_benefit": {
            "needed": [5, 10], "policy": [[-3.2, -5.1, -1.0], [1.2, 0.4, 2.1]],
            "NEWS2 ≥ 5": [[-9.0, -12.0, -6.5], [-1.1, -2.0, -0.2]],
        },
        "groups": [
            {"kind": "age", "name": "under 50", "stays": 25, "shown": False, "fewer_onsets_than": 10},
            {"kind": "sex", "name": "female", "stays": 60, "shown": True, "onsets": 14, "step_auroc": [0.82, 0.78, 0.86],
             "recall": [0.5, 0.31, 0.69], "precision": [0.2, 0.1, 0.3], "alarms_per_100_patient_days": [12.0, 9.0, 16.0],
             "observed_to_expected": 1.1},
            {"kind": "site", "name": "A", "stays": 80, "shown": True, "onsets": 20, "step_auroc": [0.84, 0.8, 0.88],
             "recall": [0.6, 0.4, 0.8], "precision": [0.25, 0.15, 0.35], "alarms_per_100_patient_days": [10.0, 7.0, 14.0],
             "observed_to_expected": 0.98},
        ],
        "cases": [
            {"kind": "missed", "stay": "s17", "hours": [1.0, 2.0, 3.0], "risk": [0.01, None, 0.02], "threshold": 0.07,
             "red": 0.2, "onset": 4.0, "vitals": {"heart_rate": [88.0, None, 91.0]}, "alerts": [], "news2": [2, None, 3]},
            {"kind": "false alarms", "stay": "s3", "hours": [1.0, 2.0, 3.0], "risk": [0.01, 0.09, 0.3], "threshold": 0.07,
             "red": 0.2, "onset": None, "vitals": {}, "news2": [2, 4, 9],
             "alerts": [{"hour": 2.0, "risk": 0.09, "red": False}, {"hour": 3.0, "risk": 0.3, "red": True}]},
        ],
        "stress": [
            {"dropped": "nothing", "step_auroc": 0.831, "rows_with_risk": 5700, "recall": 0.49, "precision": 0.14,
             "alarms_per_100_patient_days": 29.5},
            {"dropped": "heart rate", "step_auroc": 0.79, "rows_with_risk": 5650, "recall": 0.38, "precision": 0.12,
             "alarms_per_100_patient_days": 24.1},
        ],
        "pitfalls": [
            {"pitfall": "the clock as an input", "result": "pass", "reason": "time since admission is no input"},
            {"pitfall": "death instead of the event", "result": "warn", "reason": "the cohort records no deaths"},
            {"pitfall": "a model that was already acted on", "result": "not applicable", "reason": "120 past stays"},
        ],
    }  # fmt: skip
