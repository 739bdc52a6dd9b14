"""The stored tensors of an ONNX file, read without the onnx package, which a bedside does not have."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import numpy as np

_FLOAT, _BOOL = 1, 9
_TYPES = {_FLOAT: np.dtype("<f4"), _BOOL: np.dtype(np.bool_)}

Constants = dict[str, list[list[np.ndarray[Any, Any]]]]


def constants(content: bytes) -> Constants:
    """The stored tensors that each kind of operator reads, in the order of the graph.

    Args:
        content: a file that ONNX Runtime has opened, so it is one.

    Returns:
        By the operator's name one list of tensors for each node that reads any.

    Raises:
        ValueError: a tensor in a form that the exporter does not write.
    """
    graph = next(part for field, part in _fields(memoryview(content)) if field == 7)
    nodes, stored = [], {}
    for field, part in _fields(graph):
        if field == 1:
            nodes.append(part)
        elif field == 5:
            name, tensor = _tensor(part)
            stored[name] = tensor
    given: Constants = defaultdict(list)
    for node in nodes:
        fields = list(_fields(node))
        operator = next(bytes(part).decode() for field, part in fields if field == 4)
        read = [bytes(part).decode() for field, part in fields if field == 1]
        if tensors := [stored[name] for name in read if name in stored]:
            given[operator].append(tensors)
    return dict(given)


def _tensor(part: memoryview) -> tuple[str, np.ndarray[Any, Any]]:
    name, kind, raw, shape = "", 0, None, []
    for field, value in _fields(part):
        if field == 1 and isinstance(value, int):
            shape.append(value)
        elif field == 1:
            shape += [size for size, _ in _varints(value)]
        elif field == 2:
            kind = value
        elif field == 8:
            name = bytes(value).decode()
        elif field == 9:
            raw = value
    if kind not in _TYPES or raw is None:
        return name, np.zeros(0)  # shapes and axes: nothing that is learnt
    return name, np.frombuffer(raw, _TYPES[kind]).reshape(shape)


def _fields(part: memoryview) -> Iterator[tuple[int, Any]]:
    """Number and content of each field of a protocol buffer message."""
    at = 0
    while at < len(part):
        tag, at = _varint(part, at)
        field, wire = tag >> 3, tag & 7
        if wire == 0:
            value, at = _varint(part, at)
            yield field, value
            continue
        size = {1: 8, 5: 4}.get(wire)
        if size is None:
            size, at = _varint(part, at)
        yield field, part[at : at + size]
        at += size


def _varint(part: memoryview, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = part[at]
        value, shift, at = value | (byte & 127) << shift, shift + 7, at + 1
        if byte < 128:
            return value, at


def _varints(part: memoryview) -> Iterator[tuple[int, int]]:
    at = 0
    while at < len(part):
        value, at = _varint(part, at)
        yield value, at
