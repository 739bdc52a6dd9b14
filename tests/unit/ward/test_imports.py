"""The bedside process stays light: it never loads what only training needs."""

from __future__ import annotations

import subprocess
import sys

import pytest

# numba looks for scipy by itself and takes it where it is installed, so that one says nothing about us
HEAVY = ("torch", "onnx", "pandas", "sklearn", "pyarrow", "polars", "matplotlib", "typer", "rich")


def loaded_by(module: str) -> set[str]:
    """Top packages that a fresh interpreter has after importing a module."""
    code = f"import sys, {module}; print(*sorted({{name.partition('.')[0] for name in sys.modules}}))"
    return set(subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split())


@pytest.mark.parametrize("module", ["vitals.flows.watching", "vitals.ward.ward", "vitals.feeds.ndjson"])
def test_the_bedside_imports_nothing_heavy(module: str) -> None:
    assert loaded_by(module).isdisjoint(HEAVY)


def test_the_test_above_would_notice() -> None:
    assert "pandas" in loaded_by("vitals.flows.replaying")
