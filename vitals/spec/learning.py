"""The settings of a network and of its training."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from vitals.errors import SettingsError
from vitals.spec.duration import Duration


def within(where: str, name: str, value: float, low: float, high: float) -> None:
    """Refuse a number outside its range.

    Raises:
        SettingsError: naming the place and the range.
    """
    if not low <= value <= high:
        raise SettingsError(f"{where} {name}", repr(value), f"a number from {low:g} to {high:g}", "change it")


Kind = Literal["gru", "lstm", "grud", "tcn", "transformer", "boosting"]


@dataclass(frozen=True)
class Network:
    """The shape of the network.

    Attributes:
        kind: what remembers: the recurrent ``"gru"``, ``"lstm"`` and ``"grud"`` (a GRU whose inputs and state decay
            with the time since a signal was seen), dilated causal convolutions ``"tcn"``, causal attention
            ``"transformer"``. A ``"boosting"`` of trees reads summaries of the last 24 rows instead of learning what to
            remember; of ``[training]`` it heeds the objective, ``site_balance`` and the seed alone.
        embed: units of the input layer.
        hidden: units of each layer of the memory.
        layers: number of layers of the memory; a ``"tcn"`` has as many as its reach needs.
        head: units of the layer before the logit.
        reach: how far back a ``"tcn"`` or ``"transformer"`` sees; recurrent kinds remember the whole stay.
        attention_heads: of a ``"transformer"``; divides ``hidden``.
        clock: take the time since admission as an input. In retrospective data the end of a record often is the event,
            so a clock leaks the label; a model that has one says so on its card.
        members: networks of one ensemble, trained from seeds one apart and averaged inside the one file.
        beside: kinds of further members, one each; in the average every kind weighs the same.
    """

    kind: Kind = "gru"
    embed: int = 128
    hidden: int = 128
    layers: int = 1
    head: int = 64
    reach: Duration = Duration.parse("48h")
    attention_heads: int = 4
    clock: bool = False
    members: int = 1
    beside: tuple[Kind, ...] = ()

    def __post_init__(self) -> None:
        """Every layer has at least one unit, and attention heads share them evenly."""
        for name in ("embed", "hidden", "layers", "head"):
            within("[network]", name, getattr(self, name), 1, 4096)
        within("[network]", "members", self.members, 1, 64)
        within("[network]", "attention_heads", self.attention_heads, 1, 64)
        if self.reach <= 0 or self.reach.whole_stay:
            raise SettingsError("[network] reach", self.reach.text, "a duration above 0", 'write "48h", for example')
        if "transformer" in (self.kind, *self.beside) and self.hidden % self.attention_heads:
            raise SettingsError(
                "[network] attention_heads", str(self.attention_heads), f"a divisor of hidden ({self.hidden})",
                "change one of them",
            )  # fmt: skip


@dataclass(frozen=True)
class Training:
    """How the network is fitted.

    Attributes:
        objective: ``"cross_entropy"`` on the label, or ``"challenge_utility"``: cross-entropy towards "calling pays
            here", weighted by how much it pays (2019 challenge utility).
        positive_weight: weight of positive rows under ``"cross_entropy"``; 0 balances the classes by the square root
            of their ratio.
        epochs: at most this many passes.
        patience: stop after this many epochs without a better validation loss.
        keep: the weights of the ``"best"`` validation epoch, or those of the ``"last"``, where the schedule has come to
            its end: better where the validation part is small.
        crop: longest stretch learnt at once, beginning with an empty memory; ``"stay"`` learns whole stays.
        batch_stays: stays (or stretches of them) in a batch.
        learning_rate: peak of the one-cycle schedule.
        weight_decay: AdamW's.
        average: the weights kept are a running mean over about this many epochs; 0 keeps those of the last batch.
        dropout_input: dropout after the input layer.
        dropout_head: dropout before the logit.
        channel_dropout: chance that a stay loses a signal altogether while training (a lost probe is normal).
        noise: measured values move by a normal error of this many standard deviations of their signal.
        time_shift: chance that a signal of a stay is charted one step late throughout.
        history_start: chance that a stay is learnt from a random row on, with an empty memory.
        pretrain_epochs: passes that learn to predict the next row first, labels unused.
        horizons: further horizons learnt beside the label's, each by a head that is not exported.
        horizons_weight: weight of all of them together against the objective.
        next_row_weight: weight of predicting the next row beside the objective.
        site_balance: 0 takes sites as they come; 1 lets each site weigh the same, however few its stays.
        seed: of weights, batches and dropout.
    """

    objective: Literal["cross_entropy", "challenge_utility"] = "cross_entropy"
    positive_weight: float = 0.0
    epochs: int = 10
    patience: int = 4
    keep: Literal["best", "last"] = "best"
    crop: Duration = Duration.parse("stay")
    batch_stays: int = 96
    learning_rate: float = 2e-3
    weight_decay: float = 0.01
    average: float = 0.5
    dropout_input: float = 0.4
    dropout_head: float = 0.5
    channel_dropout: float = 0.1
    noise: float = 0.0
    time_shift: float = 0.0
    history_start: float = 0.0
    pretrain_epochs: int = 0
    horizons: tuple[Duration, ...] = ()
    horizons_weight: float = 0.3
    next_row_weight: float = 0.0
    site_balance: float = 0.0
    seed: int = 1

    def __post_init__(self) -> None:
        """Refuse what cannot be trained with."""
        for horizon in self.horizons:
            if horizon <= 0 or horizon.whole_stay:
                raise SettingsError("[training] horizons", horizon.text, "durations above 0", 'write ["12h", "24h"]')
        bounds = {
            "positive_weight": (0, 1e6), "epochs": (1, 10_000), "patience": (1, 10_000), "batch_stays": (1, 1_000_000),
            "learning_rate": (1e-9, 1), "weight_decay": (0, 1), "average": (0, 1000), "dropout_input": (0, 0.95),
            "dropout_head": (0, 0.95), "channel_dropout": (0, 0.95), "noise": (0, 10), "time_shift": (0, 1),
            "history_start": (0, 1), "pretrain_epochs": (0, 10_000), "horizons_weight": (0, 100),
            "next_row_weight": (0, 100), "site_balance": (0, 1), "seed": (0, 2**32 - 1),
        }  # fmt: skip
        for name, (low, high) in bounds.items():
            within("[training]", name, getattr(self, name), low, high)
        if self.crop <= 0:
            raise SettingsError("[training] crop", self.crop.text, 'a duration above 0 or "stay"', 'write "12h"')
