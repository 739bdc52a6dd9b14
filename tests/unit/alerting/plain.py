"""The compiled machine as plain Python, with one of its expressions bent."""

from __future__ import annotations

import inspect
import re
from types import SimpleNamespace

from vitals.alerting import machine


def plain_machine(old: str = "", new: str = "") -> SimpleNamespace:
    """``vitals.alerting.machine`` without numba, with ``old`` replaced by ``new`` wherever it stands."""
    source = inspect.getsource(machine)
    assert old in source, f"nothing to bend: {old}"
    source = re.sub(r"^@(numba|compiled).*\n", "", source.replace(old, new), flags=re.MULTILINE)
    space: dict[str, object] = {"__name__": "bent"}
    exec(compile(source, "bent", "exec"), space)  # our own source
    return SimpleNamespace(**space)
