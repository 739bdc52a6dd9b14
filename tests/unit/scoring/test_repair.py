"""Samples in another unit give the risks of what they mean, live and from a table alike, and everybody is told."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import onnx
import pandas as pd
import pytest

from tests.small import small_network, small_settings
from vitals.errors import ModelError
from vitals.feeds.lines import Risk, Technical
from vitals.learning.export import export
from vitals.scoring.model import Model, read_model
from vitals.spec.settings import Channel, Settings
from vitals.ward.ward import Ward

HOUR = 3_600_000_000
CELSIUS = (37.0, 38.5, 45.0, 20.0, 39.0)
FAHRENHEIT = (98.6, 101.3, 113.0, 68.0, 102.2)


def settings_of(**window: Any) -> Settings:
    """The small model's, with a temperature for the heart rate."""
    settings = small_settings(**window)
    rest = [(name, channel) for name, channel in settings.signals.items() if name != "heart_rate"]
    return replace(settings, signals={"temperature": Channel(), **dict(rest)})


def model_of(**window: Any) -> Model:
    """A model under these settings."""
    settings = settings_of(**window)
    return read_model(export(small_network(settings), settings, {}))


def table(values: tuple[float, ...]) -> pd.DataFrame:
    """A temperature every hour of one stay."""
    times = [HOUR * (i + 1) for i in range(len(values))]
    return pd.DataFrame({"stay_id": "p1", "time": times, "signal": "temperature", "value": values})


def live(model: Model, values: tuple[float, ...]) -> tuple[list[float | None], dict[str, int]]:
    """The risks that a ward gives for a stay that nobody admitted, and its summary."""
    lines = [
        {"stay": stay, "time": time, "signal": name, "value": value}
        for stay, time, name, value in table(values).itertuples(index=False)
    ]
    ward = Ward(model)
    told = ward.feed(b"".join(json.dumps(line).encode() + b"\n" for line in lines)) + ward.close()
    last = told[-1]
    assert isinstance(last, Technical)
    return [line.risk for line in told if isinstance(line, Risk)], last.counts or {}


def test_fahrenheit_gives_the_risks_of_celsius() -> None:
    """The first sample, which admits the stay, is in the wrong unit as well."""
    model = model_of()
    expected = model.score(table(CELSIUS))["risk"].tolist()
    with pytest.warns(UserWarning, match="samples converted from another unit: 5"):
        scored = model.score(table(FAHRENHEIT))["risk"].tolist()
    risks, counts = live(model, FAHRENHEIT)
    assert scored == risks
    assert scored == pytest.approx(expected, rel=1e-5)
    assert counts == {"admitted_by_sample": 1, "repaired": 5}
    assert live(model, CELSIUS)[1] == {"admitted_by_sample": 1}


def test_without_repair_they_are_impossible_and_without_limits_they_are_taken_as_they_are() -> None:
    """A stay of impossible samples is none."""
    assert live(model_of(repair=False), FAHRENHEIT) == ([], {"impossible": 5})
    risks, counts = live(model_of(limits=False), FAHRENHEIT)
    assert (len(risks), counts) == (5, {"admitted_by_sample": 1})


def changed(model: onnx.ModelProto, change: Any) -> bytes:
    """A model file with other metadata."""
    about = json.loads(model.metadata_props[0].value)
    change(about)
    model.metadata_props[0].value = json.dumps(about)
    content: bytes = model.SerializeToString()
    return content


def before_repair(about: dict[str, Any]) -> None:
    """Metadata as it was when there was no repair."""
    del about["settings"]["window"]["repair"], about["settings"]["window"]["limits"]
    for entry in about["channels"]:
        entry.pop("repair", None)


def test_a_model_from_before_the_repair_goes_on_without_it() -> None:
    """Its rows stay what they were."""
    settings = settings_of()
    file = onnx.load_from_string(export(small_network(settings), settings, {}))
    old = read_model(changed(file, before_repair))
    assert (old.settings.window.limits, old.settings.window.repair) == (True, False)
    assert live(old, FAHRENHEIT) == ([], {"impossible": 5})


def test_a_model_of_a_catalogue_with_other_repairs_is_refused() -> None:
    """The same file would give other risks."""
    settings = settings_of()
    file = onnx.load_from_string(export(small_network(settings), settings, {}))
    with pytest.raises(ModelError, match=r"channels: came .*repair"):
        read_model(changed(file, lambda about: about["channels"][0]["repair"].pop()))
