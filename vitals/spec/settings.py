"""The settings of a model, from one TOML file to frozen dataclasses and back."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from vitals.errors import SettingsError
from vitals.signals import signal
from vitals.spec.duration import HOUR, MINUTE, Duration
from vitals.spec.learning import Network, Training, within
from vitals.spec.policy import Rearm
from vitals.spec.reader import load, plain, read

Reduce = Literal["last", "mean", "min", "max", "median"]


@dataclass(frozen=True)
class Channel:
    """How one signal becomes a column of the rows.

    Attributes:
        reduce: what several samples within a step become when the step closes.
        max_age: how long a value is carried forward; ``"stay"`` never expires.
        stale: how long it may be missing in a live feed before that is told; 0 takes what is usual: three times its own
            cadence and at least three minutes, or eight hours for a laboratory value and a cuff pressure. Changes no risk.
    """

    reduce: Reduce = "last"
    max_age: Duration = Duration.parse("stay")
    stale: Duration = Duration(0)


@dataclass(frozen=True)
class Window:
    """How samples become rows.

    Attributes:
        step: one grid period; step k of a stay is ``(admitted + (k-1)·step, admitted + k·step]``.
        lookback: ``"stay"`` carries the model's state through the stay; a duration bounds what it sees.
        grace: how long a step waits for late samples after its end, in event time.
        warm_up: no risk before this much of the stay has passed.
        min_observed: no risk while fewer vitals and labs than this have a value.
        max_gap: a sample farther than this after everything known of its stay has a wrong time and is dropped.
        skew: how far clocks may differ where now is known: a sample farther in the future is dropped, a source whose clock
            is farther off is corrected, and a running clock closes no step earlier than this after its end.
        limits: drop values that the catalogue says no living patient can have; ``false`` keeps every finite value.
        repair: convert a value outside the limits when exactly one of its signal's mistakes of unit explains it; without
            limits nothing is repaired.
    """

    step: Duration
    lookback: Duration = Duration.parse("stay")
    grace: Duration = Duration(0)
    warm_up: Duration = Duration(0)
    min_observed: int = 0
    max_gap: Duration = Duration(30 * 24 * HOUR)
    skew: Duration = Duration(2 * MINUTE)
    limits: bool = True
    repair: bool = True

    def __post_init__(self) -> None:
        """Refuse steps and look-backs that do not fit each other."""
        if self.step <= 0 or self.step.whole_stay:
            raise SettingsError("[window] step", self.step.text, "a duration above 0", 'write "60min", for example')
        within("[window]", "min_observed", self.min_observed, 0, 1000)
        if not self.lookback.whole_stay and (self.lookback < 2 * self.step or self.lookback % self.step):
            raise SettingsError(
                "[window] lookback", self.lookback.text, f'"stay", or twice {self.step.text} or another multiple of it',
                "change one of them",
            )  # fmt: skip

    @property
    def lookback_steps(self) -> int:
        """Rows the model sees at once; 0 for the whole stay."""
        return 0 if self.lookback.whole_stay else int(self.lookback) // int(self.step)


@dataclass(frozen=True)
class Label:
    """What is predicted.

    Attributes:
        kind: the kind of outcome, as in the cohort's ``outcomes`` table.
        horizon: a row is positive when an onset lies at most this far after its prediction time.
        after_onset: rows at or after an onset are ``"positive"`` (as in the 2019 challenge) or ``"excluded"``.
    """

    kind: str
    horizon: Duration
    after_onset: Literal["positive", "excluded"] = "excluded"


@dataclass(frozen=True)
class Split:
    """Which part a patient belongs to: a keyed hash of ``subject_id``, so a patient is in one part whatever the data.

    Attributes:
        seed: another seed, another split.
        train: share that fits weights and normalisation.
        validation: share that stops the training.
        tuning: share that fits calibration and alert thresholds.
        held_out: share that nothing but the final evaluation sees.
    """

    seed: int = 1
    train: float = 0.7
    validation: float = 0.1
    tuning: float = 0.1
    held_out: float = 0.1

    def __post_init__(self) -> None:
        """The shares are of one whole."""
        shares = (self.train, self.validation, self.tuning, self.held_out)
        if min(shares) < 0 or abs(sum(shares) - 1) > 1e-9:
            raise SettingsError("[split]", str(shares), "shares of at least 0 that add up to 1", "change one of them")


@dataclass(frozen=True)
class Alerting:
    """What counts as a useful alert, and where tuning looks for a policy.

    Attributes:
        lead_min: an alert closer to the onset than this comes too late.
        lead_max: an alert farther from the onset than this is no warning of it.
        silence: candidate silences.
        persistence: candidate ``[k, n]`` pairs.
        clear: candidate hystereses, as shares of the threshold.
        rearm: candidate rules for the next alert.
        red_share: the second tier may raise this share of the alerts; 0 for one tier.
        beds_per_nurse: what an alarm burden per nurse and shift is counted with.
        death: what a death without an onset before it is: the event itself (``"event"``), an end after which nothing is
            known (``"censor"``), or a stay without an event (``"no_event"``).
    """

    lead_min: Duration = Duration(0)
    lead_max: Duration = Duration(12 * HOUR)
    silence: tuple[Duration, ...] = tuple(Duration(h * HOUR) for h in (1, 2, 3, 4, 6, 8, 10, 12, 18, 24))
    persistence: tuple[tuple[int, ...], ...] = ((1, 1),)
    clear: tuple[float, ...] = (1.0, 0.95, 0.9, 0.85, 0.8, 0.75, 0.7, 0.65, 0.6, 0.5)
    rearm: tuple[Rearm, ...] = ("timer", "below_clear", "first_only")
    red_share: float = 0.25
    beds_per_nurse: float = 4.0
    death: Literal["event", "censor", "no_event"] = "censor"

    def __post_init__(self) -> None:
        """Refuse a search without candidates, and alerts that could never be true."""
        within("[alerting]", "red_share", self.red_share, 0, 1)
        within("[alerting]", "beds_per_nurse", self.beds_per_nurse, 0.1, 1000)
        for name in ("silence", "persistence", "clear", "rearm"):
            if not getattr(self, name):
                raise SettingsError(f"[alerting] {name}", "an empty list", "at least one candidate", "add one")
        for share in self.clear:
            within("[alerting]", "clear", share, 0, 1)
        for pair in self.persistence:
            if len(pair) != 2 or not 1 <= pair[0] <= pair[1] <= 64:
                came = repr(list(pair))
                raise SettingsError("[alerting] persistence", came, "[k, n] with 1 ≤ k ≤ n ≤ 64", "write [2, 3]")
        if self.lead_min > self.lead_max:
            came = f"{self.lead_min.text}, more than lead_max {self.lead_max.text}"
            raise SettingsError("[alerting] lead_min", came, "at most lead_max", "change one of them")


@dataclass(frozen=True)
class Settings:
    """Everything that defines a model: one TOML file, stored whole inside the exported ONNX file."""

    name: str
    signals: dict[str, Channel]
    window: Window
    label: Label
    demographics: tuple[str, ...] = ()
    split: Split = field(default_factory=Split)
    network: Network = field(default_factory=Network)
    training: Training = field(default_factory=Training)
    alerting: Alerting = field(default_factory=Alerting)

    def __post_init__(self) -> None:
        """Every signal must be of the catalogue, each named once."""
        if not self.signals:
            raise SettingsError("[signals]", "no signal", "at least one", "name a signal")
        for name in self.signals:
            if signal(name, f"[signals] {name}").kind == "demographic":
                raise SettingsError(f"[signals] {name}", "a demographic", "a vital or a lab", "move it to demographics")
        if self.network.clock and not self.demographics:
            raise SettingsError(
                "[network] clock", "true, without a demographic", "a demographic, whose age is the time since admission",
                "name one in demographics, or leave clock out",
            )  # fmt: skip
        for name in self.demographics:
            if signal(name, f"demographics {name}").kind != "demographic":
                raise SettingsError(f"demographics {name}", "no demographic", "a demographic", "move it to [signals]")

    def __eq__(self, other: object) -> bool:
        """Equal in every setting and in the order of the signals, which is the order of the columns."""
        if not isinstance(other, Settings):
            return NotImplemented
        return list(self.signals) == list(other.signals) and vars(self) == vars(other)

    def __hash__(self) -> int:
        """Equal settings have equal hashes; the tables of signals could not be hashed whole."""
        return hash((self.name, self.channels, self.window))

    @property
    def channels(self) -> tuple[str, ...]:
        """The columns of the rows in order: signals, then demographics."""
        return (*self.signals, *self.demographics)

    @classmethod
    def from_tables(cls, tables: dict[str, Any], where: str = "settings") -> Settings:
        """Settings from plain tables, as :meth:`to_tables` gives them."""
        return read(cls, tables, where)

    @classmethod
    def from_toml(cls, path: str | Path) -> Settings:
        """Settings from a TOML file.

        Raises:
            SettingsError: an unreadable file, an unknown key, a wrong value; the message says where.
        """
        return cls.from_tables(load(path), Path(path).name)

    def to_tables(self) -> dict[str, Any]:
        """Plain tables that survive TOML and JSON and read back to equal settings."""
        tables: dict[str, Any] = plain(self)
        return tables
