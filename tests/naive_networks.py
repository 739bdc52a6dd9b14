"""The oracle of the networks: each kind of memory in plain loops over rows, in double precision, from its weights.

Nothing here is shared with the package: no state, no batch, no cut of time. A row is told from a list of rows before it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

Array = Any
Weights = dict[str, Array]


def weights_of(memory: Any) -> Weights:
    """A memory's weights by name, as double precision."""
    return {name: tensor.detach().double().numpy() for name, tensor in memory.state_dict().items()}


def affine(weights: Weights, name: str, row: Array) -> Array:
    """A linear layer."""
    return weights[f"{name}.weight"] @ row + weights[f"{name}.bias"]


def normalised(weights: Weights, name: str, row: Array) -> Array:
    """Layer normalisation."""
    centred = row - row.mean()
    return weights[f"{name}.weight"] * centred / np.sqrt((centred**2).mean() + 1e-5) + weights[f"{name}.bias"]


def sigmoid(number: Array) -> Array:
    """The logistic function."""
    return 1 / (1 + np.exp(-number))


def embedded(weights: Weights, row: Array) -> Array:
    """The input layers of convolutions and attention."""
    return affine(weights, "embed.3", np.maximum(affine(weights, "embed.0", row), 0))


def naive_decay(weights: Weights, features: Array, channels: int, signals: int) -> Array:
    """GRU-D, one layer: ``(T, F)`` features to ``(T, hidden)``."""
    state, out = np.zeros(weights["recurrent.0.weight"].shape[1]), []
    for row in features:
        row, delta = row.copy(), np.ones(2 * signals)
        for s in range(signals):
            known, measured = row[channels + s], row[2 * channels + s]
            if known:
                delta[s] = row[2 * channels + signals + s]
                delta[signals + s] = row[2 * channels + 2 * signals + s]
            if not measured:
                short, long = weights["value_weight"][0, s], weights["value_weight"][1, s]
                row[s] *= np.exp(-max(0, short * delta[s] + long * delta[signals + s] + weights["value_bias"][s]))
        held = state * np.exp(-np.maximum(0, affine(weights, "state_decay", delta)))
        given = affine(weights, "gates.0", np.maximum(affine(weights, "input.0", row), 0))
        own = affine(weights, "recurrent.0", held)
        (reset_in, update_in, new_in), (reset_own, update_own, new_own) = np.split(given, 3), np.split(own, 3)
        update = sigmoid(update_in + update_own)
        new = np.tanh(new_in + sigmoid(reset_in + reset_own) * new_own)
        state = (1 - update) * new + update * held
        out.append(state)
    return np.array(out)


def naive_convolution(weights: Weights, name: str, rows: list[Array], dilation: int) -> list[Array]:
    """One causal convolution of three taps; rows before the first are zeros."""
    width, out = len(rows[0]), []
    for t in range(len(rows)):
        total = weights[f"{name}.mix.bias"].copy()
        for tap in range(3):
            before = t - (2 - tap) * dilation
            if before >= 0:
                total += weights[f"{name}.mix.weight"][:, tap * width : (tap + 1) * width] @ rows[before]
        out.append(total)
    return out


def naive_convolutions(weights: Weights, features: Array, blocks: int) -> Array:
    """A temporal convolutional network: ``(T, F)`` features to ``(T, hidden)``."""
    rows = [embedded(weights, row) for row in features]
    for block in range(blocks):
        middle = naive_convolution(
            weights, f"first.{block}", [normalised(weights, f"norms.{block}", row) for row in rows], 2**block
        )
        added = naive_convolution(weights, f"second.{block}", [np.maximum(row, 0) for row in middle], 2**block)
        rows = [row + more for row, more in zip(rows, added, strict=True)]
    return np.array([normalised(weights, "last", row) for row in rows])


def naive_attention(weights: Weights, features: Array, heads: int, reach: int) -> Array:
    """A transformer over the last ``reach`` rows: ``(T, F)`` features to ``(T, hidden)``."""
    rows = [embedded(weights, row) for row in features]
    width, block = len(rows[0]), 0
    while f"blocks.{block}.ask.weight" in weights:
        name = f"blocks.{block}"
        asked = [affine(weights, f"{name}.ask", normalised(weights, f"{name}.before_attention", row)) for row in rows]
        after = []
        for t, row in enumerate(rows):
            window = range(max(0, t - reach + 1), t + 1)
            found = []
            for head in range(heads):
                part = slice(head * width // heads, (head + 1) * width // heads)
                query = asked[t][:width][part]
                score = np.array([
                    query @ asked[s][width : 2 * width][part] / np.sqrt(width / heads)
                    + weights[f"{name}.distance"][head, reach - 1 - (t - s)]
                    for s in window
                ])  # fmt: skip
                share = np.exp(score - score.max()) / np.exp(score - score.max()).sum()
                found.append(sum(w * asked[s][2 * width :][part] for w, s in zip(share, window, strict=True)))
            row = row + affine(weights, f"{name}.answer", np.concatenate(found))
            wide = np.maximum(affine(weights, f"{name}.wide.0", normalised(weights, f"{name}.before_wide", row)), 0)
            after.append(row + affine(weights, f"{name}.wide.2", wide))
        rows, block = after, block + 1
    return np.array([normalised(weights, "last", row) for row in rows])
