"""A snapshot: plain values and arrays in one file that is checked as a whole, written whole or not at all."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from vitals.errors import StateError

FORMAT = 2
"""Raised whenever what a snapshot holds changes its meaning; :data:`MIGRATIONS` then tells how to get here."""

MIGRATIONS: dict[int, Callable[[dict[str, Any]], dict[str, Any]]] = {}
"""By format: makes what a snapshot of that format holds into what one of the next format holds."""

_MAGIC = b"vitals snapshot "
_DIGEST = 32  # bytes
_HEAD = len(_MAGIC) + 8 + _DIGEST
_ARRAY = 1  # code of an array among the values
_CURE = "restore the folder from a copy, or move it away and feed the input again from its beginning"


def write_snapshot(path: Path, values: dict[str, Any]) -> None:
    """Write a snapshot so that after a crash at any point the file is there as a whole or not at all.

    Args:
        path: the file.
        values: plain values and NumPy arrays, nested in dicts and lists.

    Raises:
        OSError: the disk is full or does not write; what was there before is untouched.

    Example:
        >>> from pathlib import Path; from tempfile import mkdtemp
        >>> path = Path(mkdtemp()) / "one"
        >>> write_snapshot(path, {"beds": np.arange(3)})
        >>> read_snapshot(path)
        {'beds': array([0, 1, 2])}
    """
    content = encode_snapshot(values)
    unfinished = path.with_name(path.name + ".unfinished")
    try:
        with unfinished.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
    except OSError:
        unfinished.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def read_snapshot(path: Path) -> dict[str, Any]:
    """What a snapshot holds; one of an older format is brought to this one.

    Raises:
        StateError: one bit of the file differs from what was written, or its format is not known here.
    """
    return decode_snapshot(path.read_bytes(), str(path))


def encode_snapshot(values: dict[str, Any]) -> bytes:
    """The bytes of a snapshot, wherever they are kept.

    Args:
        values: plain values and NumPy arrays, nested in dicts and lists.

    Example:
        >>> decode_snapshot(encode_snapshot({"beds": np.arange(3)}), "here")
        {'beds': array([0, 1, 2])}
    """
    body = msgspec.msgpack.encode(values, enc_hook=_from_array)
    head = _MAGIC + FORMAT.to_bytes(8, "little")
    return head + _digest(head, body) + body


def decode_snapshot(content: bytes, where: str) -> dict[str, Any]:
    """What the bytes of a snapshot hold, brought to this format.

    Args:
        content: the bytes.
        where: what they are called in an error.

    Raises:
        StateError: one bit differs from what was written, or the format is not known here.
    """
    head, body = content[: len(_MAGIC) + 8], content[_HEAD:]
    if content[len(head) : _HEAD] != _digest(head, body) or not head.startswith(_MAGIC):
        raise StateError(where, "a damaged snapshot", "the bytes that were written", _CURE)
    known = int.from_bytes(head[len(_MAGIC) :], "little")
    values: dict[str, Any] = msgspec.msgpack.decode(body, ext_hook=_to_array)
    for number in range(known, FORMAT):
        if number not in MIGRATIONS:
            break
        values, known = MIGRATIONS[number](values), number + 1
    if known != FORMAT:
        cure = "use the version of vitals that wrote it, or move the folder away and feed the input from its beginning"
        raise StateError(where, f"state of format {known}", f"format {FORMAT}", cure)
    return values


def sync_folder(folder: Path) -> None:
    """Make new and renamed files of a folder last."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _digest(head: bytes, body: bytes) -> bytes:
    digest = hashlib.blake2b(head, digest_size=_DIGEST)
    digest.update(body)
    return digest.digest()


def _from_array(value: Any) -> msgspec.msgpack.Ext:
    if not isinstance(value, np.ndarray):
        raise TypeError(f"a snapshot holds plain values and arrays, not {type(value).__name__}")
    form = [np.lib.format.dtype_to_descr(value.dtype), value.shape]
    return msgspec.msgpack.Ext(_ARRAY, msgspec.msgpack.encode([*form, np.ascontiguousarray(value).tobytes()]))


def _to_array(_code: int, data: memoryview) -> Any:
    form, shape, content = msgspec.msgpack.decode(data)
    if isinstance(form, list):  # columns of a structured array, each a tuple
        form = [tuple(column) for column in form]
    return np.frombuffer(content, np.lib.format.descr_to_dtype(form)).reshape(shape).copy()
