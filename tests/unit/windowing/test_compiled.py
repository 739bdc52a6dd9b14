"""A compiled loop is made anew when a file it took a constant from has changed."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest

from vitals.windowing import compiled as module
from vitals.windowing.arrive import arrive
from vitals.windowing.compiled import compiled, sources_digest


def _loop(path: Path, factor: int) -> Any:
    """The loop of a file that never changes, with a constant that stands elsewhere."""
    spec = importlib.util.spec_from_file_location("loop_of_a_test", path)
    assert spec is not None
    assert spec.loader is not None
    loaded = importlib.util.module_from_spec(spec)
    loaded.FACTOR = factor
    spec.loader.exec_module(loaded)
    return compiled(loaded.times)


def test_a_changed_source_compiles_the_loop_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "loop_of_a_test.py"
    path.write_text("def times(x):\n    return x * FACTOR\n")
    monkeypatch.setattr(module, "sources_digest", lambda: "first")
    assert _loop(path, 2)(3) == 6
    assert _loop(path, 5)(3) == 6  # numba alone sees no change: this is what goes wrong without the digest
    monkeypatch.setattr(module, "sources_digest", lambda: "second")
    assert _loop(path, 5)(3) == 15


def test_the_windowing_s_own_loops_carry_the_digest() -> None:
    assert arrive._cache._cache_file._source_stamp[1] == sources_digest()
