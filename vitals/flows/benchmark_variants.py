"""Variants of a recipe: other kinds, fewer inputs, a clock, one training setting switched, and a small one for trying."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, get_args

from vitals.spec.learning import Kind
from vitals.spec.settings import Settings

KINDS: tuple[str, ...] = get_args(Kind)
VITALS = ("heart_rate", "spo2", "temperature", "sbp", "map", "dbp", "resp_rate", "etco2")
BASELINES = {
    "logistic": "logistic regression", "tree": "decision tree", "forest": "random forest",
    "svm": "linear support vector machine",
}  # fmt: skip
BEDSIDE = {"news2": "NEWS2", "mews": "MEWS", "qsofa": "qSOFA", "sirs": "SIRS"}
COST = {
    "gru": 1.0, "lstm": 1.2, "grud": 2.0, "tcn": 2.0, "transformer": 3.0, "logistic": 0.4, "tree": 0.2, "forest": 0.6,
    "svm": 0.3, "boosting": 1.0, "clock": 0.1, **dict.fromkeys(BEDSIDE, 0.03),
}  # fmt: skip
"""About how long each takes beside a GRU: for the estimate of the time that is left, and for nothing else."""


@dataclass(frozen=True)
class Ablation:
    """One setting that is switched off where a recipe has it on, and on where it has it off.

    Attributes:
        section: of the settings.
        key: in that section.
        off: its value where it does nothing.
        on: a value to try where the recipe has it off.
        words: what it is.
    """

    section: str
    key: str
    off: Any
    on: Any
    words: str


ABLATIONS = (
    Ablation("window", "limits", False, True, "limits of what a living patient can have"),
    Ablation("window", "repair", False, True, "repair of units"),
    Ablation("training", "channel_dropout", 0.0, 0.1, "signals lost at random"),
    Ablation("training", "noise", 0.0, 0.1, "noise on the values"),
    Ablation("training", "time_shift", 0.0, 0.1, "late charting"),
    Ablation("training", "history_start", 0.0, 0.3, "random starts of history"),
    Ablation("training", "pretrain_epochs", 0, 3, "pretraining on the next row"),
    Ablation("training", "horizons", [], ["12h", "24h"], "further horizons"),
    Ablation("training", "next_row_weight", 0.0, 0.1, "the next row as a second task"),
    Ablation("training", "site_balance", 0.0, 1.0, "sites that weigh the same"),
)


def kind_of(settings: Settings) -> str:
    """The kind of a recipe's network, with those beside it: ``"gru"`` or ``"gru+boosting"``."""
    return "+".join((settings.network.kind, *settings.network.beside))


def named(kind: str, members: int) -> str:
    """A network or an ensemble in words.

    Example:
        >>> named("gru", 1), named("gru+boosting", 2)
        ('gru, one network', 'gru+boosting, 3 in one file')
    """
    many = members + kind.count("+")
    return f"{kind}, one network" if many == 1 else f"{kind}, {many} in one file"


def variant(settings: Settings, kind: str, members: int, inputs: str = "signals", clock: bool = False) -> Settings:
    """The recipe with another kind of network, another number of members, other inputs.

    Args:
        settings: the recipe.
        kind: of network; ``"gru+boosting"`` for one that has others beside it.
        members: networks of the first kind in the one file.
        inputs: ``"signals"`` keeps all; ``"vitals"`` keeps the eight bedside vitals and the demographics.
        clock: take the time since admission as an input.

    Example:
        >>> from vitals.spec.shipped import settings_file
        >>> small = variant(Settings.from_toml(settings_file("sepsis-icu")), "lstm", 3, "vitals")
        >>> small.network.kind, small.network.members, len(small.channels)
        ('lstm', 3, 13)
    """
    tables = settings.to_tables()
    first, *beside = kind.split("+")
    tables["network"] |= {"kind": first, "beside": beside, "members": members, "clock": clock}
    if inputs == "vitals":
        tables["signals"] = {name: how for name, how in tables["signals"].items() if name in VITALS}
    return Settings.from_tables(tables)


def switched(settings: Settings, ablation: Ablation) -> tuple[str, Settings] | None:
    """The recipe with one setting switched, in words; None where the settings know no such key.

    Example:
        >>> from vitals.spec.shipped import settings_file
        >>> recipe = Settings.from_toml(settings_file("ward"))
        >>> words, without = switched(recipe, ABLATIONS[0])
        >>> words, recipe.window.limits, without.window.limits
        ('without limits of what a living patient can have', True, False)
    """
    tables = settings.to_tables()
    section = tables.get(ablation.section, {})
    if ablation.key not in section:
        return None
    has = section[ablation.key] != ablation.off
    section[ablation.key] = ablation.off if has else ablation.on
    return f"{'without' if has else 'with'} {ablation.words}", Settings.from_tables(tables)


def quick(settings: Settings) -> Settings:
    """The recipe with a small network and few passes: to see that everything runs, not how well."""
    tables = settings.to_tables()
    tables["network"] |= {"embed": 16, "hidden": 16, "head": 8, "layers": 1, "attention_heads": 2, "reach": "6h"}
    # no dropout and large steps: so small a network has to learn something from some hundred stays all the same
    tables["training"] |= {"epochs": 5, "batch_stays": 8, "pretrain_epochs": 0, "learning_rate": 1e-2}
    tables["training"] |= {"dropout_input": 0.0, "dropout_head": 0.0}
    return Settings.from_tables(tables)
