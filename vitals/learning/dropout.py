"""Dropout with cheap randomness: eight units share one draw of the generator, which otherwise costs more than a layer."""

from __future__ import annotations

import torch
from torch import Tensor, nn

_LEVELS = 256  # chances are kept to 1/256
_LOWEST = -(2**63)


class Dropout(nn.Module):
    """Each unit becomes 0 with a chance while training, the others grow so that the mean stays (Srivastava et al. 2014).

    Args:
        chance: from 0 to below 1.

    Example:
        >>> rows = torch.ones(4, 1000)
        >>> kept = Dropout(0.5)(rows)
        >>> sorted(set(kept.flatten().tolist())), bool(abs(kept.mean() - 1) < 0.1)
        ([0.0, 2.0], True)
        >>> bool((Dropout(0.5).eval()(rows) == rows).all())
        True
    """

    def __init__(self, chance: float) -> None:
        super().__init__()
        self.lost = round(chance * _LEVELS)

    def forward(self, rows: Tensor) -> Tensor:
        """Rows of any shape, in the same shape."""
        if not self.training or not self.lost:
            return rows
        draws = torch.empty(-(-rows.numel() // 8), dtype=torch.int64, device=rows.device).random_(_LOWEST, None)
        kept = draws.view(torch.uint8)[: rows.numel()].view(rows.shape) >= self.lost
        return rows * kept * (_LEVELS / (_LEVELS - self.lost))
