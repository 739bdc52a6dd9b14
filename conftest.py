"""The names that examples in the docstrings of the flows use: a small ward, a model of it, and a folder to write in."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

_WITH_A_WARD = tuple(
    f"vitals.flows.{page}."
    for page in (
        "elsewhere",
        "evaluation",
        "guarding",
        "operating",
        "reporting",
        "scores",
        "searching",
        "training",
        "tuning",
    )
)


@pytest.fixture(scope="session")
def ward_names(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Made once, and only when an example asks for it."""
    from tests.examples import example_names  # noqa: PLC0415 - it imports everything, and most tests do without

    return example_names(tmp_path_factory.mktemp("examples"))


@pytest.fixture(autouse=True)
def _names_of_examples(request: pytest.FixtureRequest) -> Iterator[None]:
    """Give an example the names it uses, and take them away again, so that no other example sees them."""
    wants = (*_WITH_A_WARD, "vitals.scoring.model.Model.score")
    if not isinstance(request.node, pytest.DoctestItem) or not request.node.name.startswith(wants):
        yield
        return
    names: dict[str, Any] = request.getfixturevalue("ward_names")
    known: dict[str, Any] = request.getfixturevalue("doctest_namespace")
    known.update(names)
    yield
    for name in names:
        del known[name]
