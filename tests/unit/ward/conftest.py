"""One small model for all tests of the ward."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.live import model_folder, settings_of
from vitals.scoring.model import Model, open_model


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    """Random weights, hourly steps, 10 minutes of grace."""
    folder: Path = tmp_path_factory.mktemp("model")
    return open_model(model_folder(folder, settings_of(grace="10min", max_gap="30d")))
