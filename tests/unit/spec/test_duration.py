"""Durations carry their unit."""

from __future__ import annotations

import pytest

from vitals.errors import SettingsError
from vitals.spec.duration import Duration


@pytest.mark.parametrize(
    ("text", "microseconds"),
    [
        ("0h", 0),
        ("7us", 7),
        ("250ms", 250_000),
        ("30s", 30_000_000),
        ("15min", 900_000_000),
        ("6h", 21_600_000_000),
        ("2d", 172_800_000_000),
        (" 6 h ", 21_600_000_000),
    ],
)
def test_every_unit(text: str, microseconds: int) -> None:
    """A whole number and its unit, spaces allowed."""
    assert Duration.parse(text) == microseconds


@pytest.mark.parametrize(
    "value", [60, 0, 1.5, True, None, "", "60", "h", "1.5h", "-6h", "6 hours", "6H", "1h30min", "stays", ["6h"]]
)
def test_what_is_no_duration(value: object) -> None:
    """A number without its unit could be anything; nothing is guessed."""
    with pytest.raises(SettingsError, match=r"\[window\] step: came .*a duration with its unit"):
        Duration.parse(value, "[window] step")


def test_the_cure_of_a_bare_number_is_that_number() -> None:
    """With the unit most often meant."""
    with pytest.raises(SettingsError, match=r'write "45min"$'):
        Duration.parse(45)


@pytest.mark.parametrize("text", ["0h", "7us", "1500us", "250ms", "90s", "90min", "36h", "stay"])
def test_the_text_reads_back(text: str) -> None:
    """In the largest unit that fits."""
    duration = Duration.parse(text)
    assert duration.text == text
    assert Duration.parse(duration.text) == duration
    assert Duration.parse(duration) is duration


def test_days_are_written_in_hours() -> None:
    """The same length all the same."""
    assert Duration.parse("2d").text == "48h"
    assert Duration.parse("2d") == Duration.parse("48h") == Duration.parse("2880min")


def test_the_whole_stay_is_longer_than_anything() -> None:
    """And only it is."""
    assert Duration.parse("stay").whole_stay
    assert not Duration.parse("36500d").whole_stay
    assert Duration.parse("stay") > Duration.parse("36500d")


def test_a_century_is_the_longest() -> None:
    """More could leave the range of int64 when it is added to a time; whoever means no bound can say so."""
    with pytest.raises(SettingsError, match=r'came .36501d.; wanted at most 36500d, or "stay"'):
        Duration.parse("36501d")


def test_hours() -> None:
    """As a plain number."""
    assert Duration.parse("90min").hours == 1.5
