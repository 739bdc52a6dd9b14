"""What the examples in the docstrings of the flows run on: a small simulated ward and a model of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

_WITH_A_WARD = ("vitals.flows.", "vitals.scoring.model.Model.score")
_BUDGET = "60/100pd"


@pytest.fixture(scope="session")
def example_names(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """``ward`` and ``model`` (folders), ``settings``, ``samples`` (a data frame) and ``home`` (a folder to write in)."""
    import pandas as pd

    from vitals.cohort.store import open_cohort
    from vitals.flows.simulation import simulate_cohort
    from vitals.flows.training import train
    from vitals.flows.tuning import tune_model

    home = tmp_path_factory.mktemp("examples")
    ward, model, settings = home / "ward", home / "model", _settings()
    simulate_cohort(ward, beds=90, hours=24, seed=5)
    train(settings, [ward], model)
    tune_model(model, ward, _BUDGET)
    cohort = open_cohort(ward)
    stay_id = cohort.stays["stay_id"].astype(str).to_numpy()
    frames = [
        pd.DataFrame(
            {
                "stay_id": stay_id[part.stay],
                "time": part.time,
                "signal": [part.names[i] for i in part.signal],
                "value": part.value,
            }
        )
        for part in cohort.samples(0, 3)
    ]
    return {"home": home, "ward": ward, "model": model, "settings": settings, "samples": pd.concat(frames)}


@pytest.fixture(autouse=True)
def _example(request: pytest.FixtureRequest) -> Iterator[None]:
    """Give an example the names it uses, and take them away again, so that no other example sees them."""
    if not (isinstance(request.node, pytest.DoctestItem) and request.node.name.startswith(_WITH_A_WARD)):
        yield
        return
    known: dict[str, Any] = request.getfixturevalue("doctest_namespace")
    names: dict[str, Any] = request.getfixturevalue("example_names")
    known.update(names)
    yield
    for name in names:
        del known[name]


def _settings() -> Any:
    """The shipped ward settings, coarser and smaller, with parts large enough for a small ward."""
    from vitals.spec.settings import Settings

    settings = Settings.from_toml(Path(__file__).parent / "settings" / "ward.toml")
    tables = settings.to_tables()
    tables["window"]["step"] = "10min"
    tables["network"] |= {"embed": 16, "hidden": 16, "head": 8}
    tables["training"] |= {"epochs": 2, "batch_stays": 16}
    tables["split"] = {"seed": 2, "train": 0.4, "validation": 0.2, "tuning": 0.2, "held_out": 0.2}
    return Settings.from_tables(tables)
