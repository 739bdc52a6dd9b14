"""The catalogue of signals: name, unit, limits and codes, from ``signals.toml``."""

from __future__ import annotations

import functools
import importlib.resources
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal

from vitals.errors import SettingsError, nearest

Kind = Literal["vital", "lab", "demographic"]


@dataclass(frozen=True)
class Signal:
    """One channel.

    Attributes:
        name: the name used everywhere, such as ``"heart_rate"``.
        label: the words a person reads.
        unit: the UCUM unit that values must be in.
        limits: lowest and highest value a living patient can have, both included.
        kind: vital, lab or demographic; a demographic is known at admission and never expires.
        loinc: LOINC code, where one is known.
        mdc: IEEE 11073 (MDC) code, where one is known.
        repair: ``(factor, offset)`` of each mistake of unit that shows in the value: value · factor + offset is right.
    """

    name: str
    label: str
    unit: str
    limits: tuple[float, float]
    kind: Kind
    loinc: str = ""
    mdc: int = 0
    repair: tuple[tuple[float, float], ...] = ()


@functools.cache
def catalogue() -> Mapping[str, Signal]:
    """Every known signal by name, in the order of ``signals.toml``.

    Example:
        >>> catalogue()["spo2"].unit
        '%'
    """
    text = importlib.resources.files("vitals").joinpath("signals.toml").read_text("utf-8")
    return MappingProxyType({name: _entry(name, table) for name, table in tomllib.loads(text).items()})


def _entry(name: str, table: dict[str, Any]) -> Signal:
    low, high = table.pop("limits")
    repair = tuple((float(factor), float(offset)) for factor, offset in table.pop("repair", []))
    return Signal(name=name, limits=(float(low), float(high)), repair=repair, **table)


def signal(name: str, where: str = "signal") -> Signal:
    """The catalogue's entry for ``name``.

    Raises:
        SettingsError: a name that is not in the catalogue; the message holds the nearest one.
    """
    known = catalogue()
    if name not in known:
        raise SettingsError(where, f'unknown signal "{name}"', "a signal of the catalogue", nearest(name, known))
    return known[name]
