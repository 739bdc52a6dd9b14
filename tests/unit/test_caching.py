"""Compiled loops are kept somewhere even where neither the code nor the home can be written to, and never where others can write."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from vitals import caching


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine whose code and home cannot be written to, and its folder for temporary files."""
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    monkeypatch.setattr(caching, "_writable", lambda _: False)
    monkeypatch.setattr(caching.tempfile, "gettempdir", lambda: str(tmp_path))
    monkeypatch.setattr(caching.tempfile, "mkdtemp", lambda prefix: str(tmp_path / f"{prefix}new"))
    return tmp_path


def chosen() -> Path:
    """What was chosen."""
    try:
        caching.find_place()
        return Path(os.environ["NUMBA_CACHE_DIR"])
    finally:
        os.environ.pop("NUMBA_CACHE_DIR", None)


def test_a_folder_of_this_user_is_used_again(temporary: Path) -> None:
    place = chosen()
    assert place == temporary / f"vitals-{os.getuid()}"
    assert place.stat().st_mode & 0o777 == 0o700
    assert chosen() == place


def test_a_folder_that_others_can_write_to_is_not_trusted(temporary: Path) -> None:
    (temporary / f"vitals-{os.getuid()}").mkdir(mode=0o777)
    (temporary / f"vitals-{os.getuid()}").chmod(0o777)
    assert chosen() == temporary / "vitals-new"


def test_a_link_is_not_trusted(temporary: Path) -> None:
    (temporary / "elsewhere").mkdir(mode=0o700)
    (temporary / f"vitals-{os.getuid()}").symlink_to(temporary / "elsewhere")
    assert chosen() == temporary / "vitals-new"


def test_nothing_is_chosen_where_the_code_can_be_written_to(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    caching.find_place()
    assert "NUMBA_CACHE_DIR" not in os.environ
