"""Writing a model folder: readable JSON, whole or not at all."""

from __future__ import annotations

import json
import math
import shutil
import tempfile
from pathlib import Path

from vitals.errors import SettingsError
from vitals.spec.modelfile import FOLDER, MODEL_FILE


def as_json(value: object) -> bytes:
    """Readable JSON, as files of a model folder hold it; a figure that could not be computed is null."""
    return (json.dumps(_known(value), indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode()


def _known(value: object) -> object:
    if isinstance(value, dict):
        return {key: _known(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_known(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def refuse_foreign_folder(out: Path) -> None:
    """A model may replace a model, and nothing else.

    Raises:
        SettingsError: ``out`` is a file, or a folder with anything in it that a model folder does not hold.
    """
    if out.is_file() or (out.is_dir() and any(out.iterdir()) and not (out / MODEL_FILE).is_file()):
        raise SettingsError(f"--out {out}", "something that is no model folder", "a new folder", "choose another name")
    foreign = sorted({path.name for path in out.iterdir()} - FOLDER) if out.is_dir() else []
    if foreign:
        came = f"{foreign[0]}, which no model folder holds"
        raise SettingsError(f"--out {out}", came, "a model folder or a new one", "move it away or choose another name")


def refuse_unwritable(out: Path) -> None:
    """Find out before hours of work whether a folder can be written there.

    Raises:
        SettingsError: it cannot.
    """
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=out.parent).close()
    except OSError as error:
        came = error.strerror or str(error)
        raise SettingsError(f"--out {out}", came, "a place that can be written", "choose another folder") from error


def write_folder(out: Path, files: dict[str, bytes]) -> None:
    """Write a model folder whole or not at all; what was there before is replaced."""
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}-") as temporary:
        new = Path(temporary) / "new"
        new.mkdir()
        for name, content in files.items():
            (new / name).write_bytes(content)
        old = Path(temporary) / "old"
        if out.exists():
            out.rename(old)
        try:
            shutil.move(new, out)
        except BaseException:
            if old.exists():
                old.rename(out)
            raise
