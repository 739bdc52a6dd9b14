"""What a new model must keep to before it replaces an old one."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from vitals.errors import SettingsError
from vitals.spec.learning import within
from vitals.spec.reader import load, read

GroupKind = Literal["age", "sex", "site", "unit"]


@dataclass(frozen=True)
class RecallCriterion:
    """Non-inferior recall at equal alarm burden.

    Attributes:
        judged: whether it is asked for.
        margin: the lower end of the interval of new − old must lie above −margin.
        burden: such as ``"5/100pd"``; "" is what the old policy raises.
    """

    judged: bool = True
    margin: float = 0.03
    burden: str = ""


@dataclass(frozen=True)
class BurdenCriterion:
    """Alarms of the new policy as it stands.

    Attributes:
        judged: whether it is asked for.
        most: times those of the old one.
    """

    judged: bool = True
    most: float = 1.1


@dataclass(frozen=True)
class GroupCriterion:
    """Recall of each group against everybody else's, under the new policy.

    Attributes:
        judged: whether it is asked for.
        kinds: of groups.
        tolerance: a group fails when it is short by more than this, and the interval leaves out 0.
        fewest: groups with fewer events are not judged, nor shown.
    """

    judged: bool = True
    kinds: tuple[GroupKind, ...] = ("age", "sex", "site")
    tolerance: float = 0.1
    fewest: int = 10


@dataclass(frozen=True)
class CalibrationCriterion:
    """Calibration of the new model.

    Attributes:
        judged: whether it is asked for.
        slope: lowest and highest.
        ici: the highest mean distance of risk and truth.
        observed_to_expected: lowest and highest.
    """

    judged: bool = True
    slope: tuple[float, ...] = (0.8, 1.25)
    ici: float = 0.01
    observed_to_expected: tuple[float, ...] = (0.8, 1.25)


@dataclass(frozen=True)
class Criteria:
    """All of them; each is asked for unless it says ``judged = false``."""

    recall: RecallCriterion = field(default_factory=RecallCriterion)
    burden: BurdenCriterion = field(default_factory=BurdenCriterion)
    groups: GroupCriterion = field(default_factory=GroupCriterion)
    calibration: CalibrationCriterion = field(default_factory=CalibrationCriterion)

    def __post_init__(self) -> None:
        """Refuse what cannot be meant."""
        within("[recall]", "margin", self.recall.margin, 0, 1)
        within("[burden]", "most", self.burden.most, 0, 1000)
        within("[groups]", "tolerance", self.groups.tolerance, 0, 1)
        within("[groups]", "fewest", self.groups.fewest, 10, 1_000_000)
        within("[calibration]", "ici", self.calibration.ici, 0, 1)
        for name in ("slope", "observed_to_expected"):
            pair = getattr(self.calibration, name)
            if len(pair) != 2 or not 0 < pair[0] < pair[1]:
                raise SettingsError(f"[calibration] {name}", str(list(pair)), "[lowest, highest]", "write [0.8, 1.25]")
        if not any(part.judged for part in (self.recall, self.burden, self.groups, self.calibration)):
            raise SettingsError("criteria", "none that is judged", "at least one", "leave out one judged = false")

    @classmethod
    def from_toml(cls, path: str | Path) -> Criteria:
        """Criteria from a TOML file.

        Raises:
            SettingsError: an unreadable file, an unknown key, or a wrong value; the message says where.

        Example:
            >>> Criteria.from_toml("no/such.toml")
            Traceback (most recent call last):
            vitals.errors.SettingsError: no/such.toml: came no such file; wanted a TOML settings file; check the path
        """
        return read(cls, load(path), Path(path).name)
