"""Tasks beside the objective: what they are taught, what they cost, and that they leave no trace in the file."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from tests.small import random_rows, small_network, small_settings
from vitals.labelling.labels import label_rows
from vitals.learning.batches import Sequences, batch_of
from vitals.learning.encoder import fit_scale
from vitals.learning.export import export
from vitals.learning.fit import fit
from vitals.learning.objective import sequences, site_factors
from vitals.learning.tasks import Tasks, next_row_terms
from vitals.spec.duration import Duration
from vitals.spec.learning import Training

HOUR = 3_600_000_000
HORIZONS = (Duration.parse("2h"), Duration.parse("12h"))
PARTS = {"train": np.arange(24), "validation": np.arange(24, 32)}


def _settings(**training):
    plain = {"epochs": 2, "batch_stays": 8, "dropout_input": 0.0, "dropout_head": 0.0, "channel_dropout": 0.0}
    return dataclasses.replace(small_settings(), training=Training(**(plain | training)))


def _study(settings, stays=32, steps=20):
    rows = random_rows(settings, [steps] * stays)
    onset = np.arange(0, stays, 3), np.full(len(range(0, stays, 3)), 15 * HOUR)
    site = np.where(np.arange(stays) < 8, "A", "B")
    train = rows.bed < 24
    return rows, onset, site, sequences(settings, rows, site, onset, train)


def _batch(data, stays=32):
    return batch_of(data, data.start[:stays], data.length[:stays])


def test_further_horizons_are_labelled_as_their_own_label_would_be():
    """Each column is ``label_rows`` under that horizon, costs balance its own classes, and unusable rows cost nothing."""
    settings = _settings(horizons=HORIZONS)
    settings = dataclasses.replace(settings, label=dataclasses.replace(settings.label, after_onset="excluded"))
    rows, onset, _, data = _study(settings)
    assert data.further.shape == data.further_weight.shape == (len(rows), 2)
    for k, horizon in enumerate(HORIZONS):
        label, usable = label_rows(dataclasses.replace(settings.label, horizon=horizon), rows.time, rows.bed, *onset)
        np.testing.assert_array_equal(data.further[:, k], label)
        share = label[usable & (rows.bed < 24)].mean()
        cost = np.where(usable, np.where(label > 0, np.sqrt((1 - share) / share), 1), 0)
        np.testing.assert_allclose(data.further_weight[:, k], cost, rtol=1e-6)
    assert 0 < data.further[:, 0].sum() < data.target.sum() < data.further[:, 1].sum()


def test_without_tasks_there_is_one_term_and_no_parameter():
    """A training without tasks is the training of before."""
    settings = _settings(horizons=HORIZONS, horizons_weight=0.0)
    _, _, _, data = _study(settings)
    tasks, batch = Tasks(settings), _batch(data)
    assert not list(tasks.parameters())
    assert len(tasks.terms(small_network(settings), batch, batch)) == 1


def test_terms_are_weighted_as_the_settings_say():
    """The horizons share their weight; the next row's two parts have theirs each; the objective stands first."""
    settings = _settings(horizons=HORIZONS, horizons_weight=0.5, next_row_weight=0.2)
    _, _, _, data = _study(settings)
    tasks, batch, network = Tasks(settings), _batch(data), small_network(settings)
    terms = tasks.terms(network, batch, batch)
    assert [term.factor for term in terms] == [1.0, 0.25, 0.25, 0.2, 0.2]
    assert torch.equal(terms[0].total, Tasks(_settings()).terms(network, batch, batch)[0].total)
    sum(term.factor * term.total / term.weight for term in terms).backward()
    assert all(parameter.grad is not None for parameter in (*tasks.parameters(), *network.parameters()))


def test_what_is_foretold_is_the_scaled_measurement_of_the_next_row():
    """A head that knows the next row has no error, one row further or earlier has; lengths and NaN are respected."""
    settings = _settings(next_row_weight=1.0)
    rows = random_rows(settings, [20, 9, 1])
    nothing = np.zeros(len(rows), np.float32)
    data = Sequences.of(rows, 3, nothing, nothing)
    clean, network = batch_of(data, data.start[:-1], data.length), small_network(settings)
    encoder = network.encoder
    scaled = (torch.clamp(clean.value, encoder.low, encoder.high) - encoder.mean) / encoder.std
    fresh = (clean.age < 1) & ~clean.value.isnan() & (encoder.seen > 0)
    known = torch.where(fresh, scaled, torch.zeros_like(scaled))[..., :4]
    certain = torch.where(fresh[..., :4], 50.0, -50.0)
    errors = {}
    for shift in (-2, -1, 0):
        made = torch.cat([known.roll(shift, 1), certain.roll(shift, 1)], -1)
        value, there = next_row_terms(network, made, clean, 1.0, 1.0)
        errors[shift] = (float(value.total), float(there.total))
    assert errors[-1] == pytest.approx((0, 0), abs=1e-6)
    assert min(*errors[0], *errors[-2]) > 1
    inside = sum(length - 1 for length in (20, 9, 1))
    assert float(there.weight) == 3 * inside  # etco2 was never seen, so it is not foretold
    assert float(value.weight) == float(fresh[..., :4][:, 1:].sum())


def test_tasks_are_learnt_and_are_not_in_the_file():
    """Another network comes out, of the same size and under the same contract."""
    files, networks = {}, {}
    for name, more in {"plain": {}, "horizons": {"horizons": HORIZONS}, "next": {"next_row_weight": 1.0}}.items():
        settings = _settings(**more)
        rows, _, _, data = _study(settings)
        networks[name], history = fit(settings, fit_scale(rows, 1.0), data, PARTS)
        assert np.isfinite([epoch.train_loss for epoch in history]).all()
        files[name] = len(export(networks[name], _settings(), {}))
    assert len(set(files.values())) == 1
    for name in ("horizons", "next"):
        assert not torch.equal(networks["plain"].head[1].weight, networks[name].head[1].weight)


def test_sites_come_to_weigh_the_same_and_the_whole_keeps_its_weight():
    """Counted on the training part; half a balance goes half the way; a site unknown there keeps its weight."""
    rng = np.random.default_rng(0)
    site = np.repeat(["A", "B", "C", "D"], [600, 300, 90, 10])
    weight, train = rng.random(1000).astype(np.float32), site != "D"
    shares = {}
    for balance in (0.0, 0.5, 1.0):
        factor = site_factors(site, weight, train, balance)
        assert (factor[~train] == 1).all()
        heavy = (weight * factor)[train]
        assert heavy.sum() == pytest.approx(weight[train].sum(), rel=1e-5)
        shares[balance] = np.array([heavy[site[train] == name].sum() for name in "ABC"]) / heavy.sum()
    np.testing.assert_allclose(shares[1.0], 1 / 3, rtol=1e-5)
    np.testing.assert_allclose(shares[0.5], (shares[0.0] + 1 / 3) / 2, rtol=1e-5)
    assert shares[0.0][0] > 0.5


def test_balanced_sites_reach_the_weights_of_every_task():
    """Site A has a quarter of the stays; balanced, it has half of the weight."""
    settings = _settings(site_balance=1.0, horizons=HORIZONS)
    rows, _, site, data = _study(settings)
    train, first = rows.bed < 24, site[rows.bed] == "A"
    for weight in (data.weight, *data.further_weight.T):
        assert weight[train & first].sum() == pytest.approx(weight[train & ~first].sum(), rel=1e-5)
    _, _, _, plain = _study(_settings())
    assert plain.weight[train & first].sum() < 0.7 * plain.weight[train & ~first].sum()
