"""Bring values into the unit of the catalogue; a unit that does not fit its signal is refused, never guessed."""

from __future__ import annotations

from collections.abc import Mapping

from vitals.errors import DataError
from vitals.signals import signal

Line = tuple[float, float]
"""``(factor, offset)``: value in the catalogue's unit = value · factor + offset."""

# How people spell units, in lower case, and the UCUM code that is meant.
_SPELLINGS: Mapping[str, str] = {
    spelling: code
    for code, spellings in {
        "/min": "/min bpm 1/min beats/min insp/min breaths/min min-1 {beats}/min",
        "%": "% percent pct",
        "1": "1 fraction ratio [ratio] points",
        "Cel": "cel c °c degc deg_c celsius",
        "[degF]": "[degf] f °f degf deg_f fahrenheit",
        "K": "k kelvin",
        "mm[Hg]": "mm[hg] mmhg torr",
        "kPa": "kpa",
        "cm[H2O]": "cm[h2o] cmh2o",
        "[pH]": "[ph] ph units",
        "mmol/L": "mmol/l",
        "umol/L": "umol/l µmol/l μmol/l micromol/l",
        "meq/L": "meq/l",
        "mg/dL": "mg/dl mg%",
        "mg/L": "mg/l",
        "g/dL": "g/dl",
        "g/L": "g/l",
        "ng/mL": "ng/ml ug/l µg/l μg/l mcg/l",
        "ng/L": "ng/l pg/ml",
        "U/L": "u/l iu/l [iu]/l",
        "ukat/L": "ukat/l µkat/l μkat/l",
        "10*3/uL": "10*3/ul 10^3/ul k/ul k/µl k/μl 10*9/l 10^9/l 10e9/l giga/l x10^9/l thou/ul",
        "s": "s sec seconds",
        "min": "min minutes",
        "h": "h hr hours",
        "d": "d days",
        "a": "a years yr y",
        "mo": "mo months",
        "mL": "ml cc",
        "L": "l liter litre",
        "kg": "kg",
        "g": "g",
        "[lb_av]": "[lb_av] lb lbs",
        "cm": "cm",
        "m": "m",
        "[in_i]": "[in_i] in inch inches",
    }.items()
    for spelling in spellings.split()
}

# Conversions that hold whatever the signal: from, to, factor, offset.
_GENERAL: Mapping[tuple[str, str], Line] = {
    ("[degF]", "Cel"): (5 / 9, -160 / 9),
    ("K", "Cel"): (1.0, -273.15),
    ("kPa", "mm[Hg]"): (7.500617, 0.0),
    ("cm[H2O]", "mm[Hg]"): (0.7355592, 0.0),
    ("%", "1"): (0.01, 0.0),
    ("1", "%"): (100.0, 0.0),
    ("g/L", "g/dL"): (0.1, 0.0),
    ("g/L", "mg/dL"): (100.0, 0.0),
    ("g/dL", "mg/dL"): (1000.0, 0.0),
    ("mg/L", "mg/dL"): (0.1, 0.0),
    ("ng/L", "ng/mL"): (0.001, 0.0),
    ("ukat/L", "U/L"): (60.0, 0.0),
    ("min", "h"): (1 / 60, 0.0),
    ("d", "h"): (24.0, 0.0),
    ("mo", "a"): (1 / 12, 0.0),
    ("L", "mL"): (1000.0, 0.0),
    ("g", "kg"): (0.001, 0.0),
    ("[lb_av]", "kg"): (0.45359237, 0.0),
    ("m", "cm"): (100.0, 0.0),
    ("[in_i]", "cm"): (2.54, 0.0),
}

# Conversions between mass and amount, which need the substance: factors from the molar mass, and the valence for meq.
_SUBSTANCE: Mapping[str, Mapping[str, float]] = {
    "potassium": {"meq/L": 1.0},
    "sodium": {"meq/L": 1.0},
    "chloride": {"meq/L": 1.0},
    "bicarbonate": {"meq/L": 1.0},
    "base_excess": {"meq/L": 1.0},
    "calcium": {"mmol/L": 4.0078, "meq/L": 2.0039},
    "magnesium": {"mmol/L": 2.4305, "meq/L": 1.21525},
    "phosphate": {"mmol/L": 3.0974},
    "creatinine": {"umol/L": 1 / 88.42},
    "bilirubin_total": {"umol/L": 1 / 17.1},
    "bilirubin_direct": {"umol/L": 1 / 17.1},
    "bun": {"mmol/L": 2.8013},
    "glucose": {"mmol/L": 18.016},
    "cholesterol": {"mmol/L": 38.67},
    "lactate": {"mg/dL": 1 / 9.008},
    "hemoglobin": {"mmol/L": 1.6114},
}


def conversion(name: str, unit: str, where: str = "unit") -> Line:
    """How a value of signal ``name`` in ``unit`` becomes one in the catalogue's unit.

    Args:
        name: a signal of the catalogue.
        unit: a UCUM code or a usual spelling of it, such as ``"degF"``, ``"mmHg"`` or ``"µmol/L"``.
        where: the place to name in an error.

    Returns:
        ``(factor, offset)``.

    Raises:
        DataError: an unknown unit, or one that does not fit the signal.

    Example:
        >>> factor, offset = conversion("temperature", "degF")
        >>> round(98.6 * factor + offset, 3)
        37.0
        >>> conversion("heart_rate", "mmHg")
        Traceback (most recent call last):
        vitals.errors.DataError: unit: came "mmHg" for heart_rate; wanted /min; correct the unit, or the signal's name
    """
    fitting = conversions(name)
    code = _SPELLINGS.get(unit.strip().lower(), unit.strip())
    if code not in fitting:
        cure = "correct the unit, or the signal's name"
        raise DataError(where, f'"{unit}" for {name}', " or ".join(fitting), cure)
    return fitting[code]


def conversions(name: str) -> dict[str, Line]:
    """Every unit that values of signal ``name`` may come in, the catalogue's own first.

    Example:
        >>> list(conversions("temperature"))
        ['Cel', '[degF]', 'K']
    """
    wanted = signal(name).unit
    lines = {wanted: (1.0, 0.0)}
    # A share is a share only where the catalogue says fraction or percent; a coma score has unit 1 as well.
    if wanted != "1" or name == "fio2":
        lines |= {have: line for (have, want), line in _GENERAL.items() if want == wanted}
    lines |= {have: (factor, 0.0) for have, factor in _SUBSTANCE.get(name, {}).items()}
    return lines
