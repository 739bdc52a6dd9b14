"""A disk that fails, tears and crashes at any of a ward's writes, and what a crash leaves behind."""

from __future__ import annotations

import errno
import os
import shutil
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np

from tests.faults.kinds import Faults
from vitals.durable import folder, log, snapshot

FAIL, BEFORE, TORN, AFTER = "failed", "crashed before", "torn", "crashed after"


class Crashed(Exception):  # noqa: N818 - it is no error: the process is gone
    """The process is gone."""


class Disk:
    """Counts the writes below a folder, and lets one of them go wrong now and then.

    Args:
        rng: where chance comes from.
        faults: how often.

    Attributes:
        home: the folder; writes elsewhere go well.
        happened: what went wrong, by kind.
    """

    def __init__(self, rng: np.random.Generator, faults: Faults) -> None:
        self._rng, self._faults = rng, faults
        self.home = Path("/nowhere")
        self.happened: Counter[str] = Counter()
        self.writes = 0
        self._torn: tuple[Path, int, int] | None = None

    def next(self, path: Path) -> str | None:
        """What is to go wrong with the next write of this file."""
        if self.home not in path.parents:
            return None
        self.writes += 1
        chance, which = self._rng.random(2).tolist()
        fault = None
        if chance * 1000 < self._faults.failures:
            fault = FAIL
        elif chance * 1000 < self._faults.failures + self._faults.crashes:
            fault = (BEFORE, TORN, AFTER)[int(which * 3)]
        if fault is not None:
            self.happened[fault] += 1
        return fault

    def tear(self, path: Path, sound: int) -> None:
        """Of what was written to this file behind so many bytes only a part is there after the crash."""
        written = path.stat().st_size - sound
        if written > 0:
            self._torn = (path, sound, int(self._rng.integers(written)))

    def survivor(self, fresh: Path) -> None:
        """What the next process finds: the files as they are, but for what was torn."""
        fresh.mkdir()
        for file in sorted(self.home.iterdir()):
            shutil.copyfile(file, fresh / file.name)
        if self._torn is not None:
            path, sound, part = self._torn
            if (fresh / path.name).exists():
                os.truncate(fresh / path.name, sound + part)
        self._torn = None
        self.home = fresh

    @contextmanager
    def below(self) -> Iterator[None]:
        """All writes of wards go through this disk."""

        def connect(path: Path, **how: Any) -> Any:
            return Connection(self, path, sqlite3.connect(path, **how))

        database = mock.Mock(wraps=sqlite3, connect=connect)
        for name in ("Error", "OperationalError", "DatabaseError"):
            setattr(database, name, getattr(sqlite3, name))
        with (
            mock.patch.object(log, "sqlite3", database),
            mock.patch.object(folder, "os", Calls(self, "pwrite")),
            mock.patch.object(snapshot, "os", Calls(self, "fsync")),
        ):
            yield


class Connection:
    """A connection to a database whose writes may go wrong."""

    def __init__(self, disk: Disk, path: Path, inner: sqlite3.Connection) -> None:
        self._disk, self._path, self._inner = disk, path, inner

    def execute(self, statement: str, values: tuple[Any, ...] = ()) -> Any:
        """Run a statement."""
        if not statement.startswith(("insert", "delete")):
            return self._inner.execute(statement, values)
        fault, ahead = self._disk.next(self._path), self._path.with_name(self._path.name + "-wal")
        if fault == FAIL:
            raise sqlite3.OperationalError("disk I/O error")
        if fault == BEFORE:
            raise Crashed
        sound = ahead.stat().st_size if ahead.exists() else 0
        result = self._inner.execute(statement, values)
        if fault == TORN:
            self._disk.tear(ahead, sound)
        if fault is not None:
            raise Crashed
        return result

    def close(self) -> None:
        """Close the file."""
        self._inner.close()


class Calls:
    """The module ``os``, of which one call may go wrong."""

    def __init__(self, disk: Disk, name: str) -> None:
        self._disk, self._name = disk, name

    def __getattr__(self, name: str) -> Any:
        """A function of ``os``, or the one that may fail."""
        call = getattr(os, name)
        return self._faulty(call) if name == self._name else call

    def _faulty(self, call: Any) -> Any:
        def made(handle: int, *values: Any) -> Any:
            path = Path(f"/proc/self/fd/{handle}").readlink()
            fault = self._disk.next(path if path.is_file() else path / "itself")
            if fault == FAIL:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            if fault == BEFORE:
                raise Crashed
            if fault == TORN and values:  # bytes at a place: half of them get there
                content, place = values
                os.pwrite(handle, content[: len(content) // 2], place)
                raise Crashed
            if fault == TORN and path.is_file():
                self._disk.tear(path, 0)
                raise Crashed
            result = call(handle, *values)
            if fault is not None:
                raise Crashed
            return result

        return made
