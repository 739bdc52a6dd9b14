"""Watch a live feed: lines of NDJSON in, risks and alerts out, as soon as they are due."""

from __future__ import annotations

import io
import os
import stat
from pathlib import Path
from typing import Any, BinaryIO, cast

from vitals.durable.durable_ward import DurableWard
from vitals.durable.gather import gathered
from vitals.durable.lines import WholeLines
from vitals.errors import SettingsError, StateError
from vitals.feeds.lines import Technical
from vitals.feeds.steady import Tick
from vitals.flows.operating import Operation, operating
from vitals.flows.swapping import Swap
from vitals.flows.ticking import Ticking
from vitals.operation.patience import patience
from vitals.operation.reading import Reading
from vitals.operation.running import Running
from vitals.scoring.model import Model, open_model
from vitals.spec.duration import Duration
from vitals.spec.modelfile import POLICY_FILE
from vitals.spec.policy import AlertPolicy
from vitals.spec.reader import load, read
from vitals.spec.shipped import find_model
from vitals.ward.outputs import with_ids
from vitals.ward.ward import Ward


def watch(  # noqa: PLR0913, PLR0917 (one parameter an option of the command)
    model_path: str | Path,
    source: BinaryIO,
    sink: BinaryIO,
    policy_path: str | Path | None = None,
    block: int = 1 << 16,
    state: str | Path | None = None,
    provisional: bool = False,
    running: Running | None = None,
    clock: Duration | None = None,
    rescore: bool = False,
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
        provisional: answer every sample at once as well, with the risk its bed would get if the running step closed now.
            Such an answer has no ``id``; with ``state`` it goes out at most once, and what a crash cut off is not said again.
        running: metrics, logs, signals and all else about it that changes no risk; None for none of it.
        clock: the feed is live: a line that tells now is put into it so often, and then samples of the future are left out
            and what falls silent is told. None for a feed of the past, or one with clock lines of its own.
        rescore: when a sample comes too late, also tell what the risks would have been had it come in time.

    Returns:
        How many ``risks``, ``alerts``, alerts ``held_back`` and ``technical`` lines went out, and what was ``left_out``
        or otherwise worth counting, by reason; with ``state`` also how many lines were ``recognised`` as taken in before,
        and the ``passed_over`` snapshots that were damaged.

    Raises:
        StateError: the folder is in use, damaged, or of another model, window or policy; or its disk does not write.
        ModelError: a model that cannot be opened, or a policy that was tuned on another one.
        SettingsError: a policy that cannot be read, a clock outside 1 s to 1 h, or ``state`` together with ``provisional``
            or ``rescore``.

    Example:
        >>> import io
        >>> watch("models/none", io.BytesIO(), io.BytesIO())
        Traceback (most recent call last):
        vitals.errors.ModelError: models/none: came nothing; wanted a model folder with model.onnx; check the path...
    """

    def look() -> tuple[Model, AlertPolicy | None]:
        return open_model(model_path), find_policy(model_path, policy_path)

    if rescore and state is not None:
        raise SettingsError("watch", "corrected risks together with a state", "one of them", "leave one out")
    if clock is not None and not 1 <= clock / 1e6 <= 3600:
        raise SettingsError("watch clock", clock.text, "1s to 1h", "write 10s")
    model, policy = look()
    running, folder = running or Running(), None if state is None else Path(state)
    swap = Swap(model, policy, look, running.swap_after, provisional)
    with operating(running, swap, sink, folder) as operation:
        if folder is not None:
            ward = DurableWard(folder, model, policy, lambda: _settle(sink), provisional)
            return _watch_durably(ward, operation, source, block, clock)
        with patience(running.tell):
            live = Ward(model, policy, provisional=provisional, rescore=rescore)
        operation.begin(live, keeps_model=rescore)
        read, whole = _reading(operation, source, clock).read1, WholeLines()
        while piece := read(block):
            # a clock line may come within another one
            operation.answer(piece if clock is None or isinstance(piece, Tick) else whole.feed(piece))
        if rest := whole.close():
            operation.answer(rest)
        return operation.end()


def _reading(operation: Operation, source: BinaryIO, clock: Duration | None) -> Reading | Ticking:
    reading = operation.reading(source)
    return reading if clock is None else Ticking(reading, clock / 1e6)


def _watch_durably(
    ward: DurableWard, operation: Operation, source: BinaryIO, block: int, clock: Duration | None
) -> dict[str, Any]:
    try:
        for lines in ward.recover():
            operation.write(lines)
        operation.begin(ward)
        read = gathered(cast(BinaryIO, _reading(operation, source, clock)), block)
        while piece := read():
            operation.answer(piece)
        told = operation.end()
    except StateError as error:
        operation.write(with_ids("", [Technical(None, None, "state_failed", notice=str(error))]))
        raise
    finally:
        ward.release()
    return told | {"recognised": ward.recognised, "passed_over": ward.passed_over}


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
