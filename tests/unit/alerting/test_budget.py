"""Budgets as people write them."""

from __future__ import annotations

import pytest

from vitals.alerting.budget import parse_budget
from vitals.errors import SettingsError


@pytest.mark.parametrize(
    ("text", "per_100"),
    [("5/100pd", 5), ("0.5/100pd", 0.5), ("0.05/pd", 5), ("5 / 100 pd", 5), (" 20/1000pd ", 2), ("103/100pd", 103)],
)
def test_budgets_are_alerts_per_100_patient_days(text: str, per_100: float) -> None:
    assert parse_budget(text) == pytest.approx(per_100, rel=1e-15)


@pytest.mark.parametrize(
    ("text", "beds", "per_100"),
    [("0.5/shift", 4, 25), ("1 / shift", 8, 25), ("0.25/nurse-shift", 1, 50), (" 2/shift", 2.5, 160)],
)
def test_budgets_of_a_shift_are_shared_by_the_beds_of_a_nurse(text: str, beds: float, per_100: float) -> None:
    """A shift of twelve hours with four beds is two patient-days."""
    assert parse_budget(text, beds_per_nurse=beds) == pytest.approx(per_100, rel=1e-15)


def test_a_budget_of_no_beds_is_refused() -> None:
    with pytest.raises(SettingsError):
        parse_budget("1/shift", beds_per_nurse=0)


@pytest.mark.parametrize(
    "text",
    [
        "0/shift",
        "1/2shift",
        "1/shifts",
        "5",
        5,
        5.0,
        "",
        "5/100",
        "5/100pds",
        "-5/100pd",
        "0/100pd",
        "5/0pd",
        "five/100pd",
        "1e2/100pd",
        "5/1.5pd",
        None,
    ],
)
def test_anything_else_is_refused_with_the_cure(text: object) -> None:
    with pytest.raises(SettingsError, match="/100pd") as error:
        parse_budget(text, "--max-alerts")  # type: ignore[arg-type]
    assert str(error.value).startswith("--max-alerts: ")


def test_a_bare_number_is_shown_how_to_carry_its_unit() -> None:
    with pytest.raises(SettingsError, match=r'write "7\.5/100pd"'):
        parse_budget("7.5")
