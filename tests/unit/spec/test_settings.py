"""Settings: misspelt keys and wrong values are refused with a cure, and everything comes back from its file."""

from __future__ import annotations

import copy
import json
import tomllib
from pathlib import Path
from typing import Any

import pytest

from vitals.errors import SettingsError
from vitals.spec.reader import to_toml
from vitals.spec.settings import Settings
from vitals.spec.shipped import settings_file, shipped

TABLES: dict[str, Any] = {
    "name": "small",
    "signals": {"spo2": {"reduce": "mean"}, "heart_rate": {"max_age": "8h"}, "lactate": {}},
    "demographics": ["sex", "age"],
    "window": {"step": "1h", "lookback": "4h", "grace": "5min"},
    "label": {"kind": "sepsis", "horizon": "6h"},
    "alerting": {"persistence": [[1, 1], [2, 3]], "silence": ["2h", "6h"], "clear": [1.0, 0.5]},
}


def tables(path: str = "", value: object = None) -> dict[str, Any]:
    """The tables with one value put at ``section.key``."""
    changed = copy.deepcopy(TABLES)
    if path:
        *sections, key = path.split(".")
        table = changed
        for section in sections:
            table = table.setdefault(section, {})
        table[key] = value
    return changed


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("demographic", 'settings demographic: came an unknown key; wanted a known one; did you mean "demographics"?'),
        ("window.look_back", 'settings window look_back: came an unknown key; wanted a known one; did you mean "lookback"?'),
        ("label.horizons", 'settings label horizons: came an unknown key; wanted a known one; did you mean "horizon"?'),
        ("split.heldout", 'settings split heldout: came an unknown key; wanted a known one; did you mean "held_out"?'),
        ("network.hiden", 'settings network hiden: came an unknown key; wanted a known one; did you mean "hidden"?'),
        ("training.epoch", 'settings training epoch: came an unknown key; wanted a known one; did you mean "epochs"?'),
        ("alerting.clears", 'settings alerting clears: came an unknown key; wanted a known one; did you mean "clear"?'),
        ("signals.spo2.maxage", 'settings signals.spo2 maxage: came an unknown key; wanted a known one; did you mean "max_age"?'),
    ],
)  # fmt: skip
def test_an_unknown_key_is_refused_with_the_nearest_name(path: str, message: str) -> None:
    """In every table; a setting that is silently ignored is worse than none."""
    with pytest.raises(SettingsError) as caught:
        Settings.from_tables(tables(path, 1))
    assert str(caught.value) == message


def test_a_key_like_no_other_is_told_all_of_them() -> None:
    """No guess where there is nothing near."""
    with pytest.raises(SettingsError, match=r"use one of: after_onset, horizon, kind$"):
        Settings.from_tables(tables("label.zzz", 1))


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("name", 3, "settings name: came 3; wanted a text"),
        ("signals", ["spo2"], r"settings signals: came \['spo2'\]; wanted a table"),
        ("signals.spo2", "mean", "settings signals.spo2: came 'mean'; wanted a table"),
        ("signals.spo2.reduce", "avg", "settings signals.spo2 reduce: came 'avg'; wanted one of 'last', 'mean'"),
        ("signals.spo2.max_age", 8, r'settings signals\.spo2 max_age: came 8; .* write "8min"'),
        ("demographics", "age", "settings demographics: came 'age'; wanted a list"),
        ("demographics", [1], r"settings demographics\[0\]: came 1; wanted a text"),
        ("window", 60, "settings window: came 60; wanted a table"),
        ("window.step", 60, r'settings window step: came 60; wanted a duration with its unit .* write "60min"'),
        ("window.min_observed", 1.5, "settings window min_observed: came 1.5; wanted a whole number"),
        ("window.min_observed", True, "settings window min_observed: came True; wanted a whole number"),
        ("label.after_onset", "kept", "settings label after_onset: came 'kept'; wanted one of 'positive', 'excluded'"),
        ("network.kind", "rnn", "settings network kind: came 'rnn'; wanted one of 'gru', 'lstm'"),
        ("training.epochs", "ten", "settings training epochs: came 'ten'; wanted a whole number"),
        ("training.learning_rate", "fast", "settings training learning_rate: came 'fast'; wanted a number"),
        ("training.learning_rate", True, "settings training learning_rate: came True; wanted a number"),
        ("alerting.persistence", [1, 1], r"settings alerting persistence\[0\]: came 1; wanted a list"),
        ("alerting.silence", ["6h", 2], r"settings alerting silence\[1\]: came 2; wanted a duration"),
        ("alerting.clear", [1.0, "half"], r"settings alerting clear\[1\]: came 'half'; wanted a number"),
    ],
)
def test_a_wrong_type_is_refused(path: str, value: object, message: str) -> None:
    """The message says where, what came and what is wanted."""
    with pytest.raises(SettingsError, match=message):
        Settings.from_tables(tables(path, value))


@pytest.mark.parametrize("missing", ["name", "signals", "window", "label"])
def test_what_has_no_default_must_be_there(missing: str) -> None:
    """A name, signals, a step and an outcome."""
    changed = tables()
    del changed[missing]
    with pytest.raises(SettingsError, match=f"settings {missing}: came nothing; wanted a value"):
        Settings.from_tables(changed)


def test_a_whole_number_may_stand_for_a_number() -> None:
    """And becomes one."""
    rate = Settings.from_tables(tables("training.learning_rate", 1)).training.learning_rate
    assert isinstance(rate, float)
    assert rate == 1.0


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("signals", {}, r"\[signals\]: came no signal"),
        ("signals.hart_rate", {}, r'\[signals\] hart_rate: came unknown signal .* did you mean "heart_rate"'),
        ("signals.age", {}, r"\[signals\] age: came a demographic; wanted a vital or a lab; move it to demographics"),
        ("demographics", ["spo2"], r"demographics spo2: came no demographic; .*; move it to \[signals\]"),
        ("demographics", ["agee"], 'demographics agee: came unknown signal "agee"'),
        ("window.step", "0h", r"\[window\] step: came 0h; wanted a duration above 0"),
        ("window.step", "stay", r"\[window\] step: came stay"),
        ("window.lookback", "150min", r"\[window\] lookback: came 150min; wanted .* multiple of it"),
        ("window.lookback", "1h", r"\[window\] lookback: came 1h"),
        ("window.lookback", "0h", r"\[window\] lookback: came 0h"),
        ("window.min_observed", -1, r"\[window\] min_observed: came -1; wanted a number from 0 to 1000"),
        ("network.hidden", 0, r"\[network\] hidden: came 0; wanted a number from 1 to 4096"),
        ("network.layers", 0, r"\[network\] layers: came 0"),
        ("training.epochs", 0, r"\[training\] epochs: came 0; wanted a number from 1"),
        ("training.learning_rate", 0.0, r"\[training\] learning_rate: came 0\.0"),
        ("training.learning_rate", float("nan"), r"\[training\] learning_rate: came nan"),
        ("training.dropout_head", 1.0, r"\[training\] dropout_head: came 1\.0; wanted a number from 0 to 0\.95"),
        ("training.crop", "0h", r"\[training\] crop: came 0h; wanted a duration above 0"),
        ("split.train", 0.9, r"\[split\]: came .* add up to 1"),
        ("split", {"train": 1.2, "validation": -0.2, "tuning": 0, "held_out": 0}, r"\[split\]: came "),
    ],
)
def test_what_cannot_be_meant_is_refused(path: str, value: object, message: str) -> None:
    """Right types, but no sense."""
    with pytest.raises(SettingsError, match=message):
        Settings.from_tables(tables(path, value))


@pytest.mark.parametrize(("lookback", "steps"), [("2h", 2), ("24h", 24), ("120min", 2), ("stay", 0)])
def test_a_look_back_is_whole_steps(lookback: str, steps: int) -> None:
    """Twice the step or a greater multiple, or the whole stay."""
    assert Settings.from_tables(tables("window.lookback", lookback)).window.lookback_steps == steps


def test_columns_are_signals_in_the_order_written_then_demographics() -> None:
    """Never sorted: the weights belong to columns."""
    assert Settings.from_tables(TABLES).channels == ("spo2", "heart_rate", "lactate", "sex", "age")


def test_settings_survive_toml_and_json() -> None:
    """Values and the order of the signals."""
    settings = Settings.from_tables(TABLES)
    for back in (tomllib.loads(to_toml(settings.to_tables())), json.loads(json.dumps(settings.to_tables()))):
        again = Settings.from_tables(back)
        assert again == settings
        assert hash(again) == hash(settings)
        assert again.channels == settings.channels
        assert again.to_tables() == settings.to_tables()


def test_another_order_of_the_signals_is_another_model() -> None:
    """Equal as tables, but the columns lie crosswise."""
    other = tables("signals", dict(reversed(TABLES["signals"].items())))
    assert other == TABLES  # to Python's mind
    assert Settings.from_tables(other) != Settings.from_tables(TABLES)
    assert Settings.from_tables(TABLES) == Settings.from_tables(copy.deepcopy(TABLES))


@pytest.mark.parametrize(
    ("path", "value"),
    [("name", "other"), ("window.grace", "6min"), ("signals.spo2.reduce", "max"), ("training.seed", 2)],
)
def test_one_changed_value_makes_other_settings(path: str, value: object) -> None:
    """Whatever the table."""
    assert Settings.from_tables(tables(path, value)) != Settings.from_tables(TABLES)


def test_settings_are_no_tables() -> None:
    """Compared with anything else they differ."""
    assert Settings.from_tables(TABLES) != TABLES


@pytest.mark.parametrize("name", ["mortality-2012.toml", "sepsis-icu.toml", "sepsis-vitals.toml", "ward.toml"])
def test_shipped_settings_read_and_come_back(name: str) -> None:
    """Both files, every value."""
    written = tomllib.loads(shipped()[name].read_text("utf-8"))
    settings = Settings.from_toml(settings_file(name))
    assert settings.channels == (*written["signals"], *written["demographics"])
    assert settings.name == written["name"] == Path(name).stem
    assert Settings.from_tables(tomllib.loads(to_toml(settings.to_tables()))) == settings
    for section in ("label", "network", "training", "split"):
        assert written[section].items() <= {**settings.to_tables()[section], **_texts(written[section])}.items()


def _texts(table: dict[str, Any]) -> dict[str, Any]:
    """Durations may be written in another unit than they were read in."""
    return {key: value for key, value in table.items() if key in ("horizon", "crop")}


def test_no_such_file(tmp_path: Path) -> None:
    """Nothing there, a folder, no TOML."""
    with pytest.raises(SettingsError, match=r"none\.toml: came no such file"):
        Settings.from_toml(tmp_path / "none.toml")
    with pytest.raises(SettingsError, match="a TOML file"):
        Settings.from_toml(tmp_path)
    (tmp_path / "bad.toml").write_text("name = \n")
    with pytest.raises(SettingsError, match=r"bad\.toml: came .*line 1"):
        Settings.from_toml(tmp_path / "bad.toml")


def test_a_wrong_value_in_a_file_names_the_file(tmp_path: Path) -> None:
    """Where there are several, one must know which."""
    file = tmp_path / "mine.toml"
    file.write_text(to_toml(tables("window.step", 60)))
    with pytest.raises(SettingsError, match=r"^mine\.toml window step: came 60"):
        Settings.from_toml(file)


@pytest.mark.parametrize("name", ["wards", "settings/none.toml", "elsewhere/ward.toml"])
def test_a_name_that_is_not_shipped(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The cure names those that are."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(
        SettingsError,
        match=r"these are shipped: mortality-2012\.toml, sepsis-icu\.toml, sepsis-vitals\.toml, ward\.toml",
    ):
        settings_file(name)
