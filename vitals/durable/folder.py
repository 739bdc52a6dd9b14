"""The folder of a live ward: who holds it, whose it is, and which snapshots and logs it has."""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from vitals.durable.log import Log, remove_log
from vitals.durable.snapshot import read_snapshot, write_snapshot
from vitals.errors import StateError
from vitals.scoring.model import Model
from vitals.spec.policy import AlertPolicy
from vitals.ward.outputs import policy_digest

KEPT = 2
"""Snapshots that are kept, with the logs behind them: where the last one is damaged, the one before it serves."""

_DIGITS = 15
_PLACE = 32  # bytes
_ANOTHER = "begin a new folder for it, or go on with the one it was begun with"


class Folder:
    """A folder that one process holds.

    Args:
        path: the folder; made where there is none, readable by its owner only.

    Raises:
        StateError: another process holds it, or it holds something else.

    Example:
        >>> from tempfile import mkdtemp
        >>> folder = Folder(Path(mkdtemp()) / "state")
        >>> folder.snapshots()
        []
        >>> Folder(folder.path)
        Traceback (most recent call last):
        vitals.errors.StateError: ...state: came a folder that process ... holds; wanted a folder of its own...
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        if path.exists() and not path.is_dir():
            raise StateError(str(path), "a file", "a folder, or a name for a new one", "name another")
        with _writing(path):
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._lock = os.open(path / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.read(self._lock, 32).decode(errors="replace") or "another"
            os.close(self._lock)
            cure = "stop the other one first, or name another folder"
            raise StateError(str(path), f"a folder that process {holder} holds", "a folder of its own", cure) from error
        try:
            with _writing(path):
                os.truncate(self._lock, 0)
                os.pwrite(self._lock, str(os.getpid()).encode(), 0)
                self._witness = os.open(path / "head", os.O_RDWR | os.O_CREAT, 0o600)
                self._turn = _free_place(os.pread(self._witness, 2 * _PLACE, 0))
            self.consumed = Log(path / "consumed.sqlite", into_file=True)
        except StateError:
            os.close(self._lock)
            raise

    def snapshots(self) -> list[int]:
        """Line numbers of the snapshots, latest first."""
        return sorted((int(file.stem.partition("-")[2]) for file in self.path.glob("snapshot-*.bin")), reverse=True)

    def logs(self) -> list[int]:
        """Line numbers at which the logs begin, in order."""
        return sorted(int(file.stem.partition("-")[2]) for file in self.path.glob("log-*.sqlite"))

    def read(self, line: int) -> dict[str, Any]:
        """What a snapshot holds."""
        return read_snapshot(self._snapshot(line))

    def write(self, line: int, values: dict[str, Any]) -> None:
        """Write a snapshot."""
        with _writing(self._snapshot(line)):
            write_snapshot(self._snapshot(line), values)

    def set_aside(self, line: int) -> None:
        """Rename a snapshot that cannot be used, so that it is not taken for one that can."""
        path = self._snapshot(line)
        path.rename(path.with_name(f"unused-{line:0{_DIGITS}}.bin"))

    def log(self, line: int) -> Log:
        """The log that begins at a line; made where there is none."""
        return Log(self._log(line))

    def prune(self) -> None:
        """Remove all snapshots but the latest ones, and the logs that only older ones need."""
        latest = self.snapshots()
        oldest = latest[:KEPT][-1]
        with _writing(self.path):
            for line in latest[KEPT:]:
                self._snapshot(line).unlink()
            for line in self.logs():
                if line < oldest:
                    remove_log(self._log(line))

    def testify(self, line: int) -> None:
        """Note beside the log how far it goes: SQLite drops the end of a damaged log without a word."""
        with _writing(self.path / "head"):
            # two places in turn: a write that is torn spoils one, and the other still speaks
            os.pwrite(self._witness, _testimony(line), _PLACE * self._turn)
        self._turn = 1 - self._turn

    def refuse_loss(self, line: int) -> None:
        """Refuse a log that ends before the line to which it once went.

        Raises:
            StateError: lines are missing at its end, or the note itself is damaged.
        """
        said = os.pread(self._witness, 2 * _PLACE, 0)
        known = attested(said)
        if len(said) >= _PLACE and known is None:  # less is a first note that was torn
            raise StateError(
                str(self.path / "head"), "a damaged file", "the number of lines in the log",
                "delete it if you know that the log is sound, or restore the folder from a copy",
            )  # fmt: skip
        if known is not None and known > line:
            raise StateError(
                str(self.path), f"a log of {line:,} lines", f"{known:,} lines, as were taken in",
                "restore the folder from a copy, or move it away and feed the input again from its beginning",
            )  # fmt: skip

    def close(self) -> None:
        """Let the folder go."""
        self.consumed.close()
        os.close(self._witness)
        os.close(self._lock)

    def _log(self, line: int) -> Path:
        return self.path / f"log-{line:0{_DIGITS}}.sqlite"

    def _snapshot(self, line: int) -> Path:
        return self.path / f"snapshot-{line:0{_DIGITS}}.bin"


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    """A disk that is full or does not write is told with its cure."""
    try:
        yield
    except OSError as error:
        cure = "make room, or take a disk that writes, and start again with the same input: what was answered is kept"
        raise StateError(str(path), error.strerror or str(error), "a disk that writes", cure) from error


def identity(model: Model, policy: AlertPolicy | None) -> dict[str, Any]:
    """Whose state it is: settings of the windows, signals, digests of model and policy."""
    window = {f"[window] {name}": value for name, value in model.settings.to_tables()["window"].items()}
    return {**window, "signals": list(model.settings.channels), "policy": policy_digest(policy), "model": model.digest}


def refuse_another(path: Path | str, kept: dict[str, Any], wanted: dict[str, Any]) -> None:
    """Refuse the state of another model, window or policy: its numbers would be taken for what they are not.

    Raises:
        StateError: names the first thing that differs.

    Example:
        >>> refuse_another(Path("state"), {"[window] step": "1h"}, {"[window] step": "10min"})
        Traceback (most recent call last):
        vitals.errors.StateError: state [window] step: came 1h; wanted 10min, as this model has it; begin a new folder...
    """
    for name, value in wanted.items():
        if kept.get(name) != value:
            came, here = (_short(one.get(name)) for one in (kept, wanted))
            owner = "as this policy has it" if name == "policy" else "as this model has it"
            raise StateError(f"{path} {name}", came, f"{here}, {owner}", _ANOTHER)


def _short(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return "none" if value is None else str(value)[:12]


def attested(said: bytes) -> int | None:
    """The line to which a log went, from the file that says so; None where it cannot be told.

    Example:
        >>> attested(_testimony(5) + _testimony(7)[:20])
        5
    """
    return max((line for line in _places(said) if line >= 0), default=None)


def _free_place(said: bytes) -> int:
    """The place to be written next: never the one that speaks, or two torn notes in a row would leave none.

    Example:
        >>> _free_place(b""), _free_place(_testimony(5)), _free_place(_testimony(5) + _testimony(7))
        (0, 1, 0)
    """
    first, second = _places(said)
    return int(first > second)


def _places(said: bytes) -> list[int]:
    """What each of the two places says, -1 where it is damaged."""
    places = (said[:_PLACE], said[_PLACE:])
    lines = [int.from_bytes(place[:8], "little") for place in places]
    return [line if place == _testimony(line) else -1 for line, place in zip(lines, places, strict=True)]


def _testimony(line: int) -> bytes:
    number = line.to_bytes(8, "little")
    return number + hashlib.blake2b(number, digest_size=24).digest()
