"""The models that come with the package, each on one line, from what its card says."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from vitals.report.words import dig, known, number, percent, score, span
from vitals.spec.modelfile import MODEL_FILE
from vitals.spec.shipped import shipped_models


def shelf() -> dict[str, dict[str, Any]]:
    """What each shipped model predicts, from what, and how good it was on its held-out patients.

    Example:
        >>> all(facts["bytes"] < 2_000_000 for facts in shelf().values())
        True
    """
    return {name: _facts(folder) for name, folder in shipped_models().items()}


def line(name: str, facts: Mapping[str, Any]) -> str:
    """One model as a person reads it; figures that are not there are left out.

    Example:
        >>> line("sepsis", {"outcome": "sepsis", "horizon": "6h", "step": "1h", "signals": 8, "bytes": 537095,
        ...                 "step_auroc": 0.81, "utility": None, "recall": 0.48, "alarms_per_100_patient_days": 29.1})
        'sepsis            sepsis within 6 h, every 1 h; 8 signals; 0.54 MB; AUROC 0.810; catches 48% at 29 alarms per 100 patient-days'
    """
    parts = [
        f"{facts['outcome']} within {span(facts['horizon'])}, every {span(facts['step'])}",
        f"{facts['signals']} signals",
        f"{facts['bytes'] / 1e6:.2f} MB",
    ]
    parts += [f"{words} {score(facts[key])}" for key, words in _FIGURES.items() if known(facts.get(key))]
    if known(facts.get("recall")):
        burden = number(facts.get("alarms_per_100_patient_days"), 2)
        parts.append(f"catches {percent(facts['recall'])} at {burden} alarms per 100 patient-days")
    return f"{name:<18}{'; '.join(parts)}"


_FIGURES = {"step_auroc": "AUROC", "step_auprc": "AUPRC", "utility": "challenge utility"}


def _facts(folder: Path) -> dict[str, Any]:
    card = json.loads((folder / "card.json").read_text("utf-8"))
    judged = card["evaluation"] or {}
    alerts = judged.get("alerts") or {}
    return {
        "outcome": card["outcome"]["kind"], "horizon": card["outcome"]["horizon"], "step": card["window"]["step"],
        "signals": sum(entry["kind"] != "demographic" for entry in card["inputs"]),
        "bytes": (folder / MODEL_FILE).stat().st_size, "part": judged.get("part"), "patients": judged.get("patients"),
        "step_auroc": judged.get("step_auroc"), "step_auprc": judged.get("step_auprc"),
        "utility": dig(judged, "challenge_2019", "utility"), "recall": alerts.get("recall"),
        "alarms_per_100_patient_days": alerts.get("alarms_per_100_patient_days"),
        "notice": card["notice"], "folder": str(folder),
    }  # fmt: skip
