"""Units: known conversions are right, and what does not fit is refused."""

from __future__ import annotations

import pytest

from vitals.cohort.units import conversion, conversions
from vitals.errors import DataError
from vitals.signals import catalogue


@pytest.mark.parametrize(
    ("name", "unit", "value", "wanted"),
    [
        ("temperature", "degF", 98.6, 37.0), ("temperature", "°C", 37.0, 37.0), ("temperature", "K", 310.15, 37.0),
        ("sbp", "mmHg", 120, 120.0), ("sbp", "kPa", 16, 120.0), ("paco2", "kPa", 5.33, 39.98),
        ("fio2", "%", 40, 0.4), ("fio2", "fraction", 0.4, 0.4), ("spo2", "fraction", 0.97, 97.0),
        ("hematocrit", "1", 0.42, 42.0), ("heart_rate", "bpm", 80, 80.0), ("resp_rate", "breaths/min", 18, 18.0),
        ("creatinine", "µmol/L", 88.42, 1.0), ("creatinine", "umol/l", 176.84, 2.0), ("glucose", "mmol/L", 5.0, 90.08),
        ("bilirubin_total", "umol/L", 17.1, 1.0), ("bun", "mmol/L", 5.0, 14.0), ("lactate", "mg/dL", 18.016, 2.0),
        ("potassium", "mEq/L", 4.1, 4.1), ("calcium", "mmol/L", 2.5, 10.02), ("magnesium", "mEq/L", 2.0, 2.43),
        ("hemoglobin", "g/L", 135, 13.5), ("hemoglobin", "mmol/L", 8.0, 12.89), ("albumin", "g/L", 40, 4.0),
        ("fibrinogen", "g/L", 3, 300.0), ("troponin_t", "ng/L", 14, 0.014), ("wbc", "10^9/L", 9.5, 9.5),
        ("platelets", "K/uL", 210, 210.0), ("urine", "L", 0.2, 200.0), ("weight", "lb", 154.32, 70.0),
        ("height", "in", 70, 177.8), ("height", "m", 1.8, 180.0), ("hospital_hours", "d", 2, 48.0), ("age", "mo", 6, 0.5),
    ],
)  # fmt: skip
def test_values_come_into_the_unit_of_the_catalogue(name: str, unit: str, value: float, wanted: float) -> None:
    factor, offset = conversion(name, unit)
    assert value * factor + offset == pytest.approx(wanted, rel=2e-3)


@pytest.mark.parametrize("name", list(catalogue()))
def test_the_unit_of_the_catalogue_fits_and_changes_nothing(name: str) -> None:
    assert conversion(name, catalogue()[name].unit) == (1.0, 0.0)
    assert next(iter(conversions(name))) == catalogue()[name].unit


@pytest.mark.parametrize(
    ("name", "unit"),
    [("heart_rate", "mmHg"), ("sbp", "Cel"), ("gcs", "%"), ("temperature", "%"), ("creatinine", "mmol/L"),
     ("sodium", "mg/dL"), ("platelets", "furlong"), ("ph", "kPa"), ("sex", "%"), ("oxygen", "%")],
)  # fmt: skip
def test_a_unit_that_does_not_fit_is_refused(name: str, unit: str) -> None:
    with pytest.raises(DataError) as error:
        conversion(name, unit, "vitals.csv, row 3")
    assert error.value.where == "vitals.csv, row 3"
    assert unit in error.value.came
    assert catalogue()[name].unit in error.value.wanted
