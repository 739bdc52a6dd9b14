"""The benchmark's page and its Markdown: what was run, and nothing else."""

from __future__ import annotations

import json
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from tests.unit.flows.challenge import random_truth
from vitals.flows.benchmark_judging import judge_hourly, judge_last
from vitals.flows.benchmark_summary import headline
from vitals.report.benchmark_cells import brief, columns
from vitals.report.benchmark_page import benchmark_markdown, benchmark_page
from vitals.report.dots import Dot, Series, dot_chart
from vitals.report.published import published
from vitals.report.svg import share_axis


def figures(rows: str, seed: int) -> dict[str, Any]:
    truth = random_truth(seed=seed)
    risk = np.random.default_rng(seed).random(len(truth.time)).astype(np.float32)
    if rows == "last":
        return judge_last(truth, risk, probability=True, replicates=20)
    return judge_hourly(truth, risk, risk > 0.5, probability=seed == 1, replicates=(20, 10))


@pytest.fixture(params=["hourly", "last"])
def found(request: pytest.FixtureRequest) -> dict[str, Any]:
    lines = [{"name": f"a <b>{i}</b> | line", "runs": 3, "site": None, **figures(request.param, i)} for i in (1, 2)]
    return {
        "title": "Some challenge", "rows": request.param, "recipe": "sepsis", "folds": 3, "seeds": 2, "quick": False, "seconds": 7200.0,
        "data": {"data_digest": "da7a", "stays": 40, "patients": 40, "rows": 700, "onsets": 14, "sites": {"A": 20, "B": 20}},
        "versions": {"vitals": "0.1.0"}, "warnings": ["too good"], "published": published("challenge2019"), "failed": {},
        "headline": ["a sentence"], "tables": [{"name": "main", "title": "Cross-validation", "lines": lines}],
    }  # fmt: skip


def test_page_and_text_say_the_same(found: dict[str, Any]) -> None:
    page, text = benchmark_page({"some": found}), benchmark_markdown({"some": found})
    for words in (
        "Research use only: not a medical device.",
        "Some challenge",
        "too good",
        "a sentence",
        "sepsis-mlops",
        "2 hours",
    ):
        assert words in page
        assert words in text
    for line in found["tables"][0]["lines"]:
        for column in columns(found):
            cell = column.cell(line)
            assert f">{cell.value}<" in page
            assert f"{cell.value} ({cell.interval})" in text or not cell.interval
    assert "<b>" not in page
    assert "kinds" not in page.lower()  # a table that was not run is not there
    assert "http" not in page.replace("http://www.w3.org/2000/svg", "").replace("http-equiv", "")
    rows = [row for row in text.splitlines() if row.startswith("|")]
    assert {row.count("|") for row in rows} == {len(columns(found)) + 2, 7}


def test_the_page_is_well_formed(found: dict[str, Any]) -> None:
    page = benchmark_page({"some": found})
    drawings = [f"<svg{part.partition('</svg>')[0]}</svg>" for part in page.split("<svg")[1:]]
    assert len(drawings) == (2 if found["rows"] == "hourly" else 1)
    for drawing in drawings:
        assert len(ET.fromstring(drawing).findall(".//{*}circle")) >= 2


def test_dots_lie_where_their_figures_are() -> None:
    axis, half = share_axis("share"), Series("x", [Dot(0.0), Dot(0.5, 0.25, 1.0), Dot(1.0), Dot(None)], "#000")
    drawing = ET.fromstring(dot_chart("t", "a", axis, ["a", "b", "c", "d"], [half]))
    x = [float(dot.get("cx", "nan")) for dot in drawing.findall(".//{*}circle")]
    assert len(x) == 3
    assert x[1] == pytest.approx((x[0] + x[2]) / 2)
    spread = next(line for line in drawing.findall(".//{*}line") if "stroke" in (line.get("style") or ""))
    assert float(spread.get("x1", "nan")) == pytest.approx((x[0] + x[1]) / 2)
    assert float(spread.get("x2", "nan")) == pytest.approx(x[2])


def test_a_terminal_shows_every_line(found: dict[str, Any]) -> None:
    shown = brief(found, found["tables"][0])
    assert len(shown) == 3
    assert len({len(line) for line in shown}) == 1
    assert "AUROC" in shown[0]


def test_the_headline_holds_news2_and_the_clock_against_the_model(found: dict[str, Any]) -> None:
    lines = found["tables"][0]["lines"]
    lines[0]["name"], lines[1]["name"] = "NEWS2", "gru, 3 in one file"
    lines.append({**lines[1], "name": "the clock alone (hours since admission)"})
    said = headline(json.loads(json.dumps(found)))
    assert said[0].startswith("gru, 3 in one file: ")
    assert len(said) == (4 if found["rows"] == "hourly" else 1)
    assert headline({"tables": []}) == []
