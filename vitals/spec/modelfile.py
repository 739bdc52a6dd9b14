"""What a model folder and the metadata of its ONNX file are called, and what of the catalogue travels with a model."""

from __future__ import annotations

from typing import Any

from vitals.signals import signal
from vitals.spec.settings import Settings

METADATA = "vitals.model"
FORMAT = 1
INPUTS = ("value", "age", "hidden")
OUTPUTS = ("risk", "logit", "hidden_out")

MODEL_FILE = "model.onnx"
RUN_FILE = "run.json"
METRICS_FILE = "metrics.json"
POLICY_FILE = "policy.toml"
REPORT_FILES = ("report.html", "card.md", "card.json")
FOLDER = frozenset({MODEL_FILE, RUN_FILE, METRICS_FILE, POLICY_FILE, *REPORT_FILES})
"""Every name that may stand in a model folder."""


def channel_table(settings: Settings) -> list[dict[str, Any]]:
    """The columns of the rows in order, each with the unit, the limits and the repairs that its samples go through.

    It is stored with a model: under a catalogue with other limits the same file would give other risks. What the
    settings switch off is not in it.

    Example:
        >>> settings = Settings.from_tables({"name": "x", "signals": {"spo2": {}}, "window": {"step": "1h"},
        ...                                  "label": {"kind": "sepsis", "horizon": "6h"}})
        >>> channel_table(settings)
        [{'name': 'spo2', 'unit': '%', 'limits': [20.0, 100.0]}]
    """
    table: list[dict[str, Any]] = []
    for entry in (signal(name) for name in settings.channels):
        table.append({"name": entry.name, "unit": entry.unit})
        if settings.window.limits:
            table[-1]["limits"] = list(entry.limits)
            if settings.window.repair and entry.repair:
                table[-1]["repair"] = [list(line) for line in entry.repair]
    return table
