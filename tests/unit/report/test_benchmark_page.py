"""The benchmark's page and its Markdown: what was run, and nothing else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from tests.unit.flows.challenge import random_truth
from vitals.errors import DataError
from vitals.flows import benchmarking
from vitals.flows.benchmark_judging import judge_hourly, judge_last
from vitals.flows.benchmark_plan import Options
from vitals.flows.benchmark_summary import headline, publish
from vitals.report.benchmark_cells import brief, columns, table_note
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


def test_it_says_what_the_known_patients_were_used_for(found: dict[str, Any]) -> None:
    found["parts"] = {"validation": 0.03, "tuning": 0.12}
    assert "3% watch the training, 12% choose calibration" in benchmark_markdown({"some": found})
    said = "calibration in their file" in benchmark_page({"some": found})
    assert said == (found["rows"] == "last")  # hourly, all learners are calibrated on the same rows


def test_a_trial_is_called_one(found: dict[str, Any]) -> None:
    for whole, trial in (({"some": found}, False), ({"some": {**found, "quick": True}}, True)):
        assert ("<h1>Quick trial" in benchmark_page(whole)) == trial
        assert benchmark_markdown(whole).startswith("# Quick trial") == trial


def test_a_trial_takes_the_place_of_nothing(
    found: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found["challenge"] = "challenge2019"
    publish(tmp_path, dict(found), [], {})
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    files = publish(tmp_path, {**found, "quick": True}, [], {})["files"]
    assert [Path(file).name for file in files] == [f"benchmark-quick.{ending}" for ending in ("html", "md", "json")]
    assert {name: (tmp_path / name).read_bytes() for name in before} == before

    homes = []

    def ready_ground(challenge: str, data: Path, home: Path, *_: object) -> None:
        homes.append(home)
        raise DataError("stop", "enough", "no more", "look at where it would lie")

    monkeypatch.setattr(benchmarking, "ready_ground", ready_ground)
    for quick in (False, True):
        with pytest.raises(DataError, match="enough"):
            benchmarking.benchmark("challenge2019", "data", tmp_path, Options(quick=quick))
    assert [home.name for home in homes] == ["challenge2019", "challenge2019-quick"]


@pytest.mark.parametrize(("runs", "words"), [(1, "not seen, one fold of 5"), (5, "not seen, all 5 folds pooled")])
def test_hospitals_say_on_how_many_folds_they_were_judged(runs: int, words: str) -> None:
    lines = [("all hospitals → B", 5, "B"), ("A → B, gru, one network", 1, "B"), ("B → B, gru, one network", runs, "B")]
    table = {"name": "hospitals", "lines": [{"name": n, "runs": many, "site": site} for n, many, site in lines]}
    note = table_note({"folds": 5}, table)
    assert words in note
    assert "All hospitals → A: all 5 folds pooled" in note


def test_quoted_results_say_who_quotes_them() -> None:
    assert all("as quoted" in one["source"] for one in published("challenge2012"))
    team = [one["utility"] for one in published("challenge2019") if "HEA-LSTM" in one["model"]]
    assert team == [0.382, 0.413]


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
