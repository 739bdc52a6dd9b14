"""What a guard finds: refused, warned of, not known, or well."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from vitals.errors import SettingsError

Level = Literal["ok", "unknown", "warning", "refused"]


@dataclass(frozen=True)
class Finding:
    """What one guard found.

    Attributes:
        guard: its name.
        level: ``"ok"``, ``"unknown"`` (what it looks for is not written down), ``"warning"``, or ``"refused"``.
        said: what was found, for people.
        cure: what to do about it.
        withholds: measures that must not be shown; a refusal without any is of the whole evaluation.
    """

    guard: str
    level: Level
    said: str
    cure: str = ""
    withholds: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Guard, level and words, for JSON."""
        return {"guard": self.guard, "level": self.level, "said": self.said, "cure": self.cure}


def enforce(findings: Iterable[Finding]) -> None:
    """Stop at the first refusal that concerns the whole evaluation.

    Raises:
        SettingsError: such a finding.

    Example:
        >>> enforce([Finding("clock", "warning", "a clock"), Finding("sampling", "refused", "no", withholds=("precision",))])
    """
    for finding in findings:
        if finding.level == "refused" and not finding.withholds:
            raise SettingsError(f"guard {finding.guard}", finding.said, "figures that can be believed", finding.cure)


def warnings_of(found: Iterable[Finding]) -> list[str]:
    """What has to be said beside the figures.

    Example:
        >>> warnings_of([Finding("clock", "warning", "a clock", "leave it out"), Finding("cadence", "ok", "hourly")])
        ['clock: a clock; leave it out']
    """
    return [f"{one.guard}: {one.said}; {one.cure}" for one in found if one.level in ("warning", "refused")]
