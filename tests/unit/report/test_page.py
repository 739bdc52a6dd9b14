"""The page: whole, self-contained, escaped, and there whatever is missing."""

from __future__ import annotations

import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from vitals.report.page import NOTICE, page, write_report
from vitals.report.record import Record, read_record
from vitals.scoring.model import Model

VOID = {"meta"}


class Reader(HTMLParser):
    """Reads a page strictly: every element closed in order; keeps tags, attributes and text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "body" in self.open:
            self.text += data + " "

    def names(self) -> list[str]:
        return [tag for tag, _ in self.tags]


def test_writes_the_page_and_both_cards(folder: Path, model: Model, figures: dict[str, Any]) -> None:
    files = write_report(folder, model, figures)
    assert [file.name for file in files] == ["report.html", "card.md", "card.json"]
    assert all(file.stat().st_size for file in files)


def test_says_what_the_figures_say(record: Record) -> None:
    text = Reader(page(record)).text
    alerts = record.figures["alerts"]
    assert f"({alerts['detected_onsets']} of {alerts['predictable_onsets']})" in text
    for words in (
        "0.831",
        "0.402",
        "8.9e-08",
        "c0de" * 16,
        "da7a" * 16,
        "torch 2.13.0",
        "sepsis within 6 h",
        "held-out",
    ):
        assert words in text, words


def test_the_notice_comes_before_anything_else(record: Record) -> None:
    assert Reader(page(record)).text.startswith(NOTICE)


def test_asks_nobody_for_anything(record: Record) -> None:
    text = str(page(record))
    reader = Reader(text)
    assert {"script", "link", "img", "iframe", "object", "base", "form"}.isdisjoint(reader.names())
    assert not [attrs for _, attrs in reader.tags if {"src", "srcset", "action"} & set(attrs)]
    assert all(str(attrs["href"]).startswith("#") for _, attrs in reader.tags if "href" in attrs)  # of this very page
    assert not [name for _, attrs in reader.tags for name in attrs if name.startswith("on")]
    assert re.findall(r"https?://[^\"\s]+", text.replace("http://www.w3.org/2000/svg", "")) == []
    assert "@import" not in text
    assert "url(" not in text
    assert len(text.encode()) < 1_000_000


def test_every_figure_has_words_and_numbers(record: Record) -> None:
    text = str(page(record))
    drawings = re.findall(r"<figure>(.*?)</figure>", text, re.DOTALL)
    assert len(drawings) == 2
    for drawing in drawings:
        assert re.search(r'role="img" aria-label="[^"]{20,}"', drawing)
        assert "<title>" in drawing
        assert "<desc>" in drawing
        assert "<table>" in drawing
        assert "<figcaption>" in drawing


@pytest.mark.parametrize("settings", ["sepsis-icu.toml", "ward.toml"])
def test_without_a_policy_the_alert_sections_are_left_out(
    settings: str, model_of: Callable[[str], Model], figures: dict[str, Any], tmp_path: Path
) -> None:
    for name in ("alerts", "curve"):
        del figures[name]
    figures["news2"] = {"at_least_5": figures["news2"]["at_least_5"]}
    reader = Reader(page(read_record(tmp_path, model_of(settings), figures)))
    assert "svg" not in reader.names()
    assert "No alert policy was given" in reader.text
    assert "NEWS2 ≥ 5" in reader.text


def nothing(value: Any, empty: float | None) -> Any:
    """The same tables and lists, every number of them gone."""
    if isinstance(value, dict):
        return {name: nothing(item, empty) for name, item in value.items()}
    if isinstance(value, list):
        return [nothing(item, empty) for item in value]
    return value if isinstance(value, str | bool) else empty


@pytest.mark.parametrize("empty", [None, float("nan")], ids=["none", "nan"])
def test_no_number_at_all_still_makes_a_page(
    empty: float | None, model: Model, figures: dict[str, Any], tmp_path: Path
) -> None:
    files = write_report(tmp_path, model, nothing(figures, empty))
    text = Reader(files[0].read_text("utf-8")).text
    assert "nan" not in text.lower().split()
    assert "None" not in text
    assert "–" in text


def test_nothing_but_a_part_still_makes_a_page(model: Model, tmp_path: Path) -> None:
    assert "Patients" in Reader(page(read_record(tmp_path, model, {"part": "held_out"}))).text


def test_what_comes_from_data_cannot_become_markup(record: Record) -> None:
    attack = '</style></svg><script>alert("x")</script>&<img src=x onerror=alert(1)>'
    figures = {**record.figures, "warnings": [attack], "part": attack, "by_site": {attack: {"step_auroc": 0.5}}}
    figures["challenge_2019"] = {"utility": 0.1, f"utility_{attack}": 0.2, "tuned_on": attack}
    figures["alerts"] = {
        **figures["alerts"],
        "suppressed": {attack: 3},
        "policy": {"silence": attack, "tuned_on": attack},
    }
    record.model.about.update(sites=[attack], data_digest=attack, part_digests={attack: attack})
    run = {"versions": {attack: attack}, "cohorts": [attack]}
    reader = Reader(page(Record(record.model, figures, run, record.metrics)))
    assert {"script", "img"}.isdisjoint(reader.names())
    assert reader.text.count('<script>alert("x")</script>') >= 8


def test_warnings_are_shown_at_the_top(record: Record) -> None:
    figures = {**record.figures, "warnings": ["part train holds patients the model was trained on"]}
    text = Reader(page(Record(record.model, figures))).text
    assert text.index("Warning: part train") < text.index("The model warned of")


def test_damaged_files_beside_the_model_leave_the_page_without_them(folder: Path, record: Record) -> None:
    (folder / "run.json").write_text("{")
    (folder / "metrics.json").write_bytes(b"\xff\xfe")
    again = read_record(folder, record.model, record.figures)
    assert (again.run, again.metrics) == ({}, {})
    assert "torch 2.13.0" not in page(again)
