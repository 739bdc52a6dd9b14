"""Augmentation: what it does, that it does nothing at 0, and what it may never do."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from tests.small import random_rows, small_settings
from vitals.learning.augment import Augmentation, chart_late, lose_signals, misread, start_later
from vitals.learning.batches import Sequences, batch_of
from vitals.learning.encoder import fit_scale
from vitals.spec.learning import Training

SIGNALS = 4  # of small_settings; a demographic channel follows
CASES = {"channel_dropout": 0.5, "noise": 0.3, "time_shift": 0.5}
STAY = float("inf")


def _settings(**training):
    return dataclasses.replace(small_settings(), training=Training(**{"channel_dropout": 0.0, **training}))


def _batch(lengths=(12, 7, 3), seed=0):
    settings = small_settings()
    rows = random_rows(settings, list(lengths), seed)
    nothing = np.zeros(len(rows), np.float32)
    data = Sequences.of(rows, len(lengths), nothing, nothing)
    return rows, batch_of(data, data.start[:-1], data.length)


def _augmented(batch, rows, seed=1, **training):
    return Augmentation.of(_settings(**training), fit_scale(rows, 1.0))(batch, np.random.default_rng(seed))


def _charted(*hours_of_measurement, rows=8, value=80.0, max_age=STAY):
    """One stay of four signals and age; heart rate was measured in these rows and is carried forward."""
    values, ages = np.full((rows, 5), np.nan, np.float32), np.full((rows, 5), np.nan, np.float32)
    last = None
    for t in range(rows):
        last = t if t in hours_of_measurement else last
        if last is not None and t - last + 0.5 <= max_age:
            values[t, 0], ages[t, 0] = value + last, t - last + 0.5
    values[:, 4], ages[:, 4] = 60, np.arange(1, rows + 1)
    nothing = np.zeros(rows, np.float32)
    data = Sequences(values, ages, np.array([0, rows]), nothing, nothing)
    return batch_of(data, data.start[:-1], data.length)


def test_at_zero_nothing_is_touched_or_drawn():
    """Defaults leave the batch and the generator as they were, so an older training is repeated bit for bit."""
    rows, batch = _batch()
    rng = np.random.default_rng(1)
    assert Augmentation.of(_settings(), fit_scale(rows, 1.0))(batch, rng) is batch
    start, length = np.array([0, 4]), np.array([4, 9])
    assert start_later(start, length, 0.0, rng)[0] is start
    assert rng.random() == np.random.default_rng(1).random()


@pytest.mark.parametrize("name", CASES)
def test_each_changes_signals_and_never_demographics_or_labels(name):
    """Everything at once and each alone; what is unknown is never made known by an error."""
    rows, batch = _batch((40,) * 5)
    for chosen in ({name: CASES[name]}, CASES):
        seen = _augmented(batch, rows, **chosen)
        assert not torch.equal(seen.value[..., :SIGNALS].nan_to_num(-1), batch.value[..., :SIGNALS].nan_to_num(-1))
        for column in ("value", "age"):
            before, after = getattr(batch, column), getattr(seen, column)
            assert torch.equal(after[..., SIGNALS:].nan_to_num(-1), before[..., SIGNALS:].nan_to_num(-1))
        assert torch.equal(seen.value.isnan(), seen.age.isnan())
        assert seen.target is batch.target
        assert seen.weight is batch.weight


@pytest.mark.parametrize("name", CASES)
def test_a_row_never_depends_on_later_rows(name):
    """The same draws on a batch with another future give the same past: the causality law of training."""
    rows, batch = _batch((40,) * 5)
    for now in (0, 1, 17, 38):
        value, age = batch.value.clone(), batch.age.clone()
        value[:, now + 1 :], age[:, now + 1 :] = 1.0, 0.0
        future = dataclasses.replace(batch, value=value, age=age)
        one, other = (_augmented(these, rows, seed=now, **{name: CASES[name]}) for these in (batch, future))
        for column in ("value", "age"):
            past, same = getattr(one, column)[:, : now + 1], getattr(other, column)[:, : now + 1]
            assert torch.equal(past.nan_to_num(-1), same.nan_to_num(-1)), now


def test_an_error_is_kept_while_its_value_is_carried_forward():
    """Measured in rows 1 and 4: two errors, the first lasting three rows, the second to the end."""
    batch = _charted(1, 4)
    seen = misread(batch, np.array([2, 2, 2, 2], np.float32), 1.0, np.random.default_rng(0))
    error = (seen.value - batch.value)[0, :, 0].numpy()
    assert np.isnan(error[0])
    np.testing.assert_allclose(error[1:4], error[1], atol=1e-4)
    np.testing.assert_allclose(error[4:], error[4], atol=1e-4)
    assert abs(error[1] - error[4]) > 1e-3
    assert torch.equal(seen.age.nan_to_num(-1), batch.age.nan_to_num(-1))


def test_an_error_has_the_size_that_was_asked_for():
    """Of each signal its own spread; a signal that training never saw has none."""
    rows, batch = _batch((200,) * 20)
    scale = fit_scale(rows, 1.0)
    scale = dataclasses.replace(scale, seen=np.array([1, 1, 1, 0, 1], np.float32))
    settings = _settings(noise=0.25)
    seen = Augmentation.of(settings, scale)(batch, np.random.default_rng(2))
    fresh = batch.age < 1
    for signal, spread in enumerate([*scale.std[:3], 0.0]):
        error = (seen.value - batch.value)[..., signal][fresh[..., signal]].numpy()
        assert error.std() == pytest.approx(0.25 * spread, rel=0.1, abs=1e-9)
        assert abs(error.mean()) <= 0.05 * spread


def test_a_late_signal_shows_what_the_row_before_knew():
    """Every value comes an hour later, as fresh as it was, and the first row knows nothing."""
    batch = _charted(0, 3, max_age=3)
    seen = chart_late(batch, 1.0, SIGNALS, np.random.default_rng(0))
    assert torch.isnan(seen.value[0, 0, :SIGNALS]).all()
    np.testing.assert_array_equal(seen.value[0, 1:, 0], batch.value[0, :-1, 0])
    np.testing.assert_array_equal(seen.age[0, 1:, 0], batch.age[0, :-1, 0])
    np.testing.assert_array_equal(seen.value[0, :, SIGNALS:], batch.value[0, :, SIGNALS:])


def test_a_signal_is_lost_or_late_for_a_whole_stay_with_the_chance_that_was_asked_for():
    """Of 500 stays and four signals a third is lost; a stay that loses one keeps no value of it."""
    known = np.zeros((500 * 3, 5), np.float32)
    data = Sequences(known, known, np.arange(0, 1501, 3), known[:, 0], known[:, 0])
    batch = batch_of(data, data.start[:-1], data.length)
    gone = lose_signals(batch, 0.3, SIGNALS, np.random.default_rng(3)).value.isnan()
    assert torch.equal(gone.any(1), gone.all(1))
    assert gone[:, 0, :SIGNALS].float().mean().item() == pytest.approx(0.3, abs=0.03)
    late = chart_late(batch, 0.3, SIGNALS, np.random.default_rng(3)).value.isnan()
    assert late[:, 0, :SIGNALS].float().mean().item() == pytest.approx(0.3, abs=0.03)
    assert not late[:, 1:].any()


def test_late_starts_leave_the_end_of_a_stay_and_at_least_one_row():
    """Half of the stretches begin later, anywhere in the stay; all end where they ended."""
    length = np.random.default_rng(0).integers(1, 50, 4000)
    start = np.cumsum(length) - length
    begin, left = start_later(start, length, 0.5, np.random.default_rng(1))
    np.testing.assert_array_equal(begin + left, start + length)
    assert (left >= 1).all()
    moved = (begin > start)[length > 30]
    assert moved.mean() == pytest.approx(0.5 * 39 / 40, abs=0.04)
    skipped = ((begin - start) / length)[length > 30][moved]
    assert skipped.mean() == pytest.approx(0.5, abs=0.03)
