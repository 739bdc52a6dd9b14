"""The model card: what a model is for, from what it was made, how good it is. Computed facts only."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from vitals.report.headline import headline
from vitals.report.provenance import provenance
from vitals.report.record import PART_USE, PART_WORDS, PARTS, Record, read_record
from vitals.report.words import DASH, known, number, span
from vitals.scoring.model import Model
from vitals.signals import signal
from vitals.spec.reader import plain

CARD_FILES = ("card.md", "card.json")
FORMAT = 1
_NOTICE = "Research use only: not a medical device."
_NOT_FOR = (
    "treating, diagnosing or discharging anybody: nothing here has been cleared for care",
    "patients unlike those it was made from (another kind of unit, age or country) before it was evaluated on them",
    "replacing a nurse's or a doctor's judgement, or a ward's own early-warning score",
)
_FIGURES = ("recall", "recall_of_all", "precision", "needed_to_evaluate", "alarms_per_100_patient_days")


def write_card(folder: Path, model: Model, figures: Mapping[str, Any] | None = None) -> list[Path]:
    """Write ``card.md`` for people and ``card.json`` for machines into a model folder.

    Args:
        folder: the model folder; what its ``run.json`` and ``metrics.json`` hold goes into the card.
        model: the opened model.
        figures: of an evaluation; None for a model that has not been evaluated.

    Returns:
        The files written.

    Example:
        >>> write_card(Path("models/mine"), model)  # doctest: +SKIP
    """
    facts = card(read_record(folder, model, figures))
    text, data = (folder / name for name in CARD_FILES)
    text.write_text(markdown(facts), "utf-8")
    data.write_text(json.dumps(facts, indent=2, ensure_ascii=False, allow_nan=False) + "\n", "utf-8")
    return [text, data]


def card(record: Record) -> dict[str, Any]:
    """The card as plain tables; a figure that is NaN is None."""
    settings, about = record.settings, record.model.about
    facts = {
        "format": FORMAT,
        "name": settings.name,
        "notice": _NOTICE,
        "intended_use": f"Research on early warning: the risk of {record.outcome}, every {span(settings.window.step.text)}.",
        "not_for": list(_NOT_FOR),
        "outcome": plain(settings.label),
        "network": plain(settings.network),
        "window": plain(settings.window),
        "inputs": _inputs(record),
        "training_data": {
            "data_digest": about.get("data_digest"), "sites": about.get("sites"), "stays": about.get("stays"),
            "onsets": about.get("onsets"), "part_digests": about.get("part_digests"),
            "samples_left_out": record.metrics.get("left_out"),
        },
        "parity": record.metrics.get("parity"),
        "evaluation": _evaluation(record),
        "limits": _limits(record),
        "provenance": dict(provenance(record)),
    }  # fmt: skip
    return {name: _finite(value) for name, value in facts.items()}


def _inputs(record: Record) -> list[dict[str, Any]]:
    """Signals and demographics with their units, in the order of the model's columns."""
    of_signal = record.settings.signals
    inputs = []
    for name in record.settings.channels:
        entry = signal(name)
        known_for = plain(of_signal[name]) if name in of_signal else {"reduce": None, "max_age": "stay"}
        inputs.append({"name": name, "label": entry.label, "unit": entry.unit, "kind": entry.kind, **known_for})
    return inputs


def _evaluation(record: Record) -> dict[str, Any] | None:
    """The evaluation's main figures, or None where there was none."""
    if not record.figures:
        return None
    names = ("part", "patients", "stays", "rows", "step_auroc", "step_auprc", "prevalence", "observed_to_expected",
             "prevalence_given")  # fmt: skip
    found = {name: record.get(name) for name in names if name in record.figures}
    if record.get("alerts"):
        found["alerts"] = {
            name: record.get("alerts", name) for name in (*_FIGURES, "lead_hours", "intervals", "policy")
        }
        found["news2_at_equal_burden"] = record.get("news2", "at_equal_burden")
    for name in ("by_site", "challenge_2019"):
        if record.get(name):
            found[name] = record.get(name)
    return {"in_words": headline(record), **found, "warnings": list(record.get("warnings") or ())}


def _limits(record: Record) -> list[str]:
    settings, window = record.settings, record.settings.window
    limits = [
        "A signal that training never saw, or hardly, is treated as unknown, whatever a monitor sends later.",
        "A missing value stays missing; how often something is measured is itself an input, so a change of charting "
        "habits changes the risk.",
        f"The risk is calibrated on the tuning part of its own data; elsewhere it must be checked. "
        f"It speaks for {settings.label.kind} as that data defines it, and no other cause of harm.",
    ]
    if settings.network.clock:
        limits.append(
            "Time since admission is an input: where records end at the event, it tells the end of the record."
        )
    elif "hospital_hours" in settings.channels:
        limits.append("Time since admission to the unit is not an input; the hours in hospital before it are.")
    else:
        limits.append("Time since admission is not an input.")
    if window.warm_up or window.min_observed:
        limits.append(f"No risk in the first {span(window.warm_up.text)} of a stay, nor while fewer than "
                      f"{window.min_observed} signals are known.")  # fmt: skip
    return limits


def _finite(value: Any) -> Any:
    """JSON knows no NaN."""
    if isinstance(value, Mapping):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def markdown(facts: Mapping[str, Any]) -> str:
    """The card as Markdown.

    Args:
        facts: what :func:`card` gives.
    """
    outcome, data = facts["outcome"], facts["training_data"]
    lines = [f"# Model card: {_cell(facts['name'])}", "", f"**{facts['notice']}**", "", "## Use", "", _cell(facts["intended_use"]), "",
             "Not for:", "", *(f"- {item}" for item in facts["not_for"])]  # fmt: skip
    lines += ["", "## Outcome", "", f"{_cell(outcome['kind'])}, at most {span(outcome['horizon'])} after the moment the risk "
              f"speaks for; rows after the onset: {outcome['after_onset']}."]  # fmt: skip
    lines += ["", "## Inputs", "", *_table(["signal", "unit (UCUM)", "kind", "within a step", "used for"], [
        [entry["label"], entry["unit"], entry["kind"], entry["reduce"] or "", span(entry["max_age"])]
        for entry in facts["inputs"]])]  # fmt: skip
    lines += ["", "## Training data", "", *_training(data)]
    lines += ["", "## Evaluation", "", *_told(facts["evaluation"])]
    lines += ["", "## Limits", "", *(f"- {_cell(item)}" for item in facts["limits"])]
    lines += ["", "## The file", "", *_file(facts)]
    return "\n".join(lines) + "\n"


def _training(data: Mapping[str, Any]) -> list[str]:
    stays = data["stays"] or {}
    rows = [[PART_WORDS[part], number(stays[part]), PART_USE[part]] for part in PARTS if part in stays]
    counts = dict(data["samples_left_out"] or {})
    repaired = counts.pop("repaired", 0)
    left_out = ", ".join(f"{reason} {number(count)}" for reason, count in counts.items())
    sites = ", ".join(data["sites"] or [])
    told = [f"Sites: {_cell(sites)}. Onsets: {number(data['onsets'])}. Split by patient."]
    return [
        *told,
        "",
        *_table(["part", "stays", "used for"], rows),
        *(["", f"Samples left out: {left_out}."] if left_out else []),
        *(["", f"Samples converted from another unit: {number(repaired)}."] if repaired else []),
    ]


def _told(evaluation: Mapping[str, Any] | None) -> list[str]:
    if evaluation is None:
        return ["Not evaluated yet."]
    part = f"Part: {PART_WORDS.get(str(evaluation.get('part')), DASH)}, {number(evaluation.get('stays'))} stays."
    warned = [f"- Warning: {_cell(str(warning))}" for warning in evaluation["warnings"]]
    return [part, "", *(f"- {sentence}" for sentence in evaluation["in_words"]), *warned]


def _file(facts: Mapping[str, Any]) -> list[str]:
    parity = facts["parity"] or {}
    told = []
    if known(parity.get("torch_onnx")):
        told = [f"Largest difference to PyTorch: {max(parity['torch_onnx'], parity['torch_step']):.2g}; risks whose bits "
                f"differ between whole stays and step by step: {number(parity['onnx_step_bits'])}.", ""]  # fmt: skip
    return [*told, *_table(["", ""], [[name, f"`{value}`"] for name, value in facts["provenance"].items()])]


def _table(head: list[str], rows: list[list[str]]) -> list[str]:
    return [f"| {' | '.join(map(_cell, row))} |" for row in (head, ["---"] * len(head), *rows)]


def _cell(text: str) -> str:
    """A text that breaks neither a table nor the page it is shown on."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace("|", "\\|").replace("\n", " ")
