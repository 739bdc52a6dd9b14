"""The compiled loops as plain Python, with one of their expressions bent."""

from __future__ import annotations

import inspect
import re
from types import SimpleNamespace

from vitals.alerting import bits, families, grid, leaps, machine


def plain_machine(old: str = "", new: str = "") -> SimpleNamespace:
    """``vitals.alerting.machine`` without numba, with ``old`` replaced by ``new`` wherever it stands."""
    return _run(inspect.getsource(machine), old, new, {})


def plain_grid(old: str = "", new: str = "") -> SimpleNamespace:
    """Everything that counts a grid of policies (``families_of`` and ``count`` among it), in the same way."""
    loops = [
        loop.py_func
        for module in (bits, leaps, grid)
        for loop in vars(module).values()
        if getattr(getattr(loop, "py_func", None), "__module__", "") == module.__name__
    ]
    source = "\n".join(inspect.getsource(part) for part in (families.families_of, families._first, *loops))
    space = {**vars(families), **vars(bits), **vars(leaps), **vars(grid)}
    space |= {"lowest_bit": lambda word: (int(word) & -int(word)).bit_length() - 1, "set_bits": _set_bits}
    return _run(source, old, new, space)


def _set_bits(word: int) -> int:
    return int(word).bit_count()


def _run(source: str, old: str, new: str, space: dict[str, object]) -> SimpleNamespace:
    assert old in source, f"nothing to bend: {old}"
    source = re.sub(r"^@(numba|compiled).*\n", "", source.replace(old, new), flags=re.MULTILINE)
    space = {**space, "__name__": "bent"}
    exec(compile(source, "bent", "exec", flags=annotations.compiler_flag), space)  # our own source
    return SimpleNamespace(**space)
