"""Structured logs: one JSON object a line, and nothing of a patient in it.

A stay appears as a keyed hash whose key is drawn anew for every run and never written down: lines of one run that concern
the same stay can be found, and nobody can be found by them. Times of the feed are dates of somebody's care and are left out.
"""

from __future__ import annotations

import hashlib
import logging
import secrets
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from logging.handlers import WatchedFileHandler
from pathlib import Path

import msgspec

from vitals.errors import SettingsError
from vitals.feeds.lines import Output, Technical

LEVELS = ("debug", "info", "warning", "error")
_WARNINGS = {
    "overloaded", "state_failed", "swap_refused", "gap_in_seq", "seq_restarted", "stale", "stale_channel", "silent_bed", "silent_feed", "skew",
    "skew_too_far", "clock_leaps", "began_anew",
}  # fmt: skip
_ROUTINE = {"acknowledged", "event_began", "event_ended", "admitted_by_sample", "signal_not_used"}
_Fact = str | int | float | bool | list[str] | None


class _AsJson(logging.Formatter):
    """A record as one JSON object; the facts lie in ``record.facts``."""

    def format(self, record: logging.LogRecord) -> str:
        """One line, without its end."""
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        facts = {"time": f"{stamp}.{int(record.msecs):03d}Z", "level": record.levelname.lower(), "event": record.msg}
        return msgspec.json.encode(facts | getattr(record, "facts", {})).decode()


class Log:
    r"""Where a running ward writes what happens to it.

    The file is opened again when it has been moved or removed, so the system may rotate it as it likes.

    Args:
        path: a file; None for stderr.
        level: of ``debug``, ``info``, ``warning`` and ``error`` the lowest that is written.

    Raises:
        SettingsError: another level.
        OSError: the file cannot be opened.

    Example:
        >>> from tempfile import mkdtemp
        >>> log = Log(Path(mkdtemp()) / "ward.log")
        >>> log.say("info", "started", model="0f")
        >>> log.close()
        >>> log.path.read_text()
        '{"time":"...Z","level":"info","event":"started","model":"0f"}\n'
    """

    def __init__(self, path: Path | None = None, level: str = "info") -> None:
        if level not in LEVELS:
            raise SettingsError("--log-level", level, ", ".join(LEVELS), 'write "info"')
        self.path, self._key = path, secrets.token_bytes(32)
        self._handler = (
            logging.StreamHandler(sys.stderr) if path is None else WatchedFileHandler(path, encoding="utf-8")
        )
        self._handler.setFormatter(_AsJson())
        self._handler.handleError = self._lose  # type: ignore[method-assign, assignment]
        self.lost = 0
        self._logger = logging.Logger("vitals.operation", level.upper())
        self._logger.addHandler(self._handler)

    def say(self, level: str, event: str, **facts: _Fact) -> None:
        """Write one line.

        Args:
            level: how grave it is.
            event: what happened, in one word.
            facts: the rest; no name of a patient may be among them, nor a time of the feed.
        """
        self._logger.log(logging.getLevelName(level.upper()), event, extra={"facts": facts})

    def said(self, lines: Sequence[Output]) -> None:
        """Write down the technical lines among these lines of output."""
        for line in lines:
            if isinstance(line, Technical):
                routine = "debug" if line.reason in _ROUTINE else "info"
                level = "warning" if line.reason in _WARNINGS else routine
                self.say(level, line.reason, **self._facts(line))

    def close(self) -> None:
        """Let the file go."""
        with suppress(OSError):  # what a full disk did not take was told of
            self._handler.close()

    def _lose(self, _: logging.LogRecord) -> None:
        """A line could not be written: the ward goes on, and says so once."""
        if not self.lost:
            sys.stderr.write(f"the log {self.path or ''} cannot be written ({sys.exc_info()[1]}); the ward goes on\n")
        self.lost += 1

    def hashed(self, stay: str) -> str:
        """A stay's name in this run's lines."""
        return hashlib.blake2b(stay.encode(), key=self._key, digest_size=6).hexdigest()

    def _facts(self, line: Technical) -> dict[str, _Fact]:
        stay = None if line.stay is None else self.hashed(line.stay)
        facts: dict[str, _Fact] = {"stay": stay, "count": line.count, "model": line.model, "policy": line.policy}
        facts["signal"] = line.signal
        return {name: fact for name, fact in facts.items() if fact is not None}
