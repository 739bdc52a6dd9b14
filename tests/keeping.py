"""What tests of a ward that survives need: feeds with everything in them, runs that are stopped, and what came out of them."""

from __future__ import annotations

import io
import json
import random
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO
from unittest import mock

from tests.live import BEGIN, HOUR
from vitals.durable import durable_ward
from vitals.durable.folder import Folder
from vitals.flows.watching import watch


def feed_of(stays: int = 6, hours: int = 14, seed: int = 0, seq: bool = False, begin: int = BEGIN) -> list[bytes]:
    """Lines of every kind, good and bad, some twice, some late; every few minutes one for each stay."""
    draw = random.Random(seed)
    tables: list[tuple[int, Any]] = []
    for number in range(stays):
        stay, came = f"p{number}", begin + draw.randrange(4 * HOUR)
        if number % 3:
            age = {"age": draw.randrange(20, 90)}
            tables.append((came, {"kind": "admit", "stay": stay, "time": came, "demographics": age}))
        for minute in range(0, draw.randrange(3, hours) * 60, 12):
            time = came + minute * HOUR // 60
            value = {"stay": stay, "time": time, "signal": "heart_rate", "value": draw.randrange(50, 180)}
            arrived = time + (draw.randrange(2 * HOUR) if draw.random() < 0.1 else 0)
            tables += [(arrived, value)] * (2 if draw.random() < 0.05 else 1)
        if number % 2:
            gone = came + hours * HOUR
            tables.append((gone, {"kind": "discharge", "stay": stay, "time": gone}))
            tables.append((gone + 1, {"stay": stay, "time": gone - HOUR, "signal": "spo2", "value": 95}))
        said = [came + 2 * HOUR + k * HOUR // 2 for k in range(len(SAID))]
        tables += [(time, {"kind": kind, "stay": stay, "time": time}) for time, kind in zip(said, SAID, strict=True)]
    for hour in range(0, hours + 4, 2):
        time = begin + hour * HOUR
        tables += [(time, {"kind": "clock", "time": time}), (time, "what?"), (time, {"stay": "nobody", "time": time})]
        tables.append((time, {"stay": "p1", "time": time, "signal": "weather", "value": 1}))
    tables.sort(key=lambda pair: pair[0])
    lines = []
    for number, (_, table) in enumerate(tables):
        numbered = table | {"seq": number + number // 50} if seq and isinstance(table, dict) else table
        lines.append((json.dumps(numbered) if isinstance(numbered, dict) else numbered).encode() + b"\n")
    return lines


SAID = ("acknowledge", "event", "event", "acknowledge", "acknowledge", "event_end", "event_end", "acknowledge")


class Stopped(Exception):  # noqa: N818 - it is no error: somebody pulled the plug
    """The process is gone."""


class Pieces:
    """A source that gives pieces of some size, and may be gone after so many bytes."""

    def __init__(self, content: bytes, size: int, stop: int | None = None) -> None:
        self._content, self._size, self._stop, self._at = content, size, stop, 0

    def read1(self, most: int) -> bytes:
        """The next piece."""
        end = self._at + min(self._size, most)
        if self._stop is not None and end > self._stop:
            raise Stopped
        piece = self._content[self._at : end]
        self._at = end
        return piece


class Torn(io.BytesIO):
    """A sink that takes so many bytes and no more."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self._most = most

    def write(self, content: Any) -> int:
        """Write what there is room for."""
        room = self._most - self.tell()
        super().write(bytes(content)[:room])
        if len(content) > room:
            raise Stopped
        return len(content)


def run(folder: Path, source: Any, state: Path | None, sink: BinaryIO | None = None) -> bytes:
    """What a run says until it ends or is stopped."""
    into: Any = io.BytesIO() if sink is None else sink
    with suppress(Stopped):
        watch(folder, source, into, state=state)
    return bytes(into.getvalue())


def by_id(*outputs: bytes) -> dict[str, dict[str, Any]]:
    """Whole lines of several runs, made unique; the same id must say the same."""
    found: dict[str, dict[str, Any]] = {}
    for output in outputs:
        for text in output.split(b"\n")[:-1]:
            line = json.loads(text)
            assert found.setdefault(line["id"], line) == line
    return found


def logged(state: Path) -> list[bytes]:
    """All that is in the logs, piece by piece."""
    held = Folder(state)
    logs = [held.log(begin) for begin in held.logs()]
    pieces = [text for log in logs for _, _, text in log.pieces(log.begins() or 0)]
    for log in logs:
        log.close()
    held.close()
    return pieces


@contextmanager
def snapshots_every(lines: int) -> Iterator[None]:
    """Take a snapshot after so many lines."""
    with mock.patch.object(durable_ward, "LINES", lines):
        yield
