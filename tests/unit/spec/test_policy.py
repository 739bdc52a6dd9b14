"""Alert policies: what cannot be meant is refused."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest

from vitals.errors import SettingsError
from vitals.spec.duration import Duration
from vitals.spec.policy import AlertPolicy
from vitals.spec.reader import plain, read, to_toml


def _policy(**table: Any) -> AlertPolicy:
    return read(AlertPolicy, {"threshold": 0.5, **table}, "policy.toml")


def test_a_threshold_is_a_policy() -> None:
    """The rest has defaults: one tier, no hysteresis, no persistence, six hours of silence, no bound of a day."""
    policy = _policy()
    assert (policy.has_red, policy.max_per_day, policy.max_snooze.text, policy.stale.text) == (False, 0, "4h", "8h")
    assert (policy.clear_below, policy.k, policy.n, policy.silence.text, policy.rearm) == (0.5, 1, 1, "6h", "timer")


@pytest.mark.parametrize(
    "table",
    [
        {"threshold": 0.0},
        {"threshold": 1.0},
        {"threshold": 1},
        {"clear": 0.0},
        {"clear": 0.5},
        {"persistence": [1, 64]},
        {"persistence": [64, 64]},
        {"silence": "0h"},
        {"silence": "stay"},
        {"rearm": "below_clear"},
        {"rearm": "escalate", "rise": 20.0},
        {"rearm": "first_only"},
        {"red": 0.5, "red_clear": 0.0},
        {"red": 1.0, "red_clear": 1.0},
        {"reset": "25min"},
        {"reset": "stay"},
        {"max_per_day": 1000},
        {"max_snooze": "0h"},
        {"max_snooze": "stay"},
        {"stale": "0h"},
        {"cadence": "5min"},
    ],
)
def test_the_limits_themselves_are_allowed(table: dict[str, Any]) -> None:
    """And come back from their file."""
    policy = _policy(**table)
    for key, value in table.items():
        assert plain(policy)[key] == value
    assert read(AlertPolicy, tomllib.loads(to_toml(plain(policy))), "policy.toml") == policy


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"threshold": 1.1}, r"policy threshold: came 1\.1; wanted a risk from 0 to 1"),
        ({"threshold": -0.1}, "policy threshold: came -0.1"),
        ({"threshold": float("nan")}, "policy threshold: came nan"),
        ({"clear": 0.6}, r"policy clear: came 0\.6; wanted a risk from 0 to 0\.5"),
        ({"clear": -0.1}, "policy clear: came -0.1"),
        ({"clear": float("nan")}, "policy clear: came nan"),
        ({"red": 0.4}, r"policy red: came 0\.4; wanted a risk from 0\.5 to 1"),
        ({"red": 1.1}, r"policy red: came 1\.1"),
        ({"red": float("nan")}, "policy red: came nan"),
        ({"red": 0.8, "red_clear": 0.9}, r"policy red_clear: came 0\.9; wanted a risk from 0 to 0\.8"),
        ({"red": 0.8, "red_clear": -0.1}, r"policy red_clear: came -0\.1"),
        ({"rise": 0.0}, r"policy rise: came 0\.0; wanted a rise of the logit above 0"),
        ({"rise": 20.5}, r"policy rise: came 20\.5"),
        ({"rise": float("nan")}, "policy rise: came nan"),
        ({"max_per_day": -1}, r"policy max_per_day: came -1; wanted 0 to 1000"),
        ({"max_per_day": 1001}, "policy max_per_day: came 1001"),
        ({"max_per_day": 1.5}, r"policy\.toml max_per_day: came 1\.5; wanted a whole number"),
        ({"stale": 8}, r"policy\.toml stale: came 8; wanted a duration with its unit"),
        ({"persistence": [0, 1]}, r"policy persistence: came \(0, 1\); wanted \[k, n\] with 1 ≤ k ≤ n ≤ 64"),
        ({"persistence": [3, 2]}, "policy persistence"),
        ({"persistence": [1, 65]}, "policy persistence"),
        ({"persistence": [1]}, "policy persistence"),
        ({"persistence": [1, 2, 3]}, "policy persistence"),
        ({"persistence": 2}, r"policy\.toml persistence: came 2; wanted a list"),
        ({"persistence": [1.0, 2]}, r"policy\.toml persistence\[0\]: came 1\.0; wanted a whole number"),
        ({"silence": 6}, r"policy\.toml silence: came 6; wanted a duration with its unit"),
        ({"threshold": "high"}, r"policy\.toml threshold: came 'high'; wanted a number"),
        ({"threshold": True}, r"policy\.toml threshold: came True; wanted a number"),
        (
            {"rearm": "never"},
            r"policy\.toml rearm: came 'never'; wanted one of 'timer', 'below_clear', 'escalate', 'first_only'",
        ),
        ({"treshold": 0.4}, 'policy.toml treshold: came an unknown key; wanted a known one; did you mean "threshold"'),
    ],
)
def test_what_cannot_be_meant(table: dict[str, Any], message: str) -> None:
    """The message says where, what came and what is wanted."""
    with pytest.raises(SettingsError, match=message):
        _policy(**table)


def test_a_policy_without_a_threshold() -> None:
    """There is no safe default for the one number that matters."""
    with pytest.raises(SettingsError, match=r"policy\.toml threshold: came nothing; wanted a value"):
        read(AlertPolicy, {"silence": "6h"}, "policy.toml")


def test_clear_is_the_threshold_where_none_is_given() -> None:
    """Written down, so that a reader of the file sees it."""
    assert plain(AlertPolicy(0.3))["clear"] == 0.3
    assert AlertPolicy(0.3) == AlertPolicy(0.3, 0.3)


def test_red_clears_at_red_where_nothing_else_is_given() -> None:
    """And without red there is no second tier, which the file says too."""
    policy = AlertPolicy(0.3, red=0.8)
    assert (policy.red_from, policy.red_clear_below, policy.has_red) == (0.8, 0.8, True)
    assert (plain(AlertPolicy(0.3))["red"], AlertPolicy(0.3).red_clear_below) == (1.0, 1.0)
    assert AlertPolicy(0.3) == AlertPolicy(0.3, red=1.0, red_clear=1.0)


def test_a_policy_says_what_it_was_tuned_on() -> None:
    """Digests survive the file."""
    policy = AlertPolicy(
        0.25, 0.2, 0.6, 0.5, (2, 3), Duration.parse("90min"), "below_clear", model_digest="m" * 64, tuned_on="p" * 64
    )
    text = to_toml(plain(policy))
    assert text.startswith(
        "threshold = 0.25\nclear = 0.2\nred = 0.6\nred_clear = 0.5\npersistence = [2, 3]\n"
        'silence = "90min"\nrearm = "below_clear"\n'
    )
    assert read(AlertPolicy, tomllib.loads(text), "policy.toml") == policy
