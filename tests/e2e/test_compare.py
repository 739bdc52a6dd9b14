"""``vitals compare`` on two shipped models and a small cohort: verdict, table, exit code."""

from __future__ import annotations

import json
import shutil
import tomllib
from pathlib import Path

import pytest

from tests.unit.flows.wards import write_ward
from vitals.cli.main import main
from vitals.spec.shipped import find_model

NAMES = ("sepsis-vitals", "sepsis-icu")
FORGIVING = '[recall]\nmargin = 1.0\nburden = "100/100pd"\n[burden]\nmost = 1000\n[groups]\nkinds = ["sex"]\n[calibration]\njudged = false\n'


@pytest.fixture(scope="module")
def ward(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sixty strangers, 24 of them with an onset after three hours."""
    path = tmp_path_factory.mktemp("compare") / "ward"
    write_ward(path, [f"p{i}" for i in range(60)], onsets=dict.fromkeys(range(24), 3))
    return path


@pytest.fixture(scope="module")
def alerting(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """Copies of both with thresholds at which they alert on these stays, as their own policies do not."""
    home = tmp_path_factory.mktemp("alerting")
    for name in NAMES:
        shutil.copytree(find_model(name), home / name)
        digest = tomllib.loads((home / name / "policy.toml").read_text("utf-8"))["model_digest"]
        (home / name / "policy.toml").write_text(f'threshold = 0.001\nsilence = "2h"\nmodel_digest = "{digest}"\n')
    return str(home / NAMES[0]), str(home / NAMES[1])


def command(ward: Path, criteria: Path, *more: str, models: tuple[str, str] = NAMES) -> list[str]:
    return ["compare", *models, "--data", str(ward), "--criteria", str(criteria), "--part", "all", *more]


def written(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "criteria.toml"
    file.write_text(text)
    return file


def test_what_keeps_to_every_criterion_passes(
    ward: Path, alerting: tuple[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(command(ward, written(tmp_path, FORGIVING), models=alerting)) == 0
    said = capsys.readouterr().err
    assert any(line.startswith("pass        recall of the policies as they stand") for line in said.splitlines())
    assert any(line.startswith("pass        recall at equal alarm burden") for line in said.splitlines())
    assert "PASS: the new model keeps to every criterion" in said
    assert "not a medical device" in said


def test_what_fails_one_fails(ward: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    strict = written(tmp_path, "[calibration]\nici = 0.0\n[recall]\njudged = false\n[burden]\njudged = false\n")
    assert main(command(ward, strict, "--json")) == 3
    told = json.loads(capsys.readouterr().out)
    assert told["passed"] is False
    assert {one["criterion"]: one["passed"] for one in told["criteria"]}["calibration ICI"] is False
    assert told["patients"] == 60
    assert told["old"] != told["new"]
    assert [words.partition(": ")[0] for words in told["warnings"]] == ["old model", "new model", "sampling"]
    assert all("would be in the tuning part" in words for words in told["warnings"][:2])
    assert main(command(ward, strict)) == 3
    assert "FAIL: " in capsys.readouterr().err


def test_a_model_beside_itself_differs_in_nothing(
    ward: Path, alerting: tuple[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    same = (alerting[0], alerting[0])
    terms = "[calibration]\njudged = false\n[groups]\njudged = false\n[burden]\nmost = 1.0\n"
    only = written(tmp_path, terms + '[recall]\nburden = "300/100pd"\n')
    assert main(command(ward, only, "--json", models=same)) == 0
    recall, stands, burden = json.loads(capsys.readouterr().out)["criteria"]
    assert stands["found"]["difference"] == [0, 0, 0]
    assert stands["found"]["old"] > 0
    assert recall["found"]["difference"] == [0, 0, 0]
    assert recall["found"]["old"] > 0
    assert burden["found"]["old"] == burden["found"]["new"]


def test_beside_a_policy_that_catches_nothing_nothing_passes(
    ward: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The policy of sepsis-vitals never alerts on these stays, so keeping to its burden proves nothing."""
    assert main(command(ward, written(tmp_path, "[calibration]\njudged = false\n[groups]\njudged = false\n"))) == 3
    said = capsys.readouterr().err
    assert "not judged  recall at equal alarm burden" in said
    assert "FAIL: recall could not be judged" in said


def test_a_sample_is_compared_at_the_prevalence_of_the_ward(
    ward: Path, alerting: tuple[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    criteria = written(tmp_path, FORGIVING.replace("[calibration]\njudged = false\n", ""))
    assert main(command(ward, criteria, "--json", "--prevalence", "0.04", models=alerting)) == 0
    told = json.loads(capsys.readouterr().out)
    assert {one["passed"] for one in told["criteria"] if one["criterion"].startswith("calibration")} == {None}
    assert not any("sampling" in words for words in told["warnings"])
    assert main(command(ward, criteria, "--prevalence", "4")) == 1
    assert "a share between 0 and 1" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("models", "criteria", "code", "says"),
    [
        (NAMES, "[recal]\n", 1, 'did you mean "recall"'),
        (("sepsis-vitals", "mortality-2012"), "", 1, "compare models of the same outcome"),
        (("sepsis-vitals", "models/none"), "", 3, "models/none"),
    ],
)
def test_what_cannot_be_compared_is_no_verdict(
    models: tuple[str, str], criteria: str, code: int, says: str, ward: Path, tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    assert main(command(ward, written(tmp_path, criteria), models=models)) == code
    assert says in capsys.readouterr().err


def test_too_few_events_are_no_verdict(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    few = tmp_path / "few"
    write_ward(few, [f"p{i}" for i in range(12)], onsets=dict.fromkeys(range(4), 3))
    assert main(command(few, written(tmp_path, FORGIVING))) == 2
    assert "events that could be predicted" in capsys.readouterr().err
