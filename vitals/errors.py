"""What goes wrong, and what to do about it.

    VitalsError
     ├─ SettingsError   a TOML file or an argument is not what was asked for
     ├─ DataError       retrospective data cannot be read as meant
     ├─ ModelError      a model folder is damaged, foreign or does not fit
     ├─ FeedError       a live line cannot be used
     └─ StateError      what a live ward keeps on disk cannot be used, or cannot be written

A message reads *where: what came; what is wanted; the cure*.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class VitalsError(Exception):
    """Base of every error this package raises on purpose.

    Args:
        where: the file, table, column, row or key that is wrong.
        came: what was found there.
        wanted: what would have been right.
        cure: what the reader can do about it.

    Example:
        >>> print(SettingsError("ward.toml [window] lookback", "60", "a duration with its unit", 'write "60min"'))
        ward.toml [window] lookback: came 60; wanted a duration with its unit; write "60min"
    """

    def __init__(self, where: str, came: str, wanted: str, cure: str) -> None:
        self.where, self.came, self.wanted, self.cure = where, came, wanted, cure
        super().__init__(f"{where}: came {came}; wanted {wanted}; {cure}")


class SettingsError(VitalsError):
    """A settings file, a policy file or an argument is not what was asked for."""


class DataError(VitalsError):
    """Retrospective data cannot be read as meant."""


class ModelError(VitalsError):
    """A model folder is damaged, foreign, or does not fit what it is used with."""


class FeedError(VitalsError):
    """A line of a live feed cannot be used."""


class StateError(VitalsError):
    """What a live ward keeps on disk cannot be used as it is, or cannot be written."""


def nearest(name: str, known: Iterable[str]) -> str:
    """A cure for a misspelt name: the nearest known one, or the list of all of them.

    Example:
        >>> nearest("heartrate", ["heart_rate", "spo2"])
        'did you mean "heart_rate"?'
    """
    names = sorted(known)
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    return f'did you mean "{close[0]}"?' if close else "use one of: " + ", ".join(names)
