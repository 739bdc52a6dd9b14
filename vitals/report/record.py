"""What a model folder says of itself: what the sections of the page and the card are made from."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from vitals.report.words import dig, span
from vitals.scoring.model import Model
from vitals.spec.modelfile import RUN_FILE
from vitals.spec.settings import Settings

METRICS_FILE = "metrics.json"
PARTS = ("train", "validation", "tuning", "held_out")
PART_WORDS = {
    "train": "training",
    "validation": "validation",
    "tuning": "tuning",
    "held_out": "held-out",
    "all": "all patients",
}
PART_USE = {
    "train": "fits weights and normalisation",
    "validation": "watches the training, and stops it where the recipe says so",
    "tuning": "calibration and alert policy",
    "held_out": "final figures only",
}


@dataclass(frozen=True)
class Record:
    """A model with everything known of it.

    Attributes:
        model: the opened model.
        figures: of one evaluation; empty where there was none.
        run: what ``run.json`` holds; empty where there is none.
        metrics: what ``metrics.json`` holds; empty where there is none.
    """

    model: Model
    figures: Mapping[str, Any] = field(default_factory=dict)
    run: Mapping[str, Any] = field(default_factory=dict)
    metrics: Mapping[str, Any] = field(default_factory=dict)

    @property
    def settings(self) -> Settings:
        """The model's own settings."""
        return self.model.settings

    @property
    def part(self) -> str:
        """The part that was evaluated, in words."""
        part = str(self.figures.get("part", "held_out"))
        return PART_WORDS.get(part, part)

    def get(self, *path: str) -> Any:
        """A figure of the evaluation by its path of keys; None where there is none."""
        return dig(self.figures, *path)

    @property
    def outcome(self) -> str:
        """What is predicted, in words."""
        return f"{self.settings.label.kind} within {span(self.settings.label.horizon.text)}"


def read_record(folder: Path, model: Model, figures: Mapping[str, Any] | None = None) -> Record:
    """Gather what is known of a model.

    Args:
        folder: the model folder; ``run.json`` and ``metrics.json`` in it are read where they are there.
        model: the opened model.
        figures: of the evaluation to report; None for a model that has not been evaluated.

    Example:
        >>> read_record(Path("models/none"), None).run  # type: ignore[arg-type]
        {}
    """
    return Record(model, figures or {}, _table(folder / RUN_FILE), _table(folder / METRICS_FILE))


def _table(file: Path) -> dict[str, Any]:
    """A JSON file's table; a file that is missing or damaged leaves the page without it, not without a page."""
    try:
        found = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
