"""Watch a live feed: lines of NDJSON in, risks and alerts out, as soon as they are due."""

from __future__ import annotations

import io
import os
import stat
from collections import Counter
from pathlib import Path
from typing import Any, BinaryIO

from vitals.durable.durable_ward import DurableWard
from vitals.durable.gather import gathered
from vitals.errors import SettingsError, StateError
from vitals.feeds.lines import Alert, Output, Technical
from vitals.feeds.ndjson import encode_lines
from vitals.scoring.model import open_model
from vitals.spec.modelfile import POLICY_FILE
from vitals.spec.policy import AlertPolicy
from vitals.spec.reader import load, read
from vitals.spec.shipped import find_model
from vitals.ward.outputs import with_ids
from vitals.ward.ward import Ward


def watch(
    model_path: str | Path,
    source: BinaryIO,
    sink: BinaryIO,
    policy_path: str | Path | None = None,
    block: int = 1 << 16,
    state: str | Path | None = None,
) -> dict[str, Any]:
    """Score a live feed until it ends; a line that cannot be used is left out, counted and reported.

    Args:
        model_path: a model folder, the ONNX file in it, or a shipped model by its name.
        source: lines of input, taken as they come: what is there is answered at once.
        sink: takes the lines of output; flushed after every block.
        policy_path: the alert policy; None takes ``policy.toml`` beside the model, and gives risks alone without one.
        block: at most this many bytes are read at once.
        state: a folder that lets the ward survive its process. What came in is on the disk before it is answered. Started
            again with the same folder and the same input, from its beginning or any later line, it goes on where it was:
            the outputs of all runs, made unique by their ``id``, are those of one run without a stop.

    Returns:
        How many ``risks``, ``alerts``, alerts ``held_back`` and ``technical`` lines went out, and what was ``left_out``
        or otherwise worth counting, by reason; with ``state`` also how many lines were ``recognised`` as taken in before,
        and the ``passed_over`` snapshots that were damaged.

    Raises:
        StateError: the folder is in use, damaged, or of another model, window or policy; or its disk does not write.
        ModelError: a model that cannot be opened, or a policy that was tuned on another one.
        SettingsError: a policy that cannot be read.

    Example:
        >>> import io
        >>> watch("models/none", io.BytesIO(), io.BytesIO())
        Traceback (most recent call last):
        vitals.errors.ModelError: models/none: came nothing; wanted a model folder with model.onnx; check the path...
    """
    model, policy = open_model(model_path), find_policy(model_path, policy_path)
    if state is not None:
        return _watch_durably(DurableWard(Path(state), model, policy, lambda: _settle(sink)), source, sink, block)
    ward, counts = Ward(model, policy), Counter[str]()
    # read1 gives what is there, while read may wait for a full block
    read_some = source.read1 if hasattr(source, "read1") else source.read
    while piece := read_some(block):
        _write(ward.feed(piece), sink, counts)
    return _told(counts, ward.close(), sink)


def _watch_durably(ward: DurableWard, source: BinaryIO, sink: BinaryIO, block: int) -> dict[str, Any]:
    counts = Counter[str]()
    try:
        for lines in ward.recover():
            _write(lines, sink, counts)
        read = gathered(source, block)
        while piece := read():
            _write(ward.feed(piece), sink, counts)
        told = _told(counts, ward.close(), sink)
    except StateError as error:
        _write(with_ids("", [Technical(None, None, "state_failed", notice=str(error))]), sink, counts)
        raise
    finally:
        ward.release()
    return told | {"recognised": ward.recognised, "passed_over": ward.passed_over}


def _told(counts: Counter[str], last: list[Output], sink: BinaryIO) -> dict[str, Any]:
    """Write the last lines, and sum up."""
    _write(last, sink, counts)
    left_out = next(line.counts for line in reversed(last) if isinstance(line, Technical) and line.reason == "summary")
    return {name: counts[name] for name in ("risks", "alerts", "held_back", "technical")} | {"left_out": left_out}


def find_policy(model_path: str | Path, policy_path: str | Path | None = None) -> AlertPolicy | None:
    """The alert policy that was named, else the one in the model folder, else None.

    Raises:
        SettingsError: a file that is missing or no policy.

    Example:
        >>> find_policy("models/none") is None
        True
    """
    path = find_model(model_path)
    beside = (path.parent if path.suffix == ".onnx" else path) / POLICY_FILE
    if policy_path is None and not beside.is_file():
        return None
    path = beside if policy_path is None else Path(policy_path)
    tables = load(path)
    if not tables:
        raise SettingsError(str(path), "an empty file", "an alert policy", "write one with: vitals tune")
    return read(AlertPolicy, tables, path.name)


def _settle(sink: BinaryIO) -> None:
    """Make what was written last, where it is a file."""
    sink.flush()
    try:
        if stat.S_ISREG(os.fstat(sink.fileno()).st_mode):
            os.fsync(sink.fileno())
    except io.UnsupportedOperation:
        return  # kept in memory only


def _write(lines: list[Output], sink: BinaryIO, counts: Counter[str]) -> None:
    if not lines:
        return
    sink.write(encode_lines(lines))
    sink.flush()
    for line in lines:
        if isinstance(line, Alert):
            counts["alerts" if line.suppressed_by is None else "held_back"] += 1
        else:
            counts["technical" if isinstance(line, Technical) else "risks"] += 1
