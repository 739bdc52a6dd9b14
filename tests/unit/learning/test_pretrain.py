"""Pretraining: it learns to foretell, uses no label, looks at no stay it may not, and is where the training begins."""

from __future__ import annotations

import dataclasses

import numpy as np
import torch

from tests.small import random_rows, small_settings
from vitals.learning.batches import Sequences
from vitals.learning.course import Lessons
from vitals.learning.encoder import fit_scale
from vitals.learning.fit import fit
from vitals.learning.network import Network
from vitals.learning.pretrain import pretrain
from vitals.learning.tasks import Tasks
from vitals.spec.learning import Training

PARTS = {"train": np.arange(20), "validation": np.arange(20, 30)}


def _settings(**training):
    plain = {"epochs": 1, "batch_stays": 8, "dropout_input": 0.0, "dropout_head": 0.0, "channel_dropout": 0.0}
    return dataclasses.replace(small_settings(), training=Training(**(plain | training)))


def _data(settings):
    """A heart rate that is nearly what it was an hour ago, measured every hour."""
    rows = random_rows(settings, [30] * 40)
    level = np.repeat(np.random.default_rng(4).normal(90, 20, 40), 30)
    rows.value[:, 0], rows.age[:, 0] = level + np.random.default_rng(5).normal(0, 1, len(rows)), 0.5
    label = (rows.time // 3_600_000_000 > 20).astype(np.float32)
    return rows, Sequences.of(rows, 40, label, np.ones(len(rows), np.float32))


def _pretrained(settings, data, scale, stays):
    torch.manual_seed(1)
    network = Network(settings)
    network.encoder.load(scale)
    tasks = Tasks(settings)
    lessons = Lessons(settings, scale, data, stays, np.random.default_rng(1))
    said = []
    losses = pretrain(network, tasks, lessons, settings.training, lambda *told: said.append(told))
    return network, losses, said


def test_it_learns_to_foretell_and_leaves_the_head():
    """The error falls to a part of what it was; the head keeps its first weights; progress is told."""
    settings = _settings(pretrain_epochs=15, learning_rate=0.02)
    rows, data = _data(settings)
    network, losses, said = _pretrained(settings, data, fit_scale(rows, 1.0), np.arange(40))
    assert losses[-1] < 0.75 * losses[0]
    torch.manual_seed(1)
    fresh = Network(settings)
    assert torch.equal(network.head[1].weight, fresh.head[1].weight)
    assert not torch.equal(next(network.memory.parameters()), next(fresh.memory.parameters()))
    assert said[-1] == (75, 75, "pretraining 15/15")


def test_labels_are_not_used():
    """Turned round and without weight, they change nothing."""
    settings = _settings(pretrain_epochs=1)
    rows, data = _data(settings)
    other = dataclasses.replace(data, target=1 - data.target, weight=0 * data.weight)
    one, two = (_pretrained(settings, these, fit_scale(rows, 1.0), np.arange(40))[0] for these in (data, other))
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), two.parameters(), strict=True))


def test_training_goes_on_from_there_and_held_out_stays_are_never_seen():
    """``parts["pretrain"]`` says which stays are looked at; without it those of the training part."""
    settings = _settings(pretrain_epochs=2)
    rows, data = _data(settings)
    scale = fit_scale(rows, 1.0)
    spoilt = data.value.copy()
    spoilt[data.start[30] :] = 1e9
    changed = dataclasses.replace(data, value=spoilt)

    def weights(these, **more):
        network, _ = fit(settings, scale, these, PARTS | more)
        return next(network.memory.parameters())

    plain, allowed = weights(data), weights(data, pretrain=np.arange(30))
    assert torch.equal(weights(changed), plain)
    assert torch.equal(weights(changed, pretrain=np.arange(30)), allowed)
    assert not torch.equal(allowed, plain)
    without, _ = fit(_settings(), scale, data, PARTS)
    assert not torch.equal(next(without.memory.parameters()), plain)
