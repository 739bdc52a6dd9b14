"""Law 9, round trip: TOML → settings → metadata of the model file → settings, and nothing is lost."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.strategies import any_duration, any_settings, policies
from vitals.spec.duration import Duration
from vitals.spec.policy import AlertPolicy
from vitals.spec.reader import plain, read, to_toml
from vitals.spec.settings import Settings

SHIPPED = sorted((Path(__file__).parents[2] / "settings").glob("*.toml"))


def check_round_trip(to_toml: Callable[[dict[str, Any]], str], settings: Settings) -> None:
    """Settings come back equal from TOML and from JSON, in the same order of channels."""
    from_toml = Settings.from_tables(tomllib.loads(to_toml(settings.to_tables())))
    from_metadata = Settings.from_tables(json.loads(json.dumps(from_toml.to_tables())))
    assert from_toml == settings
    assert from_metadata == settings
    assert from_metadata.channels == settings.channels
    assert from_metadata.to_tables() == settings.to_tables()


def check_policy_round_trip(to_toml: Callable[[dict[str, Any]], str], policy: AlertPolicy) -> None:
    """A policy comes back equal from its file."""
    assert read(AlertPolicy, tomllib.loads(to_toml(plain(policy))), "policy.toml") == policy


@given(any_settings())
def test_settings_survive_toml_and_metadata(settings: Settings) -> None:
    check_round_trip(to_toml, settings)


@given(policies(), st.text(max_size=5))
def test_policies_survive_toml(policy: AlertPolicy, digest: str) -> None:
    check_policy_round_trip(to_toml, AlertPolicy(**{**vars(policy), "model_digest": digest}))


@given(any_duration())
def test_durations_survive_their_text(duration: Duration) -> None:
    assert Duration.parse(duration.text) == duration
    assert Duration.parse(duration.text).whole_stay == duration.whole_stay


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_shipped_settings_survive(path: Path) -> None:
    check_round_trip(to_toml, Settings.from_toml(path))
