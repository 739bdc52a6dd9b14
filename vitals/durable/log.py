"""A log in one SQLite file: numbered pieces, each on the disk before anything that follows from it is said."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from vitals.errors import StateError

_ROOM = "make room, or take a disk that writes, and start again with the same input: what was answered is kept"
_DAMAGE = "restore the folder from a copy, or move it away and feed the input again from its beginning"
_SCHEMA = "create table if not exists piece (first integer primary key, count integer, content blob, digest blob)"
_PAGE = 16_384  # bytes; 64 KB of lines are a few pages, so that little but the lines is written


class Log:
    r"""Pieces that follow each other without a gap; each is checked when it is read.

    Args:
        path: the file; made where there is none.
        into_file: copy what was committed into the file now and then; a log that is soon removed does without.

    Raises:
        StateError: a file that is no log.

    Example:
        >>> from tempfile import mkdtemp
        >>> log = Log(Path(mkdtemp()) / "log.sqlite")
        >>> log.append(0, 2, b"one\ntwo\n")
        >>> list(log.pieces(0))
        [(0, 2, b'one\ntwo\n')]
    """

    def __init__(self, path: Path, into_file: bool = False) -> None:
        self.path = path
        self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        try:
            # one process owns the folder: the index of the write-ahead log may stay in its memory
            self._connection.execute("pragma locking_mode = exclusive")
            self._connection.execute(f"pragma page_size = {_PAGE}")
            self._connection.execute("pragma journal_mode = wal")
            self._connection.execute("pragma synchronous = full")
            if not into_file:
                self._connection.execute("pragma wal_autocheckpoint = 0")
            self._connection.execute(_SCHEMA)
        except sqlite3.OperationalError as error:
            self._connection.close()
            raise self._full(error) from error
        except sqlite3.DatabaseError as error:
            self._connection.close()
            raise self._damaged(str(error)) from error

    def append(self, first: int, count: int, content: bytes) -> None:
        """Add a piece; it is on the disk when this returns.

        Args:
            first: number of its first item.
            count: items in it.
            content: the items.

        Raises:
            StateError: the disk is full or does not write; the piece is not in the log.
        """
        row = (first, count, content, _digest(first, count, content))
        try:
            self._connection.execute("insert into piece values (?, ?, ?, ?)", row)
        except sqlite3.Error as error:
            raise self._full(error) from error

    def pieces(self, first: int) -> Iterator[tuple[int, int, bytes]]:
        """The pieces from the one that begins at ``first`` on: number, count, content.

        Raises:
            StateError: a piece is missing or differs from what was written.
        """
        wanted = first
        query = "select first, count, content, digest from piece where first >= ? order by first"
        try:
            for number, count, content, digest in self._connection.execute(query, (first,)):
                if number != wanted or not _sound(number, count, content, digest):
                    raise self._damaged(f"a damaged piece at {wanted:,}")
                yield number, count, content
                wanted = number + count
        except sqlite3.DatabaseError as error:
            raise self._damaged(str(error)) from error

    def begins(self) -> int | None:
        """Number of the first item, None for an empty log."""
        try:
            first: int | None = self._connection.execute("select min(first) from piece").fetchone()[0]
        except sqlite3.DatabaseError as error:
            raise self._damaged(str(error)) from error
        return first

    def cut(self, before: int = 0, behind: int | None = None) -> None:
        """Remove the pieces that end at or before one number, and those that begin at or behind another."""
        try:
            self._connection.execute("delete from piece where first + count <= ?", (before,))
            if behind is not None:
                self._connection.execute("delete from piece where first >= ?", (behind,))
        except sqlite3.Error as error:
            raise self._full(error) from error

    def close(self) -> None:
        """Close the file."""
        try:
            self._connection.close()
        except sqlite3.Error as error:
            raise self._full(error) from error

    def _full(self, error: sqlite3.Error) -> StateError:
        return StateError(str(self.path), str(error), "a log on a disk that writes", _ROOM)

    def _damaged(self, what: str) -> StateError:
        return StateError(str(self.path), what, "the log as it was written", _DAMAGE)


def remove_log(path: Path) -> None:
    """Delete a log that nobody has open."""
    for part in (path, *(path.with_name(path.name + end) for end in ("-wal", "-shm"))):
        part.unlink(missing_ok=True)


def _digest(first: int, count: int, content: bytes) -> bytes:
    digest = hashlib.blake2b(f"{first} {count} ".encode(), digest_size=16)
    digest.update(content)
    return digest.digest()


def _sound(first: object, count: object, content: object, digest: object) -> bool:
    if not (isinstance(first, int) and isinstance(count, int) and isinstance(content, bytes)):
        return False
    return _digest(first, count, content) == digest
