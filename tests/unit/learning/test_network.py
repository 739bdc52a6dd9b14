"""The networks keep their contract, whatever the kind, the look-back and the shape of the call."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.small import random_rows, small_network, small_settings
from vitals.learning.batches import Sequences, batch_of
from vitals.learning.encoder import Encoder, fit_scale

KINDS = [
    ("gru", "stay", 1),
    ("lstm", "stay", 1),
    ("gru", "stay", 2),
    ("lstm", "stay", 2),
    ("gru", "4h", 1),
    ("lstm", "4h", 1),
    ("grud", "stay", 1),
    ("grud", "stay", 2),
    ("grud", "4h", 1),
    ("tcn", "stay", 1),
    ("transformer", "stay", 1),
    ("transformer", "stay", 2),
]


def _whole(kind, lookback, layers, steps=9, beds=3):
    settings = small_settings(kind, lookback, layers)
    network = small_network(settings)
    rows = random_rows(settings, [steps] * beds)
    value = torch.from_numpy(rows.value).reshape(beds, steps, -1)
    age = torch.from_numpy(rows.age).reshape(beds, steps, -1)
    return network, value, age, torch.zeros(beds, network.hidden_size)


@pytest.mark.parametrize(("kind", "lookback", "layers"), KINDS)
@pytest.mark.parametrize("cut", [0, 1, 4, 9])
def test_any_cut_of_time_gives_the_same_logits(kind, lookback, layers, cut):
    """State in, state out: two calls are one call."""
    network, value, age, hidden = _whole(kind, lookback, layers)
    with torch.no_grad():
        whole, last = network(value, age, hidden)
        if cut in (0, 9):
            pieces = [slice(0, 9)]
        else:
            pieces = [slice(0, cut), slice(cut, 9)]
        out = []
        for piece in pieces:
            logit, hidden = network(value[:, piece], age[:, piece], hidden)
            out.append(logit)
    torch.testing.assert_close(torch.cat(out, 1), whole, atol=1e-6, rtol=0)
    torch.testing.assert_close(hidden, last, atol=1e-6, rtol=0)


@pytest.mark.parametrize(("kind", "lookback", "layers"), KINDS)
def test_the_future_moves_nothing(kind, lookback, layers):
    """A later row changes no earlier logit."""
    network, value, age, hidden = _whole(kind, lookback, layers)
    with torch.no_grad():
        before, _ = network(value, age, hidden)
        value[:, 5:], age[:, 5:] = 40.0, 0.0
        after, _ = network(value, age, hidden)
    assert torch.equal(before[:, :5], after[:, :5])
    assert torch.isfinite(after).all()
    assert not torch.equal(before[:, 5:], after[:, 5:])


@pytest.mark.parametrize(("kind", "lookback", "layers"), KINDS)
def test_a_bed_is_scored_alike_alone(kind, lookback, layers):
    """Whoever lies beside it, a bed's logits and state are the same; a ward may also be empty."""
    network, value, age, hidden = _whole(kind, lookback, layers)
    with torch.no_grad():
        logit, last = network(value, age, hidden)
        alone, after = network(value[1:2], age[1:2], hidden[1:2])
        nobody, none = network(value[:0], age[:0], hidden[:0])
    torch.testing.assert_close(alone, logit[1:2], atol=1e-6, rtol=0)
    torch.testing.assert_close(after, last[1:2], atol=1e-6, rtol=0)
    assert (nobody.shape, none.shape) == ((0, 9), (0, network.hidden_size))


@pytest.mark.parametrize("kind", ["gru", "lstm", "grud"])
def test_a_bounded_look_back_forgets(kind):
    """With a look-back of four rows, a row is told from the four up to it, and a restarted bed heals."""
    network, value, age, hidden = _whole(kind, "4h", 1)
    with torch.no_grad():
        whole, _ = network(value, age, hidden)
        late, _ = network(value[:, 3:], age[:, 3:], hidden)
    assert torch.equal(whole[:, 6:], late[:, 3:])
    assert not torch.equal(whole[:, 3:6], late[:, :3])


def test_what_training_never_saw_cannot_matter():
    """EtCO2 is absent in one whole hospital; where it appears later, no NaN and no untrained weight reaches a logit."""
    network, value, age, hidden = _whole("gru", "stay", 1)
    column = 3
    with torch.no_grad():
        value[..., column], age[..., column] = float("nan"), float("nan")
        without, _ = network(value, age, hidden)
        value[..., column], age[..., column] = 35.0, 0.0
        with_it, _ = network(value, age, hidden)
    assert torch.equal(without, with_it)
    assert torch.isfinite(with_it).all()


def test_nothing_known_is_all_zeros():
    """A row of NaN encodes as the rows before a stay."""
    settings = small_settings()
    encoder = small_network(settings).encoder
    nothing = torch.full((1, 2, len(settings.channels)), float("nan"))
    assert torch.equal(encoder(nothing, nothing), torch.zeros(1, 2, encoder.features))


def test_the_scale_is_of_measured_values_alone():
    """A value carried forward for hours counts once; an unseen channel is marked; outliers are clipped."""
    settings = small_settings()
    rows = random_rows(settings, [50, 50])
    rows.value[:, 3] = np.nan
    rows.age[:, 3] = np.nan
    measured = (rows.age[:, 0] < 1) | (np.r_[True, rows.bed[1:] != rows.bed[:-1]] & np.isfinite(rows.value[:, 0]))
    scale = fit_scale(rows, step_hours=1.0)
    low, high = np.percentile(rows.value[measured, 0].astype(float), [0.1, 99.9])
    assert scale.low[0] == np.float32(low)
    assert scale.high[0] == np.float32(high)
    assert scale.mean[0] == pytest.approx(np.clip(rows.value[measured, 0], low, high).mean(), rel=1e-6)
    assert scale.seen.tolist() == [1, 1, 1, 0, 1]
    assert np.isfinite(np.concatenate([scale.low, scale.high, scale.mean, scale.std])).all()


def test_batches_hold_each_row_once_and_pad_with_nothing():
    """Padding is NaN and weighs nothing."""
    settings = small_settings()
    rows = random_rows(settings, [3, 0, 5])
    data = Sequences.of(rows, 3, np.ones(8, np.float32), np.ones(8, np.float32))
    stays = np.array([2, 0, 1])
    batch = batch_of(data, data.start[stays], data.length[stays])
    assert batch.value.shape == (3, 5, 5)
    assert batch.length.tolist() == [5, 3, 0]
    assert batch.order.tolist() == [0, 1, 2]
    np.testing.assert_array_equal(batch.value[0].numpy(), rows.value[3:8])
    np.testing.assert_array_equal(batch.value[1, :3].numpy(), rows.value[:3])
    assert torch.isnan(batch.value[1, 3:]).all()
    assert batch.weight.sum() == 8
    assert torch.isnan(batch.value[2]).all()


def test_an_encoder_has_five_kinds_of_features():
    """Value, known, measured now, and two ages."""
    settings = small_settings()
    encoder = Encoder(settings)
    assert encoder.features == 2 * 5 + 3 * 4
