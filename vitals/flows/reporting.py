"""The whole report of a model on one part of a cohort: one page for people, the same numbers as JSON beside it."""

from __future__ import annotations

import platform
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import vitals
from vitals.alerting.curve import Ledger
from vitals.alerting.retuning import curve_intervals
from vitals.alerting.tune import at
from vitals.cohort.store import open_cohort
from vitals.errors import SettingsError
from vitals.flows.evaluation import judge_model
from vitals.flows.report_cases import case_figures
from vitals.flows.report_cohort import flow_figures, table_one
from vitals.flows.report_evidence import Evidence
from vitals.flows.report_groups import group_figures
from vitals.flows.report_pitfalls import pitfall_figures
from vitals.flows.report_risk import calibration_figures, distribution_figures
from vitals.flows.report_stress import stress_figures
from vitals.flows.writing import as_json, refuse_unwritable
from vitals.report.page import page
from vitals.report.record import read_record
from vitals.report.twin import twin
from vitals.spec.shipped import find_model

Progress = Callable[[int, int, str], None]
_POINTS, _REPLICATES = 60, 200  # of the band around the operating curve, which is looked at, not decided by


def report_model(  # noqa: PLR0913 - what is judged, where it goes, and on what terms, by name
    model: Path,
    data: Path,
    out: Path,
    part: str = "held_out",
    policy: Path | None = None,
    progress: Progress | None = None,
    *,
    prevalence: float | str | None = None,
) -> dict[str, Any]:
    """Judge a model and write the report: ``out`` for people, and the same numbers in a ``.json`` beside it.

    Args:
        model: a model folder, or a shipped model by its name; nothing is written into it.
        data: a cohort folder.
        out: the HTML file to write.
        part: ``"held_out"``, another part of the model's own split, or ``"all"`` for a cohort of other patients.
        policy: an alert policy file; without it the model folder's ``policy.toml``, where there is one.
        progress: told what is being done.
        prevalence: as :func:`~vitals.flows.evaluation.evaluate_model` takes it.

    Returns:
        Every figure of the report in plain numbers, and the ``files`` written.

    Raises:
        SettingsError: ``out`` is no ``.html`` file, an unknown part, or a policy tuned on the judged patients.
        ModelError: a damaged model, or a policy tuned on another model.
        DataError: a damaged cohort, or a part without stays or onsets.

    Example:
        >>> told = report_model(model, ward, home / "report.html")
        >>> [Path(file).name for file in told["files"]]
        ['report.html', 'report.json']
    """
    out = Path(out)
    if out.suffix != ".html":
        raise SettingsError(f"--out {out}", "another kind of file", "a name that ends in .html", "write report.html")
    refuse_unwritable(out)
    judged = judge_model(Path(model), Path(data), part, policy, progress, prevalence)
    figures = figures_of_report(Evidence(judged, open_cohort(data)), progress)
    figures |= {"command": _command(Path(model), Path(data), part, policy, prevalence), "versions": _versions()}
    home = find_model(model)
    record = read_record(home.parent if home.suffix == ".onnx" else home, judged.model, figures)
    numbers = out.with_suffix(".json")
    out.write_text(page(record), "utf-8")
    numbers.write_bytes(as_json(twin(record)))
    return {**figures, "files": [str(out), str(numbers)]}


def figures_of_report(evidence: Evidence, progress: Progress | None = None) -> dict[str, Any]:
    """The figures of the evaluation and those that only a report shows."""
    figures = dict(evidence.judged.figures)
    makers: dict[str, Callable[[], Any]] = {
        "cohort_flow": lambda: flow_figures(evidence), "table_one": lambda: table_one(evidence),
        "calibration": lambda: calibration_figures(evidence), "risk_distribution": lambda: distribution_figures(evidence),
        "groups": lambda: group_figures(evidence), "cases": lambda: case_figures(evidence),
        "pitfalls": lambda: pitfall_figures(evidence), "curve_intervals": lambda: curve_figures(evidence),
    }  # fmt: skip
    for done, (name, make) in enumerate(makers.items()):
        if progress:
            progress(done, len(makers), "counting")
        figures[name] = make()
    if progress:
        progress(len(makers), len(makers), "counting")
    figures["stress"] = stress_figures(evidence, progress)
    alerts = figures.get("alerts")
    if alerts:
        alerts["amber_alerts"] = alerts["alerts"] - alerts["red_alerts"]
    told: dict[str, Any] = evidence.judged.judgement.shown(figures)
    return told


def curve_figures(evidence: Evidence) -> dict[str, Any]:
    """Thresholds of the policy's first tier, each with recall, precision and burden as ``[value, low, high]``; empty without one."""
    if evidence.judged.policy is None:
        return {}
    shape, ledger = evidence.judged.policy, Ledger(evidence.risks, evidence.spells, evidence.search)
    thresholds = ledger.thresholds(_POINTS)
    counts = ledger.by_patient(at(shape, shape.threshold), thresholds)
    found = curve_intervals(counts, _REPLICATES)
    return {"threshold": thresholds.tolist(), **{name: [[*one] for one in column] for name, column in found.items()}}


def _command(model: Path, data: Path, part: str, policy: Path | None, prevalence: float | str | None) -> str:
    chosen = f" --policy {policy}" if policy else ""
    chosen += "" if prevalence is None else f" --prevalence {prevalence}"
    return f"vitals report {model} --data {data} --part {part}{chosen} --out report.html"


def _versions() -> dict[str, str]:
    names = ("numpy", "numba", "onnxruntime", "pandas")
    return {"vitals": vitals.__version__, "python": platform.python_version()} | {name: version(name) for name in names}
