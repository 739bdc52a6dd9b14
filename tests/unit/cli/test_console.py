"""People's text: progress with and without a terminal, and summaries that a person can read."""

from __future__ import annotations

import json

import numpy as np
import pytest

from vitals.cli import console


def test_without_a_terminal_progress_is_plain_lines(capsys: pytest.CaptureFixture[str]) -> None:
    with console.progress() as report:
        for done in range(1001):
            report(done, 1000, "stays")
        report(1, 2, "export")
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines() == ["stays: 0 of 1,000", "stays: 1,000 of 1,000", "export: 1 of 2"]


def test_on_a_terminal_progress_is_one_bar_a_label(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    with console.progress() as report:
        report(1, 4, "stays")
        report(4, 4, "stays")
        report(1, 2, "export")
    out, err = capsys.readouterr()
    assert out == ""
    assert "stays" in err
    assert "export" in err
    assert "100%" in err


def test_a_summary_is_one_line_a_fact_and_files_come_last(capsys: pytest.CaptureFixture[str]) -> None:
    summary = {
        "stays": 32239,
        "recall": 0.71234,
        "sites": {"A": 16244, "B": 15995},
        "news2": {"recall": {"value": 0.5, "low": 0.4}, "alerts": 7},
        "findings": [{"kind": "gap", "count": 2}],
        "held": None,
        "files": {"model_folder": "models/x"},
    }
    console.show(summary, as_json=False, title="Evaluated")
    out, err = capsys.readouterr()
    assert out == ""
    assert err.strip().splitlines() == [
        "Evaluated",
        "  stays     32,239",
        "  recall    0.7123",
        "  sites     A 16,244, B 15,995",
        "  news2",
        "    recall  value 0.5, low 0.4",
        "    alerts  7",
        "  findings",
        "    - kind gap, count 2",
        "  held      –",
        "  model folder: models/x",
        console.NOTICE,
    ]


def test_json_has_python_numbers_and_no_nan(capsys: pytest.CaptureFixture[str]) -> None:
    summary = {"a": np.float32(0.5), "b": np.array([1, 2]), "c": float("inf"), "d": (np.int64(3),), 4: np.bool_(True)}
    console.show(summary, as_json=True)
    assert json.loads(capsys.readouterr().out) == {"a": 0.5, "b": [1, 2], "c": None, "d": [3], "4": True}


@pytest.mark.parametrize("own", [True, False])
def test_a_headline_replaces_the_facts_but_not_the_files(own: bool, capsys: pytest.CaptureFixture[str]) -> None:
    summary = {"recall": 0.7, "files": ["models/x/report.html"]} | ({} if own else {"headline": ["Recall 70%"]})
    console.show(summary, as_json=False, lines=["Recall 70%"] if own else None)
    assert capsys.readouterr().err.splitlines() == ["Recall 70%", "  file: models/x/report.html", console.NOTICE]
