"""What is said of a policy on somebody's risks: every figure, and what has to be said beside them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from vitals.alerting.bootstrap import Interval
from vitals.alerting.curve import OperatingCurve
from vitals.alerting.evaluation import Evaluation
from vitals.alerting.findings import Finding, warnings_of
from vitals.alerting.stays import Risks, Stays


@dataclass(frozen=True)
class Judgement:
    """What a policy on somebody's risks did to a set of patients.

    Attributes:
        evaluation: the counts, weighted to the prevalence where that was given.
        intervals: every measure with its interval of resampled patients; NaN where a guard withholds it.
        before_recognition: recall by alerts before clinicians recognised the event; None where nobody knows when.
        ranking: see :func:`~vitals.alerting.ranks.discrimination`, and ``"event"``, the area under precision over event
            recall.
        calibration: see :func:`~vitals.alerting.ranks.calibration`; None where it was not asked for or cannot be said.
        decision_curve: see :func:`~vitals.alerting.benefit.decisions`; empty where it cannot be said.
        alert_net_benefit: see :func:`~vitals.alerting.benefit.alert_benefit`, of the policy and of NEWS2.
        news2: see :func:`~vitals.alerting.beside.beside_news2`, and its ``"ranking"``; empty where NEWS2 is not known.
        utility: of the 2019 challenge, with the threshold from which rows were called; None where scores are not hourly, and
            in a sample of cases and controls.
        curve: the policy's first tier at other thresholds.
        prevalence: as it was given.
        findings: what each guard found.
        risks: of the spells, as they were judged.
        spells: stays cut at their events, as they were judged.
    """

    evaluation: Evaluation
    intervals: dict[str, Interval]
    before_recognition: Interval | None
    ranking: dict[str, Any]
    calibration: dict[str, float] | None
    decision_curve: dict[str, Any]
    alert_net_benefit: dict[str, Any]
    news2: dict[str, Any]
    utility: dict[str, float] | None
    curve: OperatingCurve
    prevalence: float | None
    findings: list[Finding]
    risks: Risks
    spells: Stays

    def measure(self, name: str) -> float:
        """One of ``MEASURES``; NaN where nothing was to count, or where a guard withholds it."""
        return self.intervals[name].value

    @property
    def warnings(self) -> list[str]:
        """What has to be said beside the figures."""
        return warnings_of(self.findings)

    @property
    def withheld(self) -> set[str]:
        """Names of figures that must not be shown, wherever they stand."""
        held = {name for finding in self.findings for name in finding.withholds}
        held |= {"alarms_per_nurse_shift", "precision_range"} if "precision" in held else set()
        held |= {"observed_to_expected"} if self.calibration is None else set()
        return held | ({"step_auprc"} if self.ranking["step"]["auprc"] is None else set())

    def shown(self, figures: Any) -> Any:
        """Nested figures ready for JSON, with None in place of every one that is withheld and of numbers that are none."""
        return finite(_without(figures, self.withheld))

    def alerts(self) -> dict[str, Any]:
        """The figures of the alerts in plain numbers for JSON, with their intervals; None where there is none."""
        low, high = (self.intervals[f"precision_if_unknown_{word}"].value for word in ("false", "true"))
        a_bed, beds = self.intervals["alarms_per_bed_shift"], self.evaluation.beds_per_nurse
        nurse = [beds * value for value in a_bed]
        figures: dict[str, Any] = self.shown({
            **self.evaluation.to_dict(), **{name: found.value for name, found in self.intervals.items()},
            "alarms_per_nurse_shift": nurse[0],
            "intervals": {
                **{name: list(found) for name, found in self.intervals.items()}, "alarms_per_nurse_shift": nurse,
            },
            "indeterminate": {"alerts": self.evaluation.count("indeterminate"), "precision_range": [low, high]},
            "before_recognition": self.before_recognition and list(self.before_recognition),
        })  # fmt: skip
        return figures

    def to_dict(self) -> dict[str, Any]:
        """Every figure in plain numbers for JSON; None where there is none."""
        figures: dict[str, Any] = self.shown({
            **self.alerts(), "ranking": self.ranking, "calibration": self.calibration,
            "decision_curve": self.decision_curve, "alert_net_benefit": self.alert_net_benefit, "news2": self.news2,
            "challenge_utility": self.utility, "curve": self.curve.to_dict(), "prevalence": self.prevalence,
            "guards": [finding.to_dict() for finding in self.findings], "warnings": self.warnings,
        })  # fmt: skip
        return figures


def _without(value: Any, held: set[str]) -> Any:
    if isinstance(value, dict):
        return {name: _none(item) if name in held else _without(item, held) for name, item in value.items()}
    return [_without(item, held) for item in value] if isinstance(value, list) else value


def _none(value: Any) -> Any:
    return [_none(item) for item in value] if isinstance(value, list) else None


def finite(value: Any) -> Any:
    """The same with None where a number is none."""
    if isinstance(value, dict):
        return {name: finite(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
