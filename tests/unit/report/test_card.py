"""The card: computed facts, as words and as JSON, before and after an evaluation."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from vitals.report.card import card, markdown, write_card
from vitals.report.page import NOTICE
from vitals.report.record import Record
from vitals.scoring.model import Model
from vitals.signals import signal


def test_both_cards_hold_the_same_facts(folder: Path, model: Model, figures: dict[str, Any]) -> None:
    text, data = (file.read_text("utf-8") for file in write_card(folder, model, figures))
    facts = json.loads(data)
    assert markdown(facts) == text
    assert facts["notice"] == NOTICE
    assert NOTICE in text
    assert facts["parity"] == json.loads((folder / "metrics.json").read_text())["parity"]
    assert facts["training_data"]["stays"] == model.about["stays"]
    assert facts["evaluation"]["alerts"]["recall"] == figures["alerts"]["recall"]
    assert all(sentence in text for sentence in facts["evaluation"]["in_words"])


def test_inputs_are_the_columns_of_the_model_with_their_units(record: Record) -> None:
    inputs = card(record)["inputs"]
    assert [entry["name"] for entry in inputs] == list(record.settings.channels)
    assert all(entry["unit"] == signal(entry["name"]).unit for entry in inputs)


def test_a_model_that_was_not_evaluated_has_no_figure(folder: Path, model: Model) -> None:
    text, data = (file.read_text("utf-8") for file in write_card(folder, model))
    assert json.loads(data)["evaluation"] is None
    assert "Not evaluated yet." in text
    assert "recall" not in text


def test_nan_becomes_null(folder: Path, model: Model, figures: dict[str, Any]) -> None:
    figures["alerts"]["recall"] = figures["step_auroc"] = float("nan")
    _, file = write_card(folder, model, figures)
    facts = json.loads(file.read_text("utf-8"), parse_constant=lambda word: f"not JSON: {word}")
    assert facts["evaluation"]["step_auroc"] is None
    assert facts["evaluation"]["alerts"]["recall"] is None


def test_limits_follow_the_settings(record: Record, model_of: Callable[[str], Model]) -> None:
    ward = card(Record(model_of("ward.toml")))["limits"]
    sepsis = card(record)["limits"]
    assert any("first 30 min of a stay, nor while fewer than 3 signals" in limit for limit in ward)
    assert not any("No risk in the first" in limit for limit in sepsis)
    assert any("hours in hospital before it are" in limit for limit in sepsis)


def test_what_is_predicted_cannot_break_the_page(record: Record) -> None:
    label = dataclasses.replace(record.settings.label, kind="<script>alert(1)</script>\n# Not mine")
    model = dataclasses.replace(record.model, settings=dataclasses.replace(record.settings, label=label))
    text = markdown(card(dataclasses.replace(record, model=model)))
    assert "<script>" not in text
    assert text.count("&lt;script>alert(1)") == 3  # use, outcome and limits
    assert "# Not mine" not in [line[:10] for line in text.splitlines()]


def test_a_name_from_data_breaks_no_table(record: Record) -> None:
    record.model.about.update(sites=["a|b\n<script>"], data_digest="x|y")
    lines = markdown(card(record)).splitlines()
    assert not any("<script>" in line for line in lines)
    columns = {line.replace("\\|", "").count("|") for line in lines if line.startswith("|") and "`x" in line}
    assert columns == {3}
