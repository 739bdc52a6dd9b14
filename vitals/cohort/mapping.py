"""The mapping file: how the columns of somebody's tables become events, stays and outcomes.

``settings/mappings/example-long.toml`` and ``example-wide.toml`` show every key with a word of explanation.
"""

from __future__ import annotations

import fnmatch
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from vitals.cohort.units import conversion
from vitals.errors import SettingsError, nearest
from vitals.labelling.labels import ENDED
from vitals.signals import signal
from vitals.spec.duration import Duration
from vitals.spec.reader import load, read

_NONE = Duration(0)


@dataclass(frozen=True)
class Channel:
    """How the values of one name or column are meant.

    Attributes:
        signal: the catalogue's name.
        unit: the unit of the values, where no unit column says it; "" is the catalogue's unit.
        codes: what words mean, such as ``{ M = 1, F = 0 }``.
    """

    signal: str
    unit: str = ""
    codes: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class EventColumns:
    """Where the samples are.

    Attributes:
        files: file name or pattern beneath the source, such as ``"vitals_*.csv"``; CSV (also gzipped) or Parquet.
        stay_id: column of the stay.
        time: column of the time of measurement.
        arrival: column of the time at which a sample reached the record ("" where unknown).
        signal: long tables: column of the signal's name.
        value: long tables: column of the value.
        unit: long tables: column of the unit ("" where the mapping says the units).
    """

    files: str
    stay_id: str
    time: str
    arrival: str = ""
    signal: str = ""
    value: str = ""
    unit: str = ""


@dataclass(frozen=True)
class StayColumns:
    """Where the stays are.

    Attributes:
        file: CSV or Parquet beneath the source, one row a stay.
        stay_id: column of the stay.
        subject_id: column of the patient.
        admitted: column of the beginning.
        discharged: column of the end.
        site: column of the site ("" with ``site_is``).
        site_is: the one site of all stays.
        ended: column of how the stay ended ("" where unknown); an empty cell is ``"lost"``: nobody knows what came next.
        ended_codes: what its words mean, such as ``{ Alive = "home", Expired = "died" }``.
        demographics: column -> demographic of the catalogue.
        extra: columns to keep as they are.
    """

    file: str
    stay_id: str
    subject_id: str
    admitted: str
    discharged: str
    site: str = ""
    site_is: str = ""
    ended: str = ""
    ended_codes: dict[str, str] = field(default_factory=dict)
    demographics: dict[str, Channel] = field(default_factory=dict)
    extra: tuple[str, ...] = ()


@dataclass(frozen=True)
class OutcomeColumns:
    """Where the outcomes are.

    Attributes:
        file: CSV or Parquet beneath the source; it may be the file of the stays.
        stay_id: column of the stay.
        onset: column of the onset; an empty one says that the stay had none.
        kind: column of the kind ("" with ``kind_is``).
        kind_is: the one kind of all outcomes.
        end: column of when the event was over ("" where unknown); an empty cell: nobody knows.
        recognised: column of when clinicians first saw or treated it ("" where unknown), before or after the onset.
    """

    file: str
    stay_id: str
    onset: str
    kind: str = ""
    kind_is: str = ""
    end: str = ""
    recognised: str = ""


@dataclass(frozen=True)
class Mapping:
    """A mapping file.

    Attributes:
        layout: ``"long"``, a row for each sample; ``"wide"``, a row for each time and a column for each signal.
        events: where the samples are.
        stays: where the stays are.
        signals: name (long) or column (wide) -> signal of the catalogue.
        outcomes: where the outcomes are, if there are any.
        source: what to cite.
        licence: what the source allows.
        ignore: names or columns to leave out, with ``*`` as a wild card; any other unknown one is refused.
        missing: texts that mean "not measured"; an empty cell of a wide table always does (Parquet: null or
            NaN), and so does an empty demographic, onset, end or recognition.
        time_format: ``"iso"``, ``"s"``, ``"ms"``, ``"us"`` (since 1970), or a pattern such as ``"%d.%m.%Y %H:%M"``.
        timezone: the zone of times that name none.
        delimiter: what separates the columns of CSV.
        onset_slack: how far after a discharge an onset may lie.
        duplicates: ``"refuse"`` a second value of a stay, time and signal, or ``"keep"`` both (windowing then counts
            the smaller one and reports the other).
        empty_stays: ``"refuse"`` stays without a sample, or ``"keep"`` them.
    """

    layout: Literal["long", "wide"]
    events: EventColumns
    stays: StayColumns
    signals: dict[str, Channel]
    outcomes: OutcomeColumns | None = None
    source: str = "unknown"
    licence: str = "unknown"
    ignore: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    time_format: str = "iso"
    timezone: str = "UTC"
    delimiter: str = ","
    onset_slack: Duration = _NONE
    duplicates: Literal["refuse", "keep"] = "refuse"
    empty_stays: Literal["refuse", "keep"] = "refuse"

    def __post_init__(self) -> None:
        """Refuse what cannot be meant before any data are read."""
        long = (self.events.signal, self.events.value)
        if self.layout == "long" and not all(long):
            raise SettingsError("[events]", "no signal or value column", "both, as the layout is long", "name them")
        if self.layout == "wide" and any((*long, self.events.unit)):
            raise SettingsError("[events]", "a signal, value or unit column", "none, as the layout is wide", "drop it")
        for part, one, other in (("stays", "site", "site_is"), ("outcomes", "kind", "kind_is")):
            table = getattr(self, part)
            if table is not None and bool(getattr(table, one)) == bool(getattr(table, other)):
                raise SettingsError(f"[{part}]", "both or neither", f"either {one} or {other}", "change one of them")
        self._refuse_unknown_codes()
        for name, channel in (*self.signals.items(), *self.stays.demographics.items()):
            signal(channel.signal, f'mapping "{name}"')
            if channel.unit:
                conversion(channel.signal, channel.unit, f'mapping "{name}"')
        for name, channel in self.stays.demographics.items():
            if signal(channel.signal).kind != "demographic":
                raise SettingsError(f"[stays.demographics] {name}", channel.signal, "a demographic", "use [signals]")

    def _refuse_unknown_codes(self) -> None:
        if self.stays.ended_codes and not self.stays.ended:
            raise SettingsError("[stays] ended_codes", "codes of no column", "the column too", 'add ended = "…"')
        for word, meaning in self.stays.ended_codes.items():
            if meaning not in ENDED:
                where, wanted = f"[stays] ended_codes {word}", "one of " + ", ".join(ENDED)
                raise SettingsError(where, f'"{meaning}"', wanted, nearest(meaning, ENDED))

    def ignores(self, name: str) -> bool:
        """Whether a name or column is to be left out."""
        return any(fnmatch.fnmatchcase(name, pattern) for pattern in self.ignore)


def read_mapping(path: str | Path) -> Mapping:
    """A mapping from its TOML file; ``HR = "heart_rate"`` is short for ``HR = { signal = "heart_rate" }``.

    Raises:
        SettingsError: an unreadable file, an unknown key or signal, a wrong value.
        DataError: a unit that does not fit its signal.

    Example:
        >>> read_mapping("no/such.toml")
        Traceback (most recent call last):
        vitals.errors.SettingsError: no/such.toml: came no such file; wanted a TOML settings file; check the path
    """
    tables = load(path)
    _spell_out(tables.get("signals"))
    if isinstance(tables.get("stays"), dict):
        _spell_out(tables["stays"].get("demographics"))
    return read(Mapping, tables, Path(path).name)


def _spell_out(table: object) -> None:
    if isinstance(table, dict):
        table |= {name: {"signal": entry} for name, entry in table.items() if isinstance(entry, str)}
