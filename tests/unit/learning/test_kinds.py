"""Each kind of memory does what its oracle says, row for row, and what is almost it is caught."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.naive_networks import naive_attention, naive_convolutions, naive_decay, weights_of
from tests.small import random_rows, small_network, small_settings
from vitals.errors import SettingsError
from vitals.learning import attention
from vitals.learning.attention import Attention
from vitals.learning.convolution import Convolutions, _Causal
from vitals.learning.decay import Decaying
from vitals.learning.network import Network
from vitals.spec.settings import Settings

STEPS = 20  # beyond the reach of every kind that has one


def _restless(memory):
    """Weights as after some training: the decays and distances far from where they begin."""
    generator = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for name, weight in memory.named_parameters():
            if name.startswith(("value_", "state_decay")) or name.endswith("distance"):
                weight += torch.randn(weight.shape, generator=generator)
    return memory


def _given(kind, layers=1):
    """A memory, and the features of one bed for it, ``(1, T, F)``."""
    settings = small_settings(kind, "stay", layers)
    network = small_network(settings)
    rows = random_rows(settings, [STEPS])
    with torch.no_grad():
        features = network.encoder(torch.from_numpy(rows.value)[None], torch.from_numpy(rows.age)[None])
    return _restless(network.memory), features


def _check(memory, features, wanted):
    """Whole and row by row."""
    with torch.no_grad():
        whole, last = memory(features, torch.zeros(1, memory.size))
        state, rows = torch.zeros(1, memory.size), []
        for t in range(STEPS):
            row, state = memory(features[:, t : t + 1], state)
            rows.append(row)
    np.testing.assert_allclose(whole[0].double().numpy(), wanted, atol=2e-5)
    np.testing.assert_allclose(torch.cat(rows, 1)[0].double().numpy(), wanted, atol=2e-5)
    torch.testing.assert_close(state, last, atol=2e-5, rtol=0)


def _decay(memory, features):
    return naive_decay(weights_of(memory), features[0].double().numpy(), memory.channels, memory.signals)


def _convolutions(memory, features):
    return naive_convolutions(weights_of(memory), features[0].double().numpy(), len(memory.norms))


def _attention(memory, features):
    return naive_attention(weights_of(memory), features[0].double().numpy(), memory.heads, memory.before + 1)


KINDS = [("grud", 1, _decay), ("tcn", 1, _convolutions), ("transformer", 1, _attention), ("transformer", 2, _attention)]


@pytest.mark.parametrize(("kind", "layers", "oracle"), KINDS)
def test_a_memory_is_what_its_oracle_says(kind, layers, oracle):
    memory, features = _given(kind, layers)
    _check(memory, features, oracle(memory, features))


def _must_be_caught(kind, oracle):
    memory, features = _given(kind)
    wanted = oracle(memory, features)
    with pytest.raises(AssertionError, match="Not equal"):
        _check(memory, features, wanted)


def test_a_convolution_that_looks_ahead_is_caught(monkeypatch):
    """Padding on both sides, as convolutions do by themselves: one row of the future."""

    def centred(self, rows, buffer):
        steps = rows.shape[1]
        known = torch.cat([buffer[:, self.dilation :], rows, torch.zeros_like(rows[:, : self.dilation])], 1)
        padded = torch.nn.functional.pad(known, (0, 0, 0, 2 * self.dilation))
        taps = [padded[:, tap * self.dilation : tap * self.dilation + steps] for tap in range(3)]
        return self.mix(torch.cat(taps, -1)), torch.cat([buffer, rows], 1)[:, steps:]

    monkeypatch.setattr(_Causal, "forward", centred)
    _must_be_caught("tcn", _convolutions)


def test_a_convolution_that_forgets_its_buffer_is_caught(monkeypatch):
    whole = _Causal.forward
    monkeypatch.setattr(_Causal, "forward", lambda self, rows, buffer: whole(self, rows, torch.zeros_like(buffer)))
    _must_be_caught("tcn", _convolutions)


def test_a_gru_d_without_decay_is_caught(monkeypatch):
    monkeypatch.setattr("vitals.learning.decay._factor", torch.ones_like)
    _must_be_caught("grud", _decay)


def test_a_gru_d_whose_unknown_signals_are_fresh_is_caught(monkeypatch):
    """Age 0 for a signal of which nothing is known, as its features would have it."""
    parts = Decaying.embed.__globals__["_parts"]

    def fresh(features, channels, signals):
        scaled, known, *others = parts(features, channels, signals)
        return scaled, torch.ones_like(known), *others

    monkeypatch.setattr("vitals.learning.decay._parts", fresh)
    _must_be_caught("grud", _decay)


def test_attention_to_rows_before_the_stay_is_caught(monkeypatch):
    """Empty rows of the cache would take a share of the attention."""
    monkeypatch.setattr(attention, "_NEVER", 0.0)
    _must_be_caught("transformer", _attention)


def test_attention_row_by_row_is_attention_at_once():
    """What the file computes and what training computes."""
    torch.manual_seed(0)
    heads, reach, steps = 3, 6, 8
    query, key, value = (torch.randn(2, heads, n, 4) for n in (steps, steps + reach - 1, steps + reach - 1))
    distance, real = torch.randn(heads, reach), torch.zeros(2, steps, reach)
    real[0, 0, :5], real[1, 0, :3], real[1, 1, :2] = attention._NEVER, attention._NEVER, attention._NEVER
    one = attention._row_by_row(query, key, value, distance, real)
    torch.testing.assert_close(attention._at_once(query, key, value, distance, real), one, atol=1e-6, rtol=0)
    assert not torch.allclose(attention._at_once(query, key, value, distance.flip(1), real), one, atol=1e-2)


@pytest.mark.parametrize("kind", ["gru", "lstm", "grud", "tcn", "transformer"])
def test_a_new_network_can_learn_with_every_weight(kind):
    """No weight is cut off from the first."""
    settings = small_settings(kind)
    network = small_network(settings)
    rows = random_rows(settings, [STEPS] * 4)
    value, age = (torch.from_numpy(part).reshape(4, STEPS, -1) for part in (rows.value, rows.age))
    logit, _ = network(value, age, torch.zeros(4, network.hidden_size))
    logit.square().sum().backward()
    assert [name for name, weight in network.named_parameters() if not weight.grad.abs().sum() > 0] == []


@pytest.mark.parametrize(("kind", "layers", "sight"), [("tcn", 1, 13), ("transformer", 1, 6), ("transformer", 2, 11)])
def test_a_bounded_reach_forgets(kind, layers, sight):
    """What lies farther back than the layers reach together has no influence; what lies just within it has."""
    memory, features = _given(kind, layers)
    changed = features.clone()
    changed[:, 0] = 3.0
    with torch.no_grad():
        one, _ = memory(features, torch.zeros(1, memory.size))
        other, _ = memory(changed, torch.zeros(1, memory.size))
    moved = (one != other).any(-1)[0].tolist()
    assert moved[sight - 1]
    assert not any(moved[sight:])


def _settings(**tables):
    whole = small_settings().to_tables()
    return Settings.from_tables(whole | {name: whole[name] | more for name, more in tables.items()})


@pytest.mark.parametrize(("hours", "blocks", "reach"), [(2, 1, 5), (5, 1, 5), (6, 2, 13), (13, 2, 13), (48, 4, 61)])
def test_convolutions_reach_at_least_as_far_as_they_must(hours, blocks, reach):
    memory = Network(_settings(network={"kind": "tcn", "reach": f"{hours}h"})).memory
    assert isinstance(memory, Convolutions)
    assert (len(memory.norms), memory.reach) == (blocks, reach)
    assert memory.size == sum(2 * 2 * 2**block * 12 for block in range(blocks))


@pytest.mark.parametrize(("step", "rows"), [("1h", 6), ("4h", 2), ("25min", 15)])
def test_a_reach_is_whole_steps(step, rows):
    """At least one: a part of a step counts as one."""
    memory = Network(_settings(network={"kind": "transformer"}, window={"step": step})).memory
    assert isinstance(memory, Attention)
    assert memory.size == 2 * (rows - 1) * 12 + 1


@pytest.mark.parametrize("kind", ["tcn", "transformer"])
def test_what_such_a_kind_cannot_have_is_refused(kind):
    with pytest.raises(SettingsError, match=r'lookback: came 4h; wanted "stay" .*\[network\] reach = "4h"'):
        Network(_settings(network={"kind": kind}, window={"lookback": "4h"}))
    for reach, steps in (("1h", 1), ("60d", 1440)):
        with pytest.raises(SettingsError, match=rf"reach: came \w+, {steps} steps of 1h; wanted 2 to 1024 steps"):
            Network(_settings(network={"kind": kind, "reach": reach}))
