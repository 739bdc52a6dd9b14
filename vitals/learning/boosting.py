"""Growing a network of kind ``"boosting"``: trees on summaries of the last rows, in place of weights and epochs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier
from threadpoolctl import threadpool_limits

from vitals.learning.baselines import drawn
from vitals.learning.batches import Sequences, batch_of
from vitals.learning.encoder import Scale
from vitals.learning.fit import Epoch, refuse_nothing_to_learn
from vitals.learning.network import Network
from vitals.learning.trees import Trees
from vitals.spec.settings import Settings
from vitals.windowing.types import Float32, Int64

Float64 = NDArray[np.float64]
Progress = Callable[[int, int, str], None]
_ROWS = 300_000  # of the training part at most: what memory and patience allow
_BLOCK = 256  # stays summarised at once


def grow(
    settings: Settings, scale: Scale, data: Sequences, parts: dict[str, Int64], progress: Progress | None = None
) -> tuple[Network, list[Epoch]]:
    """Fit the trees.

    Args:
        settings: of kind ``"boosting"``; of ``[training]`` the objective and the seed matter.
        scale: of the training part.
        data: sequences of all parts.
        parts: stays of ``"train"``, of which at most 300,000 rows are learnt, and of ``"validation"``.
        progress: told what is being done.

    Returns:
        The network, and the losses of the one pass. Nothing is stopped early: more trees make the logits too bold, which
        calibration mends, and rank no worse.

    Raises:
        DataError: a part without a stay, or training rows of one class only.
    """
    refuse_nothing_to_learn(data, parts)
    network = reader(settings, scale)
    seed, train, validation = settings.training.seed, parts["train"], parts["validation"]
    learnt, raised = drawn(_classes(data, train), _ROWS, np.random.default_rng(seed))
    asked = np.concatenate(_classes(data, validation))
    if progress:
        progress(0, 3, "summaries")
    seen, unseen = summaries(network, data, train, learnt), summaries(network, data, validation, asked)
    if progress:
        progress(1, 3, "trees")
    with threadpool_limits(1):  # one thread a process, and the same trees on every machine
        boosting = _boosting(seed, len(learnt)).fit(seen, data.target[learnt], data.weight[learnt] * raised)
    head = network.head
    assert isinstance(head, Trees)
    head.load(boosting)
    if progress:
        progress(3, 3, "trees")
    train_loss, validation_loss = (
        _loss(boosting.decision_function(rows), data, at, more)
        for rows, at, more in ((seen, learnt, raised), (unseen, asked, np.ones(len(asked))))
    )
    return network, [Epoch(1, train_loss, validation_loss)]


def reader(settings: Settings, scale: Scale) -> Network:
    """A network of kind ``"boosting"`` without trees: what :func:`summaries` are made with."""
    network = Network(replace(settings, network=replace(settings.network, kind="boosting"))).eval()
    network.encoder.load(scale)
    return network


def _classes(data: Sequences, stays: Int64) -> list[Int64]:
    """Numbers of the rows that teach something, those of target 0 and those of target 1."""
    rows = np.concatenate([np.zeros(0, np.int64), *(np.arange(data.start[s], data.start[s + 1]) for s in stays)])
    rows = rows[data.weight[rows] > 0]
    return [rows[data.target[rows] == target] for target in (0, 1)]


def _boosting(seed: int, rows: int) -> HistGradientBoostingClassifier:
    return HistGradientBoostingClassifier(
        max_iter=300, learning_rate=0.05, max_leaf_nodes=31, min_samples_leaf=max(min(100, rows // 100), 5),
        l2_regularization=10.0, max_features=0.3, early_stopping=False, random_state=seed,
    )  # fmt: skip


def _loss(logit: Float64, data: Sequences, rows: Int64, raised: Float64) -> float:
    """Mean weighted cross-entropy, as :func:`~vitals.learning.fit.validation_loss` counts it."""
    weight = data.weight[rows] * raised
    return float((weight * (np.logaddexp(0, logit) - data.target[rows] * logit)).sum() / weight.sum())


def summaries(network: Network, data: Sequences, stays: Int64, wanted: Int64) -> Float32:
    """What a boosting reads of some rows, ``(len(wanted), S')``, in the order of ``wanted``; ``UNKNOWN`` where unknown.

    Args:
        network: of kind ``"boosting"``.
        data: sequences.
        stays: whole stays that hold the rows.
        wanted: numbers of rows.
    """
    place = np.full(len(data.target), -1, np.int64)
    place[wanted] = np.arange(len(wanted))
    out: list[Float32] = []
    order: list[Int64] = []
    for at in range(0, len(stays), _BLOCK):
        some = stays[at : at + _BLOCK]
        batch = batch_of(data, data.start[some], data.length[some])
        with torch.no_grad():
            made, _ = network.remember(batch.value, batch.age, torch.zeros(len(some), network.hidden_size))
        inside = np.arange(made.shape[1]) < batch.length[:, None]
        number = (data.start[some[batch.order]][:, None] + np.arange(made.shape[1]))[inside]
        chosen = place[number] >= 0
        out.append(made.numpy()[inside][chosen])
        order.append(place[number[chosen]])
    made_of = np.concatenate(out)
    result = np.empty_like(made_of)
    result[np.concatenate(order)] = made_of
    return result
