"""Model folders are written whole or not at all."""

from __future__ import annotations

import json
import math
import os
import shutil
from pathlib import Path

import pytest

from vitals.errors import SettingsError
from vitals.flows.writing import as_json, refuse_foreign_folder, write_folder

OLD = {"model.onnx": b"old", "run.json": b"{}", "report.html": b"<html>"}
NEW = {"model.onnx": b"new", "run.json": b"{ }"}


def _files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_figure_that_could_not_be_computed_is_null() -> None:
    """However deep it lies; strict JSON has no NaN."""
    content = as_json(
        {"a": math.nan, "b": [1.5, math.inf, {"c": -math.inf}], "d": (math.nan, 2), "e": "NaN", "f": None}
    )
    expected = {"a": None, "b": [1.5, None, {"c": None}], "d": [None, 2], "e": "NaN", "f": None}
    assert json.loads(content, parse_constant=pytest.fail) == expected


def test_json_is_readable() -> None:
    """Indented, with the letters themselves, and a line's end at the end."""
    assert as_json({"name": "Zürich"}) == '{\n  "name": "Zürich"\n}\n'.encode()


def test_a_folder_is_written_with_its_parents(tmp_path: Path) -> None:
    """And nothing is left beside it."""
    write_folder(tmp_path / "models" / "mine", NEW)
    assert _files(tmp_path / "models" / "mine") == NEW
    assert [path.name for path in (tmp_path / "models").iterdir()] == ["mine"]


def test_an_older_model_is_replaced_whole(tmp_path: Path) -> None:
    """A report of the old model must not stay with the new one."""
    write_folder(tmp_path / "mine", OLD)
    write_folder(tmp_path / "mine", NEW)
    assert _files(tmp_path / "mine") == NEW
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_a_disk_that_is_full_leaves_the_old_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second file cannot be written."""
    write_folder(tmp_path / "mine", OLD)
    write = Path.write_bytes

    def full(path: Path, content: bytes) -> int:
        if path.name == "run.json":
            raise OSError(28, "No space left on device")
        return write(path, content)

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="No space left"):
        write_folder(tmp_path / "mine", NEW)
    assert _files(tmp_path / "mine") == OLD
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_a_new_model_that_cannot_be_moved_into_place_leaves_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The moment between taking the old one away and putting the new one there."""
    out = tmp_path / "mine"
    write_folder(out, OLD)

    def refusing(move):
        def call(source, target, *rest, **more):
            if Path(target) == out and _files(Path(source)) == NEW:
                raise OSError(5, "Input/output error")
            return move(source, target, *rest, **more)

        return call

    for module, name in ((os, "rename"), (os, "replace"), (shutil, "move")):
        monkeypatch.setattr(module, name, refusing(getattr(module, name)))
    with pytest.raises(OSError, match="Input/output error"):
        write_folder(out, NEW)
    assert _files(out) == OLD


@pytest.mark.parametrize("files", [{}, OLD, NEW])
def test_a_model_may_replace_a_model(tmp_path: Path, files: dict[str, bytes]) -> None:
    """An empty folder, or no folder, is as good."""
    refuse_foreign_folder(tmp_path / "none")
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    refuse_foreign_folder(tmp_path)
    assert _files(tmp_path) == files


def test_nothing_else_is_replaced(tmp_path: Path) -> None:
    """A folder of other things, a file, and a model folder into which somebody has put something."""
    (tmp_path / "thesis.txt").write_text("mine")
    for out in (tmp_path, tmp_path / "thesis.txt"):
        with pytest.raises(SettingsError, match="came something that is no model folder"):
            refuse_foreign_folder(out)
    write_folder(tmp_path / "model", OLD)
    (tmp_path / "model" / "notes.txt").write_text("mine")
    with pytest.raises(SettingsError, match=r"came notes\.txt, which no model folder holds"):
        refuse_foreign_folder(tmp_path / "model")
