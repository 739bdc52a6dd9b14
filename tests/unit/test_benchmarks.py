"""The benchmark scripts run from end to end on tiny data, and refuse what would make a figure meaningless."""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch

from tests.live import cohort_folder, model_folder, settings_of
from vitals.flows.importing import import_challenge2019
from vitals.learning.encoder import Scale
from vitals.learning.export import export
from vitals.learning.network import Network
from vitals.scoring.model import read_model
from vitals.spec.settings import Settings

ROOT = Path(__file__).parent.parent.parent
STAYS = ROOT / "tests" / "assets" / "challenge2019"


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], ModuleType]]:
    """Import a script as it is when it runs: with its own folder first on the path, and one thread everywhere."""
    for pool in ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "POLARS_MAX_THREADS"):
        monkeypatch.setenv(pool, "1")
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    before = set(sys.modules)
    yield importlib.import_module
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", "")).startswith(str(ROOT / "benchmarks")):
            del sys.modules[name]


def random_model(folder: Path, kind: str, **window: str) -> tuple[Path, Network, bytes]:
    """A model folder with random weights."""
    tables = Settings.from_toml(ROOT / "settings" / "sepsis-icu.toml").to_tables()
    tables["network"].update(kind=kind, embed=16, hidden=8, head=4, layers=2)
    tables["window"].update(window)
    settings = Settings.from_tables(tables)
    torch.manual_seed(5)
    network = Network(settings).eval()
    rng = np.random.default_rng(5)
    seen = np.ones(len(settings.channels), np.float32)
    seen[3] = 0
    low, high, mean, std = (offset + rng.random(len(seen), np.float32) for offset in (0, 300, 80, 20))
    network.encoder.load(Scale(low, high, mean, std, seen))
    network.slope.fill_(1.5)
    network.intercept.fill_(-0.25)
    content = export(network, settings, {"onsets": 2})
    folder.mkdir()
    (folder / "model.onnx").write_bytes(content)
    return folder, network, content


def test_advance_is_raced_against_tables_of_the_same_bits(script, capsys):
    """Made-up samples of the usual shape."""
    script("advance").main(["--stays", "20", "--hours", "12", "--rounds", "1"])
    shown = capsys.readouterr().out
    assert "every peer gives the same values and ages, bit by bit" in shown
    assert shown.count("times as long") == 4


def test_advance_is_raced_on_a_cohort(script, capsys, tmp_path):
    """Stays of unequal length, history at the admission, channels that nobody measured."""
    import_challenge2019([STAYS], tmp_path / "cohort")
    script("advance").main(["--data", str(tmp_path / "cohort"), "--rounds", "1"])
    assert "2 stays" in capsys.readouterr().out


def test_another_table_stops_the_race(script, monkeypatch):
    """A peer that does other work is no peer."""
    advance = script("advance")
    work = advance.made_up(5, 6)
    rows, _ = advance.windowed(work)
    advance.require_same(work, rows)
    rows.age[np.flatnonzero(np.isfinite(rows.age[:, 0]))[0], 0] += np.float32(1e-6)
    with pytest.raises(SystemExit, match="another age"):
        advance.require_same(work, rows)


def test_step_is_raced_against_windows_of_the_same_risks(script, capsys):
    """One small width."""
    script("step").main(["--hidden", "8", "--beds", "1", "3", "--rounds", "1"])
    shown = capsys.readouterr().out
    assert "GRU-8" in shown
    assert "vitals, step, 3 beds" in shown


def test_other_risks_stop_the_race(script):
    """A window that says something else is not compared."""
    step = script("step")
    network, model = step.networks(8)
    ward = step.Ward.of(3, len(model.settings.channels))
    step.require_same(network, model, ward)
    network.intercept += 1
    with pytest.raises(SystemExit, match="differ"):
        step.require_same(network, model, ward)


def test_main_job_in_a_fresh_process(script, capsys, tmp_path):
    """From the source files to risks, then windowing alone."""
    model, _, _ = random_model(tmp_path / "model", "gru")
    script("main_job").main([str(STAYS), str(model), "--rounds", "1"])
    shown = capsys.readouterr().out
    assert "2 stays" in shown
    assert shown.count("asked <") == 3


@pytest.mark.parametrize(("kind", "window"), [("gru", {}), ("lstm", {"lookback": "6h"})])
def test_the_network_behind_a_file_is_read_back_exactly(script, tmp_path, kind, window):
    """Every weight has the same bits, so the graph it is exported to is the same."""
    _, network, content = random_model(tmp_path / "model", kind, **window)
    weights, model = script("_weights"), read_model(content)
    again = weights.network_of(content, model)
    for name, tensor in network.state_dict().items():
        assert torch.equal(tensor, again.state_dict()[name]), name
    assert weights.same_graph(again, model, content)
    again.intercept += 1e-3
    assert not weights.same_graph(again, model, content)


def test_parity_of_all_stays(script, capsys, tmp_path):
    """The four ways and the live ward on a tiny cohort."""
    cohort = tmp_path / "cohort"
    import_challenge2019([STAYS], cohort)
    model, _, _ = random_model(tmp_path / "model", "gru")
    script("parity_all").main([str(model), "--data", str(cohort)])
    shown = capsys.readouterr().out
    assert "exported again: the same graph" in shown
    assert "0 differing, 0 missing, 0 unexpected, 0 other_time" in shown
    assert "the law holds" in shown


def test_any_difference_between_score_and_watch_is_counted(script):
    """One bit, a lost row, a risk too many, a wrong time."""
    comparison = script("parity_all").Comparison(
        np.array([0, 3_600_000_000, 0]), np.array([0.25, np.nan, 0.5], np.float32), {"a": 0, "b": 2}, {"a": 2, "b": 3}
    )
    lines = (
        b'{"kind":"risk","stay":"a","time":"1970-01-01T00:00:00Z","risk":0.25000003}\n'
        b'{"kind":"risk","stay":"a","time":"1970-01-01T02:00:00Z","risk":null,"reason":"warming_up"}\n'
        b'{"kind":"risk","stay":"a","time":"1970-01-01T03:00:00Z","risk":0.5}\n'
    )
    comparison.write(lines)
    assert comparison.counts() == {"rows": 3, "differing": 1, "missing": 1, "unexpected": 1, "other_time": 1}


def test_policies_are_counted_against_other_ways(script, capsys):
    """A small made-up ward: four ways of counting, then intervals."""
    few = ["--risk", "made-up", "--stays", "60", "--hours", "12", "--rounds", "1"]
    script("policies").main(few)
    shown = capsys.readouterr().out
    assert "36 policies counted the other ways give the same counts" in shown
    assert shown.count("times as long") == 4
    assert shown.count("asked <") == 2


def test_policies_are_counted_on_a_cohort(script, capsys, tmp_path):
    """Scores of a model; two stays are enough to be counted."""
    import_challenge2019([STAYS], tmp_path / "cohort")
    model, _, _ = random_model(tmp_path / "model", "gru")
    policies = script("policies")
    for risk in ("model", "news2"):
        risks, stays = policies.of_cohort(tmp_path / "cohort", risk, model)
        assert len(stays) == 2
        assert len(risks) == 7
        assert np.nanmin(risks.risk) >= 0
        assert np.nanmax(risks.risk) < 1


def test_other_counts_stop_the_race_of_policies(script):
    """A way that counts otherwise is not compared."""
    policies = script("policies")
    risks, stays = policies.made_up(60, 12)
    ledger = policies.Ledger(risks, stays, policies.SEARCH)
    thresholds = ledger.thresholds(20)
    curves, work = policies.grid(risks, stays, thresholds), policies.prepare(risks, ledger.history)
    policies.require_same(work, thresholds, curves)
    for curve in curves:
        curve.counts[:, 1] += 1
    with pytest.raises(SystemExit, match="counts otherwise"):
        policies.require_same(work, thresholds, curves)


def test_simulator_auroc(script, capsys, monkeypatch):
    """A small ward."""
    monkeypatch.setattr(sys, "argv", ["simulator_auroc.py", "--beds", "12", "--hours", "12", "--seeds", "7"])
    script("simulator_auroc").main()
    assert "NEWS2: AUROC" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["main_job", "parity_all"])
def test_scripts_without_data_say_what_they_need(script, capsys, monkeypatch, tmp_path, name):
    """``make bench`` runs every script without arguments; there need be no data and no model."""
    loaded = script(name)
    monkeypatch.setenv("VITALS_DATA", str(tmp_path))
    monkeypatch.setattr(loaded, "ROOT", tmp_path)
    loaded.main([])
    assert capsys.readouterr().out.startswith("skipped: needs ")


def test_engines_are_raced_to_the_same_bytes(script, capsys, tmp_path):
    """On a simulated ward; Spark is left out, as its own tests start it."""
    model, _, _ = random_model(tmp_path / "model", "gru")
    few = ["--stays", "12", "--rounds", "1", "--without-spark"]
    script("scoring_engines").main([str(model), *few])
    shown = capsys.readouterr().out
    assert "all tables are the same, byte for byte" in shown
    assert "pool of 2" in shown


def test_another_table_stops_the_race_of_engines(script, monkeypatch, tmp_path):
    """An engine that scores something else is not faster."""
    engines = script("scoring_engines")

    def wrong(model, data, out, engine):
        out.write_text(engine.name)

    monkeypatch.setattr(engines, "score", wrong)
    named = {engines.ONE: engines.Engine(), "other": engines.Engine("spark")}
    with pytest.raises(SystemExit, match="other wrote another table"):
        engines.measure(tmp_path, tmp_path, named, 1, tmp_path)


def test_a_ward_in_a_folder_is_raced_against_one_without(script, capsys, tmp_path):
    """A small feed through a pipe, kept and then recognised."""
    few = ["--beds", "20", "--events", "3000", "--rounds", "1", "--hidden", "8", "--dir", str(tmp_path)]
    script("durable").main(few)
    shown = capsys.readouterr().out
    assert shown.count("events/s") == 3
    assert "ratio 1.00" in shown
    assert list(tmp_path.iterdir()) == []  # it cleans up


def test_a_ward_that_says_something_else_is_no_match(script):
    """Fewer risks, or lines taken in twice."""
    durable = script("durable")
    alone = {"risks": 3, "technical": 2, "left_out": {}}
    durable.require_same(durable.AGAIN, {"risks": 0, "recognised": 9}, alone, 9)
    durable.require_same(durable.KEPT, {**alone, "recognised": 0}, alone, 9)
    with pytest.raises(SystemExit, match="risks 2 instead of 3"):
        durable.require_same(durable.KEPT, {**alone, "risks": 2}, alone, 9)
    with pytest.raises(SystemExit, match="left_out"):
        durable.require_same(durable.KEPT, {**alone, "left_out": {"late": 1}}, alone, 9)
    with pytest.raises(SystemExit, match="8 lines recognised instead of 9"):
        durable.require_same(durable.AGAIN, {"risks": 0, "recognised": 8}, alone, 9)


@pytest.mark.parametrize("kind", ["gru", "lstm"])
def test_training_is_raced_against_windows(script, capsys, kind):
    """A small simulated ward; the two ways must agree on an hour before either is timed."""
    few = ["--hidden", "8", "--stays", "30", "--windows", "64", "--rounds", "1"]
    script("training").main(["--kinds", kind, *few])
    shown = capsys.readouterr().out
    assert f"{kind} of 8" in shown
    assert "one 48-step window for each hour costs" in shown


def test_lateness_of_stays_that_know_arrivals(script, capsys, tmp_path):
    """Late, disordered, doubled: a long grace brings the risks of a ward that got everything in time."""
    settings = settings_of(hidden=4)
    model = model_folder(tmp_path / "model", settings)
    (model / "policy.toml").write_text("threshold = 0.5\nclear = 0.4\n")
    cohort_folder(tmp_path / "cohort", stays=6, hours=20)
    arguments = [str(model), "--data", str(tmp_path / "cohort"), "--graces", "0h", "20h", "--rescore", "--json"]
    script("lateness").main(arguments)
    told = json.loads(capsys.readouterr().out)
    none, long = told[str(model)]
    assert none["late"] > 0
    assert none["risks_differ"] > 0
    assert none["steps_corrected"] > 0
    assert none["late_by_signal"].keys() <= settings.signals.keys()
    assert (long["late"], long["rows_differ"], long["risks_differ"], long["alerts_gained"], long["alerts_lost"]) == (
        0,
        0,
        0,
        0,
        0,
    )
