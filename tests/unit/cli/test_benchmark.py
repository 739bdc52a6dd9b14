"""The command ``benchmark``: what it refuses, what it passes on, and how it shows progress."""

from __future__ import annotations

import sys
import types
from pathlib import Path
from typing import Any

import pytest

from vitals.cli import benchmark
from vitals.cli.main import main

ASK = ["benchmark", "challenge2019", "--data", "data", "--out", "report"]


@pytest.mark.parametrize(
    ("changed", "code", "words"),
    [
        (["--kinds", "gru,lsmt"], 1, 'did you mean "lstm"'), (["--kinds", "gru,gru"], 1, "each once"),
        (["--folds", "1"], 1, "--folds: came 1"), ([], 2, "--data data: came no such folder"),
        (["--settings", "none"], 1, "no such file"),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_one_message(
    changed: list[str],
    code: int,
    words: str,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main([*ASK, *changed]) == code
    assert words in capsys.readouterr().err


def test_an_unknown_challenge_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["benchmark", "challenge2020", "--data", "data", "--out", "report"]) == 1
    assert "challenge2019 or challenge2012" in capsys.readouterr().err


def test_processes_of_torchrun_are_refused(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert main(ASK) == 1
    assert "2 processes of torchrun; wanted one process" in capsys.readouterr().err


def test_an_empty_folder_is_refused(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    assert (
        main(["benchmark", "challenge2019", "--data", str(tmp_path / "data"), "--out", str(tmp_path / "report")]) == 2
    )
    assert "hospital_*.parquet or .psv files" in capsys.readouterr().err
    assert not list(tmp_path.rglob("benchmark.*"))


@pytest.mark.parametrize(("failed", "code"), [({}, 0), ({"cv-gru3-signals-fold0": "a reason"}, 3)])
def test_options_arrive_and_failures_end_with_3(
    failed: dict[str, str], code: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[Any] = []

    def stand_in(*arguments: Any) -> dict[str, Any]:
        calls.append(arguments)
        return {
            "tables": [],
            "headline": ["said"],
            "warnings": ["warned"],
            "failed": failed,
            "files": ["report/benchmark.md"],
        }

    module = types.ModuleType("vitals.flows.benchmarking")
    module.benchmark = stand_in  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "vitals.flows.benchmarking", module)
    asked = [
        "--kinds",
        "lstm, gru",
        "--folds",
        "4",
        "--seeds",
        "2",
        "--quick",
        "--only",
        "cv-*",
        "--processes",
        "3",
        "--keep",
    ]
    assert main([*ASK, *asked]) == code
    challenge, data, out, options, _ = calls[0]
    assert (challenge, data, out) == ("challenge2019", Path("data"), Path("report"))
    assert (options.kinds, options.folds, options.seeds, options.quick) == (("lstm", "gru"), 4, 2, True)
    assert (options.only, options.processes, options.keep, options.full, options.all_folds) == (
        "cv-*",
        3,
        True,
        False,
        False,
    )
    shown = capsys.readouterr().err
    assert "said" in shown
    assert "warning: warned" in shown


def test_plain_progress_says_what_was_done_and_how_long_it_takes(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [100.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    with benchmark._progress() as report:
        for done in range(5):
            report(100 * done, 1000, f"{done // 2} of 5 runs; cv-gru3-signals-fold0 {10 * done}%")
            now[0] += 20.0
    told = capsys.readouterr().err.splitlines()
    assert told == [
        "0 of 5 runs; cv-gru3-signals-fold0 0%",
        "1 of 5 runs; cv-gru3-signals-fold0 20%; about 3 min left",
        "2 of 5 runs; cv-gru3-signals-fold0 40%; about 2 min left",
    ]


def test_a_terminal_gets_one_bar(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    with benchmark._progress() as report:
        report(0, 200, "0 of 2 runs; one 0%")
        report(100, 200, "1 of 2 runs; two 0%")
        report(1, 1, "1 of 1 lines judged")
    assert "1 of 1 lines judged" in capsys.readouterr().err
