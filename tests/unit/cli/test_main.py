"""Every command parses what the README says, calls its flow with it, and keeps stdout for machines."""

from __future__ import annotations

import importlib.util
import io
import json
import subprocess
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from vitals.cli.main import main
from vitals.errors import DataError, FeedError, ModelError, SettingsError
from vitals.spec.settings import Settings
from vitals.spec.shipped import shipped_models


@pytest.fixture
def flow(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[tuple[Any, ...]]]:
    """Put a stand-in for one flow; it notes how it was called and returns a summary, or raises."""

    def put(module: str, function: str, result: Any = None) -> list[tuple[Any, ...]]:
        assert importlib.util.find_spec(f"vitals.flows.{module}"), module  # or the real flow would run
        calls: list[tuple[Any, ...]] = []

        def stand_in(*arguments: Any, **named: Any) -> dict[str, Any]:
            calls.append((*arguments, named) if named else arguments)
            if isinstance(result, BaseException):
                raise result
            return {"stays": 3} if result is None else result

        stand_in_module = types.ModuleType(f"vitals.flows.{module}")
        setattr(stand_in_module, function, stand_in)
        stand_in_module.Engine = lambda *said: said  # type: ignore[attr-defined]  # what scoring is told beside its paths
        monkeypatch.setitem(sys.modules, f"vitals.flows.{module}", stand_in_module)
        return calls

    return put


def test_import_challenge2019_takes_several_sources(flow: Any, capsys: pytest.CaptureFixture[str]) -> None:
    calls = flow("importing", "import_challenge2019")
    assert main(["import", "challenge2019", "a", "b", "dst", "--json"]) == 0
    assert calls[0][:2] == ([Path("a"), Path("b")], Path("dst"))
    assert json.loads(capsys.readouterr().out) == {"stays": 3}


def test_import_challenge2012(flow: Any) -> None:
    calls = flow("importing", "import_challenge2012")
    assert main(["import", "challenge2012", "src", "dst"]) == 0
    assert calls[0][:2] == (Path("src"), Path("dst"))


def test_import_table_needs_its_mapping(flow: Any, capsys: pytest.CaptureFixture[str]) -> None:
    calls = flow("importing", "import_table")
    assert main(["import", "table", "src.csv", "dst"]) == 1
    assert "--mapping" in capsys.readouterr().err
    assert main(["import", "table", "src.csv", "dst", "--mapping", "m.toml"]) == 0
    assert calls[0][:3] == (Path("src.csv"), Path("dst"), Path("m.toml"))


def test_simulate(flow: Any) -> None:
    calls = flow("simulation", "simulate_cohort")
    assert main(["simulate", "dst", "--beds", "200", "--hours", "72", "--seed", "7"]) == 0
    assert calls[0][:4] == (Path("dst"), 200, 72.0, 7)


@pytest.mark.parametrize(("errors", "code"), [(0, 0), (2, 2)])
def test_check_ends_with_2_when_a_finding_is_an_error(flow: Any, errors: int, code: int) -> None:
    flow("checking", "check", {"errors": errors, "findings": []})
    assert main(["check", "dst", "--json"]) == code


def test_train_reads_settings_and_joins_cohorts(flow: Any) -> None:
    calls = flow("training", "train")
    assert main(["train", "ward.toml", "--data", "a", "--data", "b", "--out", "models/x"]) == 0
    settings, cohorts, out = calls[0][:3]
    assert isinstance(settings, Settings)
    assert settings.name == "ward"
    assert (cohorts, out) == ([Path("a"), Path("b")], Path("models/x"))


@pytest.mark.parametrize(("arguments", "out"), [([], None), (["--out", "r.parquet"], Path("r.parquet"))])
def test_score(flow: Any, arguments: list[str], out: Path | None) -> None:
    calls = flow("scores", "score")
    assert main(["score", "models/x", "--data", "dst", *arguments]) == 0
    assert calls[0][:3] == (Path("models/x"), Path("dst"), out)


def test_evaluate_judges_the_held_out_part_by_default(flow: Any) -> None:
    calls = flow("evaluation", "evaluate_model")
    assert main(["evaluate", "models/x", "--data", "dst"]) == 0
    assert calls[0][:4] == (Path("models/x"), Path("dst"), "held_out", None)


def test_evaluate_refuses_a_part_that_does_not_exist(flow: Any, capsys: pytest.CaptureFixture[str]) -> None:
    calls = flow("evaluation", "evaluate_model")
    assert main(["evaluate", "models/x", "--data", "dst", "--part", "test"]) == 1
    assert not calls
    assert "held_out" in capsys.readouterr().err


@pytest.mark.parametrize(("word", "share"), [("0.05", 0.05), ("unknown", "unknown"), (None, None)])
def test_a_prevalence_is_a_share_or_unknown(flow: Any, word: str | None, share: float | str | None) -> None:
    given = ["--prevalence", word] if word else []
    calls = flow("evaluation", "evaluate_model")
    assert main(["evaluate", "models/x", "--data", "dst", *given]) == 0
    assert calls[0][5] == share
    calls = flow("reporting", "report_model")
    assert main(["report", "models/x", "--data", "dst", "--out", "r.html", *given]) == 0
    assert (calls[0][2], calls[0][-1]) == (Path("r.html"), {"prevalence": share})


@pytest.mark.parametrize("word", ["5%", "0", "1", "5", "nan", "unkown", "-0.1"])
@pytest.mark.parametrize("command", ["evaluate", "report"])
def test_what_is_no_prevalence_is_refused_before_anything_is_read(
    flow: Any, capsys: pytest.CaptureFixture[str], command: str, word: str
) -> None:
    module = {"evaluate": "evaluation", "report": "reporting"}[command]
    calls = flow(module, f"{command}_model")
    out = ["--out", "r.html"] if command == "report" else []
    assert main([command, "models/x", "--data", "dst", *out, f"--prevalence={word}"]) == 1
    assert not calls
    assert 'a share between 0 and 1, or the word "unknown"' in capsys.readouterr().err


def test_tune_writes_where_it_is_told(flow: Any) -> None:
    calls = flow("tuning", "tune_model")
    assert main(["tune", "models/x", "--data", "dst", "--out", "night.toml"]) == 0
    assert calls[0][5] == Path("night.toml")


def test_tune(flow: Any) -> None:
    calls = flow("tuning", "tune_model")
    assert main(["tune", "models/x", "--data", "dst", "--max-alerts", "3/100pd"]) == 0
    assert calls[0][:3] == (Path("models/x"), Path("dst"), "3/100pd")


def test_demo(flow: Any) -> None:
    calls = flow("demonstration", "demo")
    assert main(["demo"]) == 0
    assert calls[0][0] == Path("vitals-demo")


def test_replay_writes_lines_to_stdout_and_its_summary_to_stderr(flow: Any, capfd: pytest.CaptureFixture[str]) -> None:
    calls = flow("replaying", "replay", {"samples": 1})
    assert main(["replay", "dst", "--speed", "60", "--json"]) == 0
    assert (calls[0][0], calls[0][2]) == (Path("dst"), 60.0)
    out, err = capfd.readouterr()
    assert out == ""
    assert json.loads(err) == {"samples": 1}


def test_watch_gives_its_summary_on_stdout_when_a_file_takes_the_lines(
    flow: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = flow("watching", "watch", {"risks": 2})
    lines = tmp_path / "out.ndjson"
    monkeypatch.setattr(sys, "stdin", types.SimpleNamespace(buffer=io.BytesIO()))
    assert main(["watch", "models/x", "--policy", "p.toml", "--out", str(lines), "--json"]) == 0
    assert (calls[0][0], calls[0][2].name, calls[0][3]) == (Path("models/x"), str(lines), Path("p.toml"))
    assert json.loads(capsys.readouterr().out) == {"risks": 2}


@pytest.mark.parametrize(
    ("kind", "code"), [(SettingsError, 1), (DataError, 2), (FeedError, 2), (ModelError, 3)], ids=str
)
def test_a_known_problem_is_one_message_and_a_code(
    flow: Any, capsys: pytest.CaptureFixture[str], kind: type[Exception], code: int
) -> None:
    flow("scores", "score", kind("here", "this", "that", "do so"))
    assert main(["score", "models/x", "--data", "dst"]) == code
    out, err = capsys.readouterr()
    assert out == ""
    assert err == "here: came this; wanted that; do so\n"


def test_a_program_that_asked_for_json_gets_the_error_as_json(flow: Any, capsys: pytest.CaptureFixture[str]) -> None:
    flow("scores", "score", DataError("here", "this", "that", "do so"))
    assert main(["score", "models/x", "--data", "dst", "--json"]) == 2
    told = json.loads(capsys.readouterr().out)
    assert told["exit"] == 2
    assert {**told["error"], "message": ""} == {
        "kind": "DataError", "message": "", "where": "here", "came": "this", "wanted": "that", "cure": "do so",
    }  # fmt: skip


def test_without_the_train_extra_the_cure_is_named(flow: Any, capsys: pytest.CaptureFixture[str]) -> None:
    flow("scores", "score", ModuleNotFoundError("No module named 'pandas'", name="pandas"))
    assert main(["score", "models/x", "--data", "dst"]) == 1
    assert "pip install 'vitals[train]'" in capsys.readouterr().err


def test_a_defect_keeps_its_traceback(flow: Any) -> None:
    flow("scores", "score", ModuleNotFoundError("No module named 'vitals.nothing'", name="vitals.nothing"))
    with pytest.raises(ModuleNotFoundError):
        main(["score", "models/x", "--data", "dst"])


def test_a_file_that_cannot_be_read_is_a_message(flow: Any, capsys: pytest.CaptureFixture[str]) -> None:
    flow("scores", "score", PermissionError(13, "Permission denied", "/data/x"))
    assert main(["score", "models/x", "--data", "dst"]) == 2
    assert "/data/x: came Permission denied" in capsys.readouterr().err


def test_ctrl_c_stops_quietly(flow: Any, capsys: pytest.CaptureFixture[str]) -> None:
    flow("scores", "score", KeyboardInterrupt())
    assert main(["score", "models/x", "--data", "dst"]) == 130
    assert capsys.readouterr().err == "Stopped.\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["trian"], "Did you mean 'train'"),
        (["score", "models/x"], "--data"),
        (["score", "models/x", "--data", "a", "--fast"], "--fast"),
        (["simulate", "dst", "--beds", "none"], "--beds"),
        (["simulate", "dst", "--beds", "0"], "--beds"),
        (["train", "nothing.toml", "--data", "a", "--out", "b"], "sepsis-icu.toml, sepsis-vitals.toml, ward.toml"),
        (["import", "challenge2019", "only-one"], "Missing argument"),
    ],
)
def test_wrong_usage_ends_with_1_and_says_how(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert said in err
    assert "Traceback" not in err


def test_no_arguments_show_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 1
    assert "vitals demo" in capsys.readouterr().out


def test_signals_lists_the_catalogue(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["signals"]) == 0
    assert capsys.readouterr().out.startswith("heart_rate ")
    assert main(["signals", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["spo2"]["limits"] == [20.0, 100.0]


def test_models_lists_the_shipped_ones(capsys: pytest.CaptureFixture[str]) -> None:
    names = list(shipped_models())
    assert main(["models"]) == 0
    shown = capsys.readouterr()
    assert [line.split()[0] for line in shown.out.splitlines()] == names
    assert " MB; AUROC 0." in shown.out
    assert "not a medical device" in shown.err
    assert main(["models", "--json"]) == 0
    shown = capsys.readouterr()
    assert list(json.loads(shown.out)) == names
    assert shown.err == ""


def test_a_reader_that_goes_away_ends_the_stream_quietly() -> None:
    """As ``vitals signals | head``: no traceback, no message, and an exit code that is no success."""
    program = "import sys; from vitals.cli.main import main; sys.stdin.read(1); sys.exit(main(['signals']))"
    process = subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None
    process.stdout.close()
    process.stdout = None
    _, err = process.communicate(b"x", timeout=60)
    assert process.returncode == 141
    assert err == b""
