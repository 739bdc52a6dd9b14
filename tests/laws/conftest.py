"""What the laws share: another process, for those that must hold across a restart, and small models."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

if TYPE_CHECKING:
    from tests.laws.scoring import Trial


@pytest.fixture(scope="session")
def other_process() -> Iterator[ProcessPoolExecutor]:
    """A process that was started from scratch and shares nothing with this one."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as executor:
        yield executor


TRIALS = [
    "gru", "lstm", "grud", "tcn", "transformer 2 layers", "gru 2 layers", "gru 3h", "lstm 3h", "grud 3h", "gru 2 members", "boosting",
    "gru boosting beside",
]  # fmt: skip


@pytest.fixture(scope="session", params=TRIALS)
def trial(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Trial:
    """A small model of each kind with random weights, exported into a folder and opened from there."""
    from tests.laws.scoring import Trial
    from tests.small import random_rows, small_network, small_settings
    from vitals.learning.export import export
    from vitals.scoring.model import open_model
    from vitals.scoring.ward_step import score_rows
    from vitals.spec.policy import AlertPolicy

    kind, _, more = request.param.partition(" ")
    bounds = {"grace": "30min", "warm_up": "1h", "min_observed": 1}
    layers, members = (2 if more == f"2 {what}" else 1 for what in ("layers", "members"))
    settings = small_settings(kind, more if more == "3h" else "stay", layers, members, **bounds)
    if more.endswith("beside"):
        settings = replace(settings, network=replace(settings.network, beside=(more.split()[0],)))
    network = small_network(settings)
    folder = tmp_path_factory.mktemp(request.param.replace(" ", "-"))
    (folder / "model.onnx").write_bytes(export(network, settings, {}))
    model = open_model(folder)
    rows = random_rows(settings, [20] * 10)
    usual = float(np.median(score_rows(model, model.initial_hidden(10), rows)))
    return Trial(
        settings, network, folder, model, AlertPolicy(usual, usual * 0.99, persistence=(2, 3), rearm="below_clear")
    )
