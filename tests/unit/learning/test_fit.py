"""Training: reproducible, refuses what it cannot learn from, and learns what can be learnt."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from tests.small import random_rows, small_network, small_settings
from vitals.errors import DataError
from vitals.learning.batches import Sequences, crops
from vitals.learning.calibrate import calibrate
from vitals.learning.encoder import fit_scale
from vitals.learning.export import export
from vitals.learning.fit import fit, logits
from vitals.spec.learning import Training


def _data(settings, stays=60, steps=12):
    rows = random_rows(settings, [steps] * stays)
    label = (np.nan_to_num(rows.value[:, 0], nan=80.0) > 95).astype(np.float32)
    return rows, Sequences.of(rows, stays, label, np.ones(len(rows), np.float32))


def _settings(**training):
    return dataclasses.replace(small_settings(), training=Training(epochs=12, batch_stays=8, dropout_input=0.0,
                                                                   dropout_head=0.0, learning_rate=0.02, **training))  # fmt: skip


def test_it_learns_a_rule_and_the_same_seed_gives_the_same_file():
    """A threshold on the heart rate is learnt; training again gives the same bytes."""
    settings = _settings()
    rows, data = _data(settings)
    parts = {"train": np.arange(40), "validation": np.arange(40, 50)}
    files, losses = [], []
    for _ in range(2):
        network, history = fit(settings, fit_scale(rows, 1.0), data, parts)
        files.append(export(network, settings, {}))
        losses.append(history)
    assert files[0] == files[1]
    assert losses[0][-1].validation_loss < 0.75 * losses[0][0].train_loss
    unseen = np.arange(50, 60)
    score = logits(network, data, unseen)
    label = data.target[600:]
    assert (score[label == 1][:, None] > score[label == 0]).mean() > 0.9  # the AUROC; 0.5 would be chance


def test_another_seed_gives_another_file():
    """The seed is used."""
    rows, data = _data(_settings())
    parts = {"train": np.arange(40), "validation": np.arange(40, 50)}
    one, two = (fit(_settings(seed=seed), fit_scale(rows, 1.0), data, parts)[0] for seed in (1, 2))
    assert not torch.equal(one.head[1].weight, two.head[1].weight)


def test_rows_of_weight_zero_teach_nothing():
    """Wrong labels on rows of weight 0 change no weight of the network."""
    settings = _settings()
    rows, data = _data(settings)
    ignored = np.random.default_rng(1).random(len(rows)) < 0.3
    weight = np.where(ignored, 0, 1).astype(np.float32)
    parts = {"train": np.arange(40), "validation": np.arange(40, 50)}
    heads = []
    for target in (data.target, np.where(ignored, 1 - data.target, data.target)):
        network, _ = fit(settings, fit_scale(rows, 1.0), dataclasses.replace(data, target=target, weight=weight), parts)
        heads.append(network.head[1].weight)
    assert torch.equal(*heads)


@pytest.mark.parametrize("empty", ["train", "validation"])
def test_an_empty_part_is_refused(empty):
    """The message names the part and the cure."""
    settings = _settings()
    rows, data = _data(settings)
    parts = {"train": np.arange(40), "validation": np.arange(40, 50), empty: np.arange(0)}
    with pytest.raises(DataError, match=f"part {empty}: came no stay.*split"):
        fit(settings, fit_scale(rows, 1.0), data, parts)


def test_one_class_is_refused():
    """Nothing to tell apart."""
    settings = _settings()
    rows, data = _data(settings)
    none = dataclasses.replace(data, target=np.zeros_like(data.target))
    with pytest.raises(DataError, match="only rows labelled 0"):
        fit(settings, fit_scale(rows, 1.0), none, {"train": np.arange(40), "validation": np.arange(40, 50)})


def test_calibration_finds_the_slope_and_makes_the_mean_risk_the_prevalence():
    """Logits that are twice too large get a slope of a half."""
    rng = np.random.default_rng(0)
    true = rng.normal(-1, 1.5, 200_000)
    label = (rng.random(len(true)) < 1 / (1 + np.exp(-true))).astype(np.float32)
    network = small_network(small_settings())
    calibrate(network, (2 * true + 1).astype(np.float32), label)
    assert float(network.slope) == pytest.approx(0.5, abs=0.02)
    risk = network.risk(torch.from_numpy((2 * true + 1).astype(np.float32))).numpy()
    assert risk.mean() == pytest.approx(label.mean(), abs=1e-4)


def test_a_score_that_falls_with_the_label_is_refused():
    """A negative slope would turn a ranking round in silence."""
    logit = np.linspace(-3, 3, 100).astype(np.float32)
    with pytest.raises(DataError, match="calibration slope of -"):
        calibrate(small_network(small_settings()), logit, (logit < 0.5).astype(np.float32) * (np.arange(100) % 7 > 0))


def test_crops_lie_inside_their_stays_and_are_as_many_every_time():
    """Random beginnings, a fixed number of stretches."""
    settings = _settings()
    rows = random_rows(settings, [30, 5, 12])
    data = Sequences.of(rows, 3, np.zeros(47, np.float32), np.zeros(47, np.float32))
    for seed in range(20):
        start, length = crops(data, np.array([0, 1, 2]), 10, np.random.default_rng(seed))
        assert length.tolist() == [10, 10, 10, 5, 10, 10]
        assert (start[:3] >= 0).all()
        assert (start[:3] + 10 <= 30).all()
        assert start[3] == 30
        assert (start[4:] >= 35).all()
        assert (start[4:] + 10 <= 47).all()
    whole = crops(data, np.array([0, 2]), 0, np.random.default_rng(0))
    assert [part.tolist() for part in whole] == [[0, 35], [30, 12]]


@pytest.mark.parametrize(
    ("kind", "lookback"),
    [("gru", "stay"), ("lstm", "stay"), ("grud", "stay"), ("tcn", "stay"), ("transformer", "stay"),
     ("gru", "4h"), ("lstm", "4h"), ("grud", "4h")],
)  # fmt: skip
def test_a_batch_cut_in_pieces_gives_the_logits_of_whole_stays(kind, lookback):
    """Training skips padding by cutting time; that changes neither the logits nor whose they are."""
    settings = small_settings(kind, lookback)
    network = small_network(settings)
    lengths = [30, 1, 77, 24, 25, 48, 3]
    rows = random_rows(settings, lengths)
    data = Sequences.of(rows, 7, np.zeros(len(rows), np.float32), np.ones(len(rows), np.float32))
    expected = []
    with torch.no_grad():
        for stay in range(7):
            at = slice(data.start[stay], data.start[stay + 1])
            value, age = (torch.from_numpy(part[at])[None] for part in (rows.value, rows.age))
            expected.append(network(value, age, torch.zeros(1, network.hidden_size))[0][0].numpy())
    for size in (2, 7):
        np.testing.assert_allclose(logits(network, data, np.arange(7), size), np.concatenate(expected), atol=2e-6)
    chosen = np.array([5, 1, 2])
    picked = np.concatenate([expected[stay] for stay in chosen])
    np.testing.assert_allclose(logits(network, data, chosen), picked, atol=2e-6)
