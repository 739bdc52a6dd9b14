"""A boosting of trees as a network's head: scikit-learn grows it, PyTorch and ONNX Runtime read the same nodes."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier
from torch import Tensor, nn

from vitals.windowing.compiled import compiled
from vitals.windowing.types import Float32, Int64

TREES = "ai.onnx.ml"
"""The part of the ONNX standard that trees are in."""
_LARGEST = float(np.finfo(np.float32).max)


class _Read(torch.autograd.Function):
    """Every row through every tree. The exporter writes it as the standard operator for trees."""

    @staticmethod
    def forward(ctx: Any, rows: Tensor, trees: Trees) -> Tensor:  # noqa: ARG004
        """``(R, F)`` to ``(R, 1)``."""
        nodes = (part.numpy() for part in (trees.feature, trees.limit, trees.low, trees.high, trees.value))
        return torch.from_numpy(_sum_of_leaves(rows.contiguous().numpy(), *nodes, trees.roots.numpy())).unsqueeze(1)

    @staticmethod
    def symbolic(graph: Any, rows: Any, trees: Trees) -> Any:
        """The operator ``TreeEnsembleRegressor`` of the standard's machine learning part."""
        return graph.op(f"{TREES}::TreeEnsembleRegressor", rows, **trees.attributes()).setType(
            rows.type().with_sizes([None, 1])
        )


@compiled
def _sum_of_leaves(  # noqa: PLR0913, PLR0917  (a compiled loop takes arrays)
    rows: Float32, feature: Int64, limit: Float32, low: Int64, high: Int64, value: Float32, roots: Int64
) -> Float32:
    """The summed leaves of each row, tree by tree, ``(R,)``; a leaf leads to itself."""
    out = np.zeros(len(rows), np.float32)
    for i in range(len(rows)):
        for root in roots:
            at = root
            while low[at] != at:
                at = low[at] if rows[i, feature[at]] <= limit[at] else high[at]
            out[i] += value[at]
    return out


class Trees(nn.Module):
    """The summed leaves of many trees, a logit.

    A row goes to the left where its feature is at most the node's limit. Limits are rounded down to single precision,
    which changes no decision about single precision features.
    """

    feature: Tensor
    limit: Tensor
    low: Tensor
    high: Tensor
    value: Tensor
    roots: Tensor

    def __init__(self) -> None:
        super().__init__()
        self._take({name: np.zeros(1, kind) for name, kind in _COLUMNS.items()}, np.zeros(1, np.int64))

    def forward(self, rows: Tensor) -> Tensor:
        """``(N, T, F)`` to ``(N, T, 1)``."""
        flat = rows.reshape(-1, rows.shape[-1])
        read = cast(Tensor, _Read.apply(flat, self))  # type: ignore[no-untyped-call]
        return read.reshape(rows.shape[0], rows.shape[1], 1)

    def load(self, boosting: HistGradientBoostingClassifier) -> None:
        """Take over what scikit-learn has grown on features without missing values."""
        grown = [stage[0].nodes for stage in boosting._predictors]  # noqa: SLF001  (no public way to the nodes)
        sizes = np.cumsum([0, *map(len, grown)])
        columns = {name: np.zeros(sizes[-1], kind) for name, kind in _COLUMNS.items()}
        for begin, nodes in zip(sizes[:-1], grown, strict=True):
            here = np.arange(len(nodes))
            leaf = nodes["is_leaf"].astype(bool)
            at = slice(begin, begin + len(nodes))
            columns["feature"][at] = np.where(leaf, 0, nodes["feature_idx"])
            columns["limit"][at] = np.where(leaf, 0, _rounded_down(nodes["num_threshold"]))
            columns["low"][at] = begin + np.where(leaf, here, nodes["left"])
            columns["high"][at] = begin + np.where(leaf, here, nodes["right"])
            columns["value"][at] = np.where(leaf, nodes["value"], 0)
        columns["value"][: sizes[1]][grown[0]["is_leaf"].astype(bool)] += boosting._baseline_prediction.item()  # noqa: SLF001
        self._take(columns, sizes[:-1])

    def attributes(self) -> dict[str, Any]:
        """The nodes as the standard operator wants them: numbered from 0 in each tree."""
        begin = self.roots.numpy()
        every = np.arange(len(self.feature))
        tree = np.searchsorted(begin, every, side="right") - 1
        low, high, first = self.low.numpy(), self.high.numpy(), begin[tree]
        leaf = low == every
        leaves = np.flatnonzero(leaf)
        return {
            "n_targets_i": 1,
            "nodes_treeids_i": tree.tolist(),
            "nodes_nodeids_i": (every - first).tolist(),
            "nodes_featureids_i": self.feature.tolist(),
            "nodes_values_f": self.limit.tolist(),
            "nodes_modes_s": np.where(leaf, "LEAF", "BRANCH_LEQ").tolist(),
            "nodes_truenodeids_i": np.where(leaf, 0, low - first).tolist(),
            "nodes_falsenodeids_i": np.where(leaf, 0, high - first).tolist(),
            "target_treeids_i": tree[leaves].tolist(),
            "target_nodeids_i": (every - first)[leaves].tolist(),
            "target_ids_i": [0] * len(leaves),
            "target_weights_f": self.value.numpy()[leaves].tolist(),
        }

    def _take(self, columns: dict[str, NDArray[Any]], roots: NDArray[np.int64]) -> None:
        for name, column in {**columns, "roots": roots}.items():
            self.register_buffer(name, torch.from_numpy(np.ascontiguousarray(column)))


_COLUMNS: dict[str, Any] = {
    "feature": np.int64, "limit": np.float32, "low": np.int64, "high": np.int64, "value": np.float32,
}  # fmt: skip


def _rounded_down(limits: NDArray[np.float64]) -> NDArray[np.float32]:
    near = np.clip(limits, -_LARGEST, _LARGEST).astype(np.float32)
    return np.where(near > limits, np.nextafter(near, np.float32(-np.inf)), near).astype(np.float32)
