"""Several networks that answer as one: the mean of their logits, from one file in one call."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn

from vitals.learning.encoder import Encoder
from vitals.learning.network import Network


class Ensemble(nn.Module):
    """Networks with the contract of one: ``forward(value, age, hidden) -> logit, hidden``.

    The members may be of any kind and size. Their own calibrations are not used: the mean has its own.

    Args:
        members: the networks.
        share: what each weighs in the mean, adding up to 1; without it all weigh the same.

    Attributes:
        encoder: the first member's; all were scaled on the same training part.
        hidden_size: numbers of state a bed needs, H: those of the members side by side.

    Example:
        >>> from vitals.spec.settings import Settings
        >>> from vitals.spec.shipped import settings_file
        >>> settings = Settings.from_toml(settings_file("ward.toml"))
        >>> members = [Network(settings), Network(settings)]
        >>> Ensemble(members).hidden_size == 2 * members[0].hidden_size
        True
    """

    slope: Tensor
    intercept: Tensor

    def __init__(self, members: Sequence[Network], share: Sequence[float] | None = None) -> None:
        super().__init__()
        self.members = nn.ModuleList(members)
        self.share = list(share or [1 / len(members)] * len(members))
        self.sizes = [member.hidden_size for member in members]
        self.hidden_size = sum(self.sizes)
        self.register_buffer("slope", torch.ones(()))
        self.register_buffer("intercept", torch.zeros(()))

    @property
    def encoder(self) -> Encoder:
        """The first member's."""
        return cast(Network, self.members[0]).encoder

    def forward(self, value: Tensor, age: Tensor, hidden: Tensor) -> tuple[Tensor, Tensor]:
        """Logits before calibration.

        Args:
            value: ``(N, T, C)`` in clinical units, NaN where nothing is known.
            age: ``(N, T, C)`` hours.
            hidden: ``(N, H)``, zeros for a new bed.

        Returns:
            The mean logit ``(N, T)`` and the state after the last step ``(N, H)``.
        """
        total, kept, at = torch.zeros_like(value[..., 0]), [], 0
        for member, size, share in zip(self.members, self.sizes, self.share, strict=True):
            logit, after = member(value, age, hidden[:, at : at + size])
            total = total + share * logit
            kept.append(after)
            at += size
        return total, torch.cat(kept, 1)

    def risk(self, logit: Tensor) -> Tensor:
        """The calibrated probability of a logit."""
        return torch.sigmoid(self.slope * logit + self.intercept)
