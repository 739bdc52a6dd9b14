"""An ensemble is one network to all who use it: the mean of its members, state side by side."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.small import random_rows, small_network, small_settings
from vitals.flows.parity import measure_parity, require_parity
from vitals.learning.batches import Sequences
from vitals.learning.ensemble import Ensemble
from vitals.learning.export import export
from vitals.scoring.model import read_model

MIXED = [("gru", "lstm"), ("lstm", "grud", "gru"), ("gru", "gru", "tcn", "transformer"), ("gru", "boosting")]


def _members(kinds, lookback="stay"):
    return [small_network(small_settings(kind, lookback), seed) for seed, kind in enumerate(kinds)]


def _rows(lengths):
    rows = random_rows(small_settings(), lengths)
    return rows, Sequences.of(rows, len(lengths), np.ones(len(rows), np.float32), np.ones(len(rows), np.float32))


@pytest.mark.parametrize("kinds", MIXED)
def test_the_logit_is_the_mean_and_the_states_lie_side_by_side(kinds):
    members = _members(kinds)
    ensemble = Ensemble(members).eval()
    rows, _ = _rows([9, 9])
    value, age = (torch.from_numpy(part).reshape(2, 9, -1) for part in (rows.value, rows.age))
    with torch.no_grad():
        hidden = torch.randn(2, ensemble.hidden_size)
        logit, after = ensemble(value, age, hidden)
        at = 0
        wanted = []
        for member in members:
            one, state = member(value, age, hidden[:, at : at + member.hidden_size])
            torch.testing.assert_close(after[:, at : at + member.hidden_size], state, atol=0, rtol=0)
            wanted.append(one.double())
            at += member.hidden_size
    assert at == ensemble.hidden_size == after.shape[1]
    torch.testing.assert_close(logit.double(), torch.stack(wanted).mean(0), atol=1e-6, rtol=0)
    assert not torch.allclose(logit.double(), wanted[0], atol=1e-3)


@pytest.mark.parametrize("lookback", ["stay", "4h"])
@pytest.mark.parametrize("kinds", MIXED)
def test_one_file_says_what_all_members_say(kinds, lookback):
    """A state taken from a split tensor was once exported as zeros; the gate sees such things."""
    kinds = [kind for kind in kinds if lookback == "stay" or kind in ("gru", "lstm", "grud")]
    ensemble = Ensemble(_members(kinds, lookback)).eval()
    model = read_model(export(ensemble, small_settings(kinds[0], lookback), {}))
    _, data = _rows([7, 1, 12, 3])
    measured = measure_parity(ensemble, model, data, np.arange(4))
    require_parity(measured, "model.onnx")
    assert model.hidden_size == ensemble.hidden_size
    assert measured.rows == 23


def test_a_forgotten_member_is_caught():
    """The file of all but one of them is another model."""
    members = _members(("gru", "gru", "gru"))
    ensemble = Ensemble(members).eval()
    model = read_model(export(Ensemble([*members[:2], members[0]]).eval(), small_settings(), {}))
    _, data = _rows([7, 1, 12, 3])
    assert not measure_parity(ensemble, model, data, np.arange(4)).holds


def test_an_ensemble_has_its_own_calibration():
    """The members' own is not used."""
    ensemble = Ensemble(_members(("gru", "gru"))).eval()
    logit = torch.tensor([-2.0, 0.0, 3.0])
    torch.testing.assert_close(ensemble.risk(logit), torch.sigmoid(logit))
    ensemble.slope.fill_(2.0)
    torch.testing.assert_close(ensemble.risk(logit), torch.sigmoid(2 * logit))
    assert ensemble.encoder is ensemble.members[0].encoder
