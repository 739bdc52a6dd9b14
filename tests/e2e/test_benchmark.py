"""The whole benchmark on a made-up challenge: from PSV files to the page, interrupted and taken up again."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.unit.flows.challenge import write_challenge
from vitals.cli.main import main

ROOT = Path(__file__).parents[2]
ASK = ["--quick", "--folds", "2", "--seeds", "1", "--kinds", "gru", "--processes", "1"]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_challenge(tmp_path_factory.mktemp("challenge") / "data")


def arguments(data: Path, out: Path, only: str) -> list[str]:
    return ["benchmark", "challenge2019", "--data", str(data), "--out", str(out), *ASK, "--only", only]


def finished(out: Path) -> dict[str, float]:
    """When each finished run was written."""
    return {
        file.parent.name: file.stat().st_mtime_ns
        for file in (out / "challenge2019-quick" / "runs").glob("[!.]*/run.json")
    }


@pytest.mark.slow
def test_it_goes_on_where_it_was_stopped(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "report"
    program = [sys.executable, "-m", "vitals", *arguments(data, out, "cv-gru1-signals-fold*")]
    process = subprocess.Popen(program, cwd=ROOT, stderr=subprocess.PIPE, text=True)
    began = time.monotonic()
    while (
        len(finished(out)) < 2 and process.poll() is None and time.monotonic() - began < 240
    ):  # a fresh checkout compiles first
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    said = process.communicate(timeout=60)[1]
    before = finished(out)
    assert process.returncode == 130, said
    assert said.rstrip().endswith("Stopped.")
    assert before
    assert not (out / "benchmark-quick.json").exists()

    assert main(arguments(data, out, "cv-gru1-signals-fold*")) == 0
    after = finished(out)
    assert {name: after[name] for name in before} == before  # not one of them was done again
    assert set(after) == {f"cv-{name}-fold{fold}" for name in ("clock", "news2", "gru1-signals") for fold in (0, 1)}
    assert [path.name for path in (out / "challenge2019-quick" / "runs").iterdir() if path.name.startswith(".")] == []

    found = json.loads((out / "benchmark-quick.json").read_text("utf-8"))["challenge2019"]
    names = {table["name"]: [line["name"] for line in table["lines"]] for table in found["tables"]}
    assert names["main"] == ["gru, one network", "NEWS2", "the clock alone (hours since admission)"]
    assert names["hospitals"] == ["all hospitals → A", "all hospitals → B"]
    main_line = found["tables"][0]["lines"][0]
    assert main_line["patients"] == 240  # each judged once
    assert main_line["utility"][1] <= main_line["utility"][0] <= main_line["utility"][2]
    assert "not a medical device" in (out / "benchmark-quick.html").read_text("utf-8")
    assert "the clock alone" in (out / "benchmark-quick.md").read_text("utf-8")
    assert "AUROC" in capsys.readouterr().err

    # with everything there, nothing is done and the same is said
    text = (out / "benchmark-quick.md").read_bytes()
    assert main(arguments(data, out, "cv-gru1-signals-fold*")) == 0
    assert finished(out) == after
    assert (out / "benchmark-quick.md").read_bytes() == text
    assert " runs; " not in capsys.readouterr().err
    assert not (out / "benchmark.json").exists()  # a trial takes no place of what counts
    assert not (out / "challenge2019").exists()
    assert (out / "challenge2019-quick" / "cohort" / "cohort.json").is_file()
