"""The search: begins with the settings as they are, goes on after an interruption, and mixes nothing up."""

from __future__ import annotations

import json
from pathlib import Path

import optuna
import pytest

from vitals.errors import SettingsError
from vitals.flows.searching import _finished, _open, _suggest, own_values, search, space, with_values
from vitals.flows.simulation import simulate_cohort
from vitals.scoring.model import open_model
from vitals.spec.settings import Settings
from vitals.spec.shipped import settings_file


def _settings(**training) -> Settings:
    tables = Settings.from_toml(settings_file("ward.toml")).to_tables()
    tables["window"] |= {"step": "20min"}
    tables["network"] |= {"embed": 8, "hidden": 16, "head": 8}
    tables["training"] |= {"epochs": 2, "batch_stays": 16, "learning_rate": 1e-2, **training}
    tables["split"] = {"seed": 2, "train": 0.4, "validation": 0.2, "tuning": 0.2, "held_out": 0.2}
    return Settings.from_tables(tables)


@pytest.fixture(scope="module")
def ward(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("search") / "ward"
    simulate_cohort(folder, beds=90, hours=24, seed=5)
    return folder


def test_an_interrupted_search_goes_on_and_its_best_is_trained(ward: Path, tmp_path: Path) -> None:
    """Stopped in the second trial: the first still counts, the second is repeated, no more than asked are run."""
    out, said = tmp_path / "model", []

    def stop(done: int, todo: int, text: str) -> None:
        said.append((done, todo, text))
        if text == "searching" and done > 100:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        search(_settings(), ward, out, 3, stop)
    assert not out.exists()
    told = []
    summary = search(_settings(), ward, out, 3, lambda *what: told.append(what))
    found = summary["search"]
    assert found["trials"] == 3
    searching = [(done, todo) for done, todo, text in told if text == "searching"]
    assert searching[0] >= (100, 300)
    assert searching[-1] == (300, 300)
    assert found["best_validation_loss"] <= found["first_validation_loss"]
    trials = optuna.load_study(study_name="vitals", storage=f"sqlite:///{tmp_path / found['file']}").trials
    assert [trial.state.name for trial in trials if trial.state.is_finished()].count("FAIL") == 1
    assert trials[0].params == own_values(_settings())
    assert len({json.dumps(trial.params) for trial in trials if trial.state.name == "COMPLETE"}) == 3
    run = json.loads((out / "run.json").read_text("utf-8"))
    assert run["search"] == found
    assert open_model(out).settings == with_values(_settings(), found["best"])


def test_a_trial_of_a_process_that_was_killed_does_not_count(tmp_path: Path) -> None:
    """It is still marked as running; its values are tried again, as the first trial is of the settings as they are."""
    file = tmp_path / "model.study.sqlite3"
    first = _open(file, "digest", _settings())
    killed = first.ask()
    assert killed.number == 0
    again = _open(file, "digest", _settings())
    assert again.trials[0].state.name == "FAIL"
    assert not _finished(again)
    limits = space(_settings())
    assert _suggest(again.ask(), limits) == own_values(_settings())


def test_trials_of_other_settings_are_refused(ward: Path, tmp_path: Path) -> None:
    """Losses under other settings or data could not be compared; the message says what to do."""
    out = tmp_path / "model"
    search(_settings(), ward, out, 1)
    with pytest.raises(SettingsError, match=r"model\.study\.sqlite3: came trials of other settings.*another --out"):
        search(_settings(positive_weight=3.0), ward, out, 1)
    other = tmp_path / "other"
    simulate_cohort(other, beds=90, hours=24, seed=6)
    with pytest.raises(SettingsError, match="other data"):
        search(_settings(), other, out, 1)


def test_the_settings_own_values_lie_in_the_space() -> None:
    """Wherever they are, so that the first trial can be of them; heads of attention divide what is tried."""
    settings = _settings(weight_decay=0.0, noise=2.0, batch_stays=7, learning_rate=0.5)
    limits, own = space(settings), own_values(settings)
    for name in ("learning_rate", "weight_decay", "noise", "dropout_input"):
        assert limits[name][0] <= own[name] <= limits[name][1]
    assert limits["weight_decay"][0] > 0
    assert own["noise"] == 2.0
    assert 7 in limits["batch_stays"]
    assert with_values(settings, own | {"noise": 0.25, "hidden": 64}).network.hidden == 64
    tables = settings.to_tables()
    tables["network"] |= {"kind": "transformer", "hidden": 96, "attention_heads": 6}
    assert space(Settings.from_tables(tables))["hidden"] == (96, 192)


def test_what_cannot_search_is_refused(ward: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No trial at all, or several processes that would all search."""
    with pytest.raises(SettingsError, match="at least 1 trial"):
        search(_settings(), ward, tmp_path / "model", 0)
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(SettingsError, match="2 processes of torchrun"):
        search(_settings(), ward, tmp_path / "model", 1)
