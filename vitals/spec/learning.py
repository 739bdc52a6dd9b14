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


@dataclass(frozen=True)
class Network:
    """The shape of the network.

    Attributes:
        kind: the recurrent cell.
        embed: units of the input layer.
        hidden: units of each recurrent layer.
        layers: number of recurrent layers.
        head: units of the layer before the logit.
    """

    kind: Literal["gru", "lstm"] = "gru"
    embed: int = 128
    hidden: int = 128
    layers: int = 1
    head: int = 64

    def __post_init__(self) -> None:
        """Every layer has at least one unit."""
        for name in ("embed", "hidden", "layers", "head"):
            within("[network]", name, getattr(self, name), 1, 4096)


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
        crop: longest stretch learnt at once, beginning with an empty memory; ``"stay"`` learns whole stays.
        batch_stays: stays (or stretches of them) in a batch.
        learning_rate: peak of the one-cycle schedule.
        weight_decay: AdamW's.
        average: the weights kept are a running mean over about this many epochs; 0 keeps those of the last batch.
        dropout_input: dropout after the input layer.
        dropout_head: dropout before the logit.
        channel_dropout: chance that a stay loses a signal altogether while training (a lost probe is normal).
        seed: of weights, batches and dropout.
    """

    objective: Literal["cross_entropy", "challenge_utility"] = "cross_entropy"
    positive_weight: float = 0.0
    epochs: int = 10
    patience: int = 4
    crop: Duration = Duration.parse("stay")
    batch_stays: int = 96
    learning_rate: float = 2e-3
    weight_decay: float = 0.01
    average: float = 0.5
    dropout_input: float = 0.4
    dropout_head: float = 0.5
    channel_dropout: float = 0.1
    seed: int = 1

    def __post_init__(self) -> None:
        """Refuse what cannot be trained with."""
        bounds = {
            "positive_weight": (0, 1e6), "epochs": (1, 10_000), "patience": (1, 10_000), "batch_stays": (1, 1_000_000),
            "learning_rate": (1e-9, 1), "weight_decay": (0, 1), "average": (0, 1000), "dropout_input": (0, 0.95),
            "dropout_head": (0, 0.95), "channel_dropout": (0, 0.95), "seed": (0, 2**32 - 1),
        }  # fmt: skip
        for name, (low, high) in bounds.items():
            within("[training]", name, getattr(self, name), low, high)
        if self.crop <= 0:
            raise SettingsError("[training] crop", self.crop.text, 'a duration above 0 or "stay"', 'write "12h"')
