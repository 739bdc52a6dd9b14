"""The catalogue of signals: codes with right check digits, limits in order, units for everything."""

from __future__ import annotations

import itertools
import re

import pytest

from vitals.errors import SettingsError
from vitals.signals import Signal, catalogue, signal

ALL = list(catalogue().values())
CODED = [entry for entry in ALL if entry.loinc]


def check_digit(number: str) -> int:
    """LOINC's: modulus 10, from the right every other digit doubled, beginning with the last one."""
    total = 0
    for place, digit in enumerate(reversed(number)):
        doubled = int(digit) * (2 if place % 2 == 0 else 1)
        total += doubled // 10 + doubled % 10
    return -total % 10


def test_the_check_digit_is_the_one_of_the_loinc_manual() -> None:
    """Its own example: 12345-5."""
    assert check_digit("12345") == 5
    assert check_digit("12354") != 5  # two digits changed about


@pytest.mark.parametrize("entry", CODED, ids=lambda entry: entry.name)
def test_loinc_codes(entry: Signal) -> None:
    """A mistyped code would name another quantity."""
    assert re.fullmatch(r"\d{3,5}-\d", entry.loinc)
    number, digit = entry.loinc.split("-")
    assert check_digit(number) == int(digit)


def test_codes_name_one_signal_each() -> None:
    """LOINC and MDC alike; most vitals have both."""
    loinc = [entry.loinc for entry in CODED]
    mdc = [entry.mdc for entry in ALL if entry.mdc]
    assert len(set(loinc)) == len(loinc) > 20
    assert len(set(mdc)) == len(mdc) > 10
    assert all(code > 0 for code in mdc)


@pytest.mark.parametrize("entry", ALL, ids=lambda entry: entry.name)
def test_every_signal_has_a_label_a_unit_and_limits(entry: Signal) -> None:
    """Limits in order; a unit without spaces, as UCUM has them."""
    low, high = entry.limits
    assert low < high
    assert entry.label.strip() == entry.label != ""
    assert re.fullmatch(r"\S+", entry.unit)
    assert entry.kind in ("vital", "lab", "demographic")
    assert re.fullmatch(r"[a-z][a-z0-9_]*", entry.name)


@pytest.mark.parametrize("entry", [entry for entry in ALL if entry.repair], ids=lambda entry: entry.name)
def test_a_mistake_of_unit_shows_in_every_value(entry: Signal) -> None:
    """In the other unit all that a patient can have lies outside the limits, and no two units explain the same value.

    Otherwise some values of a sender in the wrong unit would be converted and others taken as they are.
    """
    low, high = entry.limits
    ranges = [((low - offset) / factor, (high - offset) / factor) for factor, offset in entry.repair]
    ranges = sorted([*ranges, entry.limits])
    assert all(factor > 0 for factor, _ in entry.repair)
    assert not any(low <= offset <= high for _, offset in entry.repair), "a zero would become a value"
    assert all(end < start for (_, end), (start, _) in itertools.pairwise(ranges))


def test_an_unknown_signal_is_refused_with_the_nearest_name() -> None:
    """The message says where it was named."""
    with pytest.raises(SettingsError, match=r'\[signals\] hart_rate: came unknown signal "hart_rate".*"heart_rate"'):
        signal("hart_rate", "[signals] hart_rate")
    assert signal("heart_rate") is catalogue()["heart_rate"]


def test_the_catalogue_cannot_be_changed() -> None:
    """Everything that reads limits reads the same ones."""
    with pytest.raises(TypeError):
        catalogue()["heart_rate"] = catalogue()["spo2"]  # type: ignore[index]
