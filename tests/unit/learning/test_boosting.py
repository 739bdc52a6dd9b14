"""Trees on window summaries: plain loops, scikit-learn and ONNX Runtime say the same."""

from __future__ import annotations

import io
import warnings
from dataclasses import replace

import numpy as np
import onnxruntime
import pytest
import torch
from sklearn.ensemble import HistGradientBoostingClassifier

from tests.small import random_rows, small_member, small_settings
from vitals.flows.training import members_of, shares_of
from vitals.learning import trees as trees_module
from vitals.learning.batches import Sequences
from vitals.learning.boosting import grow, summaries
from vitals.learning.encoder import Scale
from vitals.learning.trees import TREES, Trees
from vitals.learning.window import Window

FAR = -1000.0


def _naive(features, channels, vital):
    """One stay, ``(T, F)``, in plain loops over the rows before each."""
    signals, out = len(vital), []
    vitals = [s for s in range(signals) if vital[s]]
    for t in range(len(features)):

        def over(width, pick, which, t=t):
            found = []
            for s in which:
                known = [features[i][s] for i in range(max(0, t - width + 1), t + 1) if features[i][channels + s]]
                found.append(pick(known) if known else FAR)
            return found

        parts = [[features[t][c] if features[t][channels + c] else FAR for c in range(channels)]]
        parts += [features[t][2 * channels + 2 * signals :]]
        parts += [over(24, min, range(signals)), over(24, max, range(signals))]
        measured = [[features[i][2 * channels + s] for i in range(max(0, t - 11), t + 1)] for s in range(signals)]
        shares = [sum(column) / 12 for column in measured]
        parts += [shares, [sum(shares) / signals]]
        parts += [over(6, min, vitals), over(6, max, vitals), over(24, np.mean, vitals), over(6, np.mean, vitals)]
        for back in (1, 6, 12):
            column = []
            for s in vitals:
                both = t >= back and features[t][channels + s] and features[t - back][channels + s]
                column.append(features[t][s] - features[t - back][s] if both else FAR)
            parts.append(column)
        out.append(np.concatenate(parts))
    return np.array(out)


VITAL = [True, False, True, True]  # one lab among them: the naive loops and the network are told the same


def _features(lengths, seed=0):
    settings = small_settings("boosting")
    network = small_member(settings)
    network.memory = Window(len(settings.channels), VITAL)
    rows = random_rows(settings, lengths, seed)
    with torch.no_grad():
        encoded = network.encoder(torch.from_numpy(rows.value), torch.from_numpy(rows.age))
    return settings, network, encoded, rows


@pytest.mark.parametrize("cuts", [[], [1], [23, 24, 30], [5, 40]])
def test_summaries_equal_plain_loops_however_time_is_cut(cuts):
    settings, network, encoded, _ = _features([60])
    memory, state, made = network.memory, torch.zeros(1, network.hidden_size), []
    for begin, end in zip([0, *cuts], [*cuts, 60], strict=True):
        part, state = memory(encoded[None, begin:end], state)
        made.append(part[0].numpy())
    wanted = _naive(encoded.numpy().astype(np.float64), len(settings.channels), VITAL)
    assert np.allclose(np.concatenate(made), wanted, atol=1e-5)


def test_a_window_that_looked_ahead_would_show():
    settings, network, encoded, _ = _features([60])
    ahead = torch.roll(encoded, -1, 0)
    made, _ = network.memory(ahead[None], torch.zeros(1, network.hidden_size))
    wanted = _naive(encoded.numpy().astype(np.float64), len(settings.channels), VITAL)
    assert not np.allclose(made[0].numpy(), wanted, atol=1e-2)


def _grown(rows=4000, seed=0):
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(rows, 12)).astype(np.float32)
    features[:, ::2] = np.round(features[:, ::2], 1)  # many equal values: limits lie close to them
    label = features[:, 0] + features[:, 1] * features[:, 2] > 0.5
    boosting = HistGradientBoostingClassifier(max_iter=40, max_leaf_nodes=15, early_stopping=False, random_state=1)
    return features, boosting.fit(features, label)


def test_trees_say_what_scikit_learn_says():
    features, boosting = _grown()
    trees = Trees()
    trees.load(boosting)
    said = trees(torch.from_numpy(features)[None])[0, :, 0].numpy()
    assert np.allclose(said, boosting.decision_function(features), atol=1e-5)
    assert said.std() > 0.5


def test_limits_at_the_edge_of_single_precision_decide_alike():
    features, boosting = _grown()
    trees = Trees()
    trees.load(boosting)
    limits = np.unique(np.concatenate([stage[0].nodes["num_threshold"] for stage in boosting._predictors]))
    near = limits.astype(np.float32)
    edge = np.concatenate([near, np.nextafter(near, np.float32(9)), np.nextafter(near, np.float32(-9))])
    rows = np.repeat(edge[:, None], features.shape[1], 1)
    said = trees(torch.from_numpy(rows)[None])[0, :, 0].numpy()
    assert np.allclose(said, boosting.decision_function(rows), atol=1e-5)


def test_limits_rounded_to_the_nearest_would_show(monkeypatch):
    _, boosting = _grown()
    monkeypatch.setattr(trees_module, "_rounded_down", lambda limits: limits.astype(np.float32))
    trees = Trees()
    trees.load(boosting)
    limits = np.unique(np.concatenate([stage[0].nodes["num_threshold"] for stage in boosting._predictors]))
    rows = np.repeat(limits.astype(np.float32)[:, None], 12, 1)
    said = trees(torch.from_numpy(rows)[None])[0, :, 0].numpy()
    assert not np.allclose(said, boosting.decision_function(rows), atol=1e-5)


def test_onnx_runtime_reads_the_same_trees_bit_for_bit_in_any_batch():
    features, boosting = _grown()
    trees = Trees().eval()
    trees.load(boosting)
    rows = torch.from_numpy(features[:600].reshape(30, 20, -1))
    file = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            trees, (rows[:2, :3],), file, dynamo=False, opset_version=17, input_names=["x"], output_names=["y"],
            dynamic_axes={"x": {0: "n", 1: "t"}, "y": {0: "n", 1: "t"}}, custom_opsets={TREES: 3}, autograd_inlining=False,
        )  # fmt: skip
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(file.getvalue(), options)
    whole = session.run(None, {"x": rows.numpy()})[0]
    single = np.stack([session.run(None, {"x": rows.numpy()[i : i + 1]})[0][0] for i in range(30)])
    steps = np.concatenate([session.run(None, {"x": rows.numpy()[:, t : t + 1]})[0] for t in range(20)], 1)
    assert np.allclose(whole, trees(rows).numpy(), atol=1e-5)
    assert (whole == single).all()
    assert (whole == steps).all()


def test_a_boosting_learns_and_its_summaries_come_in_the_order_asked_for():
    settings, rows = small_settings("boosting"), random_rows(small_settings(), [30, 1, 45, 12, 60, 7] * 20, seed=3)
    network = small_member(settings)
    target = (np.nan_to_num(rows.value[:, 0], nan=85.0) > 92).astype(np.float32)
    data = Sequences.of(rows, 120, target, np.ones(len(target), np.float32))
    scale = Scale(*(getattr(network.encoder, name).numpy() for name in ("low", "high", "mean", "std", "seen")))
    told = []
    parts = {"train": np.arange(80), "validation": np.arange(80, 120)}
    grown, history = grow(settings, scale, data, parts, lambda *what: told.append(what))
    assert history[0].validation_loss < 0.2  # of a coin 0.69
    assert told[-1][0] == told[-1][1] == 3
    wanted = np.array([5, 200, 3, 77])
    made = summaries(grown, data, np.arange(120), wanted)
    each = np.concatenate([summaries(grown, data, np.arange(120), wanted[i : i + 1]) for i in range(4)])
    assert (made == each).all()
    assert isinstance(grown.memory, Window)
    assert made.shape == (4, grown.memory.summary_size)


def test_every_kind_weighs_the_same_in_an_ensemble():
    settings = small_settings(members=3)
    settings = replace(settings, network=replace(settings.network, beside=("boosting",)))
    members = members_of(settings)
    assert [member.network.kind for member in members] == ["gru", "gru", "gru", "boosting"]
    assert len({member.training.seed for member in members}) == 4
    assert shares_of(members) == pytest.approx([1 / 6, 1 / 6, 1 / 6, 1 / 2])
