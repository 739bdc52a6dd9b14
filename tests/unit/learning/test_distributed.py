"""Shares of a batch: together they are the batch, in losses and in gradients. (Two real processes: tests/e2e.)"""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from tests.small import random_rows, small_network, small_settings
from vitals.learning import distributed
from vitals.learning.batches import Sequences, batch_of
from vitals.learning.course import Lessons
from vitals.learning.distributed import part_of
from vitals.learning.encoder import fit_scale
from vitals.learning.fit import validation_loss
from vitals.learning.tasks import Tasks
from vitals.spec.duration import Duration
from vitals.spec.learning import Training

PLAIN = {"dropout_input": 0.0, "dropout_head": 0.0, "channel_dropout": 0.0, "batch_stays": 7}
SETTINGS = dataclasses.replace(
    small_settings(), training=Training(**PLAIN, next_row_weight=0.5, horizons=(Duration.parse("2h"),), noise=0.2)
)


def _data():
    rng = np.random.default_rng(1)
    rows = random_rows(SETTINGS, [30, 3, 17, 9, 30, 1, 12, 5, 26])
    label, further = (rng.random((len(rows), n)).round().astype(np.float32) for n in (1, 1))
    weight, dear = (rng.random((len(rows), n), np.float32) for n in (1, 1))
    data = Sequences.of(rows, 9, label[:, 0], weight[:, 0])
    return rows, dataclasses.replace(data, further=further, further_weight=dear)


def _terms_and_gradient(batches, parameters, network, tasks, weights=None):
    """Totals and weights of some batches added up, and the gradient of their loss."""
    terms = [tasks.terms(network, batch, batch) for batch in batches]
    sums = [[float(part.detach()) for part in column] for column in ((t.weight for t in one) for one in terms)]
    weights = weights or [sum(column) for column in zip(*sums, strict=True)]
    gradient = 0
    for one in terms:
        loss = sum(term.factor * term.total / weight for term, weight in zip(one, weights, strict=True))
        gradient = gradient + torch.cat([g.flatten() for g in torch.autograd.grad(loss, parameters)])
    return np.array([[float(t.total.detach()) for t in one] for one in terms]).sum(0), weights, gradient


@pytest.mark.parametrize("parts", [2, 3, 9, 12])
def test_shares_add_up_to_the_batch(parts):
    """Sums, weights and gradients of all shares are those of the batch; no stretch is in two shares or in none."""
    _, data = _data()
    whole = batch_of(data, data.start[:-1], data.length)
    torch.manual_seed(1)
    network, tasks = small_network(SETTINGS), Tasks(SETTINGS)
    parameters = [*network.parameters(), *tasks.parameters()]
    shares = [part_of(whole, number, parts) for number in range(parts)]
    full = [share for share in shares if float(share.weight.sum()) > 0]
    assert sorted(np.concatenate([share.order for share in full]).tolist()) == list(range(9))
    expected = _terms_and_gradient([whole], parameters, network, tasks)
    found = _terms_and_gradient(shares, parameters, network, tasks)
    np.testing.assert_allclose(found[0], expected[0], rtol=1e-5)
    np.testing.assert_allclose(found[1], expected[1], rtol=1e-5)
    torch.testing.assert_close(found[2], expected[2], rtol=1e-4, atol=1e-7)


def test_shares_are_about_as_long():
    """The longest stretches go to different processes."""
    _, data = _data()
    whole = batch_of(data, data.start[:-1], data.length)
    rows = [int(part_of(whole, number, 2).length.sum()) for number in (0, 1)]
    assert abs(rows[0] - rows[1]) <= whole.length[0]


def test_every_process_draws_the_same_lessons(monkeypatch):
    """Put together again, what two processes see is what one sees, errors and all."""
    rows, data = _data()

    def lessons(number, processes):
        monkeypatch.setenv("WORLD_SIZE", str(processes))
        monkeypatch.setenv("RANK", str(number))
        made = Lessons(SETTINGS, fit_scale(rows, 1.0), data, np.arange(9), np.random.default_rng(3))
        return [seen for _ in range(2) for seen, _ in made.epoch()]

    alone, first, second = lessons(0, 1), lessons(0, 2), lessons(1, 2)
    assert len(alone) == len(first) == len(second) == 4
    for one, *halves in zip(alone, first, second, strict=True):
        for number, half in enumerate(halves):
            expected = part_of(one, number, 2)
            assert torch.equal(half.value.nan_to_num(-1), expected.value.nan_to_num(-1))


def test_one_process_alone_needs_no_other():
    """Without torchrun nothing is initialised, divided or added."""
    _, data = _data()
    distributed.join()
    assert not torch.distributed.is_initialized()
    batch = batch_of(data, data.start[:-1], data.length)
    assert distributed.share(batch) is batch
    values = torch.ones(2)
    assert distributed.total(values) is values
    assert np.isfinite(validation_loss(small_network(SETTINGS), data, np.arange(9)))
