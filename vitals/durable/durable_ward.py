"""A ward in a folder: what it takes in is on the disk before it answers, and after a crash it goes on where it was."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

import vitals
from vitals.durable.folder import Folder, identity, refuse_another
from vitals.durable.lines import WholeLines
from vitals.durable.log import Log
from vitals.durable.prints import Prints
from vitals.durable.recognise import Doubt, Past
from vitals.durable.taken import Taken
from vitals.errors import StateError
from vitals.feeds.lines import Output
from vitals.feeds.steady import Tick, is_tick, unmarked
from vitals.scoring.model import Model
from vitals.spec.policy import AlertPolicy
from vitals.ward.swap import going_on, kept_of_first
from vitals.ward.ward import Ward

LINES, SECONDS = 1_000_000, 300
"""A snapshot is taken after so many lines, or so long after the one before if any line came."""

REMEMBERED = 1 << 23
"""Latest lines that are recognised when the input begins again in their midst."""

_CURE = "restore the folder from a copy, or move it away and feed the input again from its beginning"
_NONE = np.zeros(0, np.uint64)


class DurableWard:
    """A :class:`vitals.ward.ward.Ward` whose input is logged, and which is put together again from its folder.

    Outputs of :meth:`recover` may have gone out before; their ids are the same. Whoever calls :meth:`feed` or :meth:`close`
    has passed on what was given before: from then on it need not be given again.

    Args:
        path: the folder.
        model: scores the rows.
        policy: decides which risks alert.
        settle: makes what was passed on last, such as a file's ``fsync``; called before what led to it is forgotten.
        provisional: answer every sample at once as well. Such answers have no id, and are not given again.

    Attributes:
        passed_over: damaged snapshots that an earlier one and the log stood in for.

    Raises:
        StateError: the folder is held by another process, damaged, or of another model, window or policy.
    """

    def __init__(
        self, path: Path, model: Model, policy: AlertPolicy | None, settle: Callable[[], None] = lambda: None,
        provisional: bool = False,
    ) -> None:  # fmt: skip
        self._folder, self._settle = Folder(path), settle
        self._log: Log | None = None
        self._whole = WholeLines()
        self._model, self._policy, self._provisional = model, policy, provisional
        self._identity = identity(model, policy)
        self.passed_over: list[str] = []
        try:
            kept = self._latest()
            if kept is None:
                self._ward, self._line = Ward(model, policy), 0
                self._taken = Taken(Past(_NONE, _NONE, 0), {})
                self._write()
            else:
                refuse_another(path, kept["identity"], self._identity)
                self._ward = Ward.restored(model, policy, kept["ward"])
                self._line, fed = kept["line"], kept.get("fed", kept["line"])  # older ones have neither this nor doubts
                doubts = [Doubt(*doubt) for doubt in kept.get("doubts", [])]
                past = Past(kept["head"], self._consumed(fed), fed, doubts)
                self._taken = Taken(past, kept["last"], *kept.get("numbers", ()))
        except BaseException:
            self._folder.close()
            raise
        self._saved_line, self._saved_at = self.line, time.monotonic()

    @property
    def line(self) -> int:
        """Lines that were logged: those of the feed that were taken in, and those of the clock."""
        return self._line

    @property
    def ward(self) -> Ward:
        """The ward itself, to be looked at only."""
        return self._ward

    @property
    def recognised(self) -> int:
        """Lines of the input that had been taken in before."""
        return self._taken.recognised

    def recover(self) -> Iterator[list[Output]]:
        """Take in again what came after the snapshot; gives what that led to, and must be gone through before lines come.

        Raises:
            StateError: the log is damaged, or ends before the line to which it once went.
        """
        yield self._ward.take([])
        if self._log is None:  # no new folder
            yield from self._again()
        if self._provisional:  # until now nothing was to be answered
            self._ward = going_on(self._model, self._policy, self._ward.kept(), provisional=True)

    def _again(self) -> Iterator[list[Output]]:
        for begin in [begin for begin in self._folder.logs() if begin >= self._saved_line]:
            if begin != self.line:
                where = str(self._folder.path)
                raise StateError(where, f"no line from {self.line:,} to {begin:,}", "every line in a log", _CURE)
            if self._log is not None:
                self._log.close()
            self._log = self._folder.log(begin)
            for _, _, text in self._log.pieces(begin):
                yield self._take(text)
        self._folder.refuse_loss(self.line)
        self._taken.begin()
        self._log = self._log or self._folder.log(self.line)

    def feed(self, block: bytes) -> list[Output]:
        """Take in any piece of the stream; its new lines are on the disk when this returns what they lead to.

        A :class:`vitals.feeds.steady.Tick` is logged and acted on, and is no part of what a feed may repeat.

        Raises:
            StateError: the disk is full or does not write; the ward must not be used any more.
        """
        if self._due():
            self.save()
        if isinstance(block, Tick):
            return self._accept(bytes(block))
        text = unmarked(self._whole.feed(block))
        new = self._taken.fresh(text) if text else b""
        if self._taken.doubted:
            self.save()  # what lies behind is only told from what lies before by this
        return self._accept(new)

    def go_on_with(self, ward: Ward, model: Model, policy: AlertPolicy | None) -> None:
        """Another ward takes the place of this one, between two blocks whose outputs were passed on.

        Where that changes the model or the policy a snapshot says so: from then on the folder is theirs. What another model
        that is only stepped beside this one has learned is not kept.

        Raises:
            StateError: the disk is full or does not write.
        """
        self._ward, self._model, self._policy = ward, model, policy
        if identity(model, policy) != self._identity:
            self._identity = identity(model, policy)
            self.save()

    def close(self) -> list[Output]:
        """The input is over: close what can be closed and sum up, as a ward does.

        That is said, but not kept: what is kept is the ward before, which goes on when there is more input.
        """
        rest = self._taken.rest()
        if not rest and self.line > self._saved_line:
            self.save()
        return self._accept(rest) + self._ward.feed(self._whole.close()) + self._ward.close()

    def release(self) -> None:
        """Let the folder go."""
        if self._log is not None:
            self._log.close()
        self._folder.close()

    def save(self) -> None:
        """Take a snapshot; what was given so far is not given again.

        Raises:
            StateError: the disk is full or does not write; the snapshot before and the log are still there.
        """
        self._settle()
        self._write()
        self._folder.prune()
        self._saved_line, self._saved_at = self.line, time.monotonic()

    def _write(self) -> None:
        """Write a snapshot, and begin a log behind it."""
        taken, consumed, prints = self._taken, self._folder.consumed, self._taken.prints()
        if len(prints):
            consumed.append(taken.count - len(prints), len(prints), prints.tobytes())
            consumed.cut(before=taken.count - REMEMBERED)
        values = {
            "identity": self._identity, "version": vitals.__version__, "line": self.line, "fed": taken.count, "head": taken.head,
            "last": taken.last, "numbers": [taken.latest, list(taken.restarted)], "doubts": list(map(list, taken.doubts)),
        }  # fmt: skip
        self._folder.write(self.line, values | {"ward": kept_of_first(self._ward, self._model)})
        taken.doubted = False
        before, self._log = self._log, None  # one log is never open twice: it may be the same one, with nothing in it
        if before is not None:
            before.close()
        self._log = self._folder.log(self.line)

    def _due(self) -> bool:
        lines = self.line - self._saved_line
        return lines >= LINES or (lines > 0 and time.monotonic() - self._saved_at >= SECONDS)

    def _accept(self, text: bytes) -> list[Output]:
        if not text:
            return []
        count = text.count(b"\n")
        assert self._log is not None, "recover() comes before the first line"
        self._log.append(self.line, count, text)
        self._folder.testify(self.line + count)
        return self._take(text)

    def _take(self, text: bytes) -> list[Output]:
        self._line += text.count(b"\n")
        for gap in () if is_tick(text) else self._taken.learn(text):
            self._ward.note(gap.reason, gap.time, gap.text)
        return self._ward.feed(text)

    def _latest(self) -> dict[str, Any] | None:
        """The latest snapshot that can be used; None in a new folder."""
        refused: list[tuple[int, StateError]] = []
        for line in self._folder.snapshots():
            try:
                kept = self._folder.read(line)
            except StateError as error:
                refused.append((line, error))
                continue
            for damaged, why in refused:
                self._folder.set_aside(damaged)
                self.passed_over.append(why.where)
            return kept
        if refused:
            raise refused[0][1]
        if self._folder.logs():
            raise StateError(str(self._folder.path), "logs without a snapshot", "a whole folder", _CURE)
        return None

    def _consumed(self, count: int) -> Prints:
        """Fingerprints of the latest of so many lines of the feed."""
        consumed = self._folder.consumed
        consumed.cut(behind=count)
        begin = consumed.begins()
        pieces = [] if begin is None else list(consumed.pieces(begin))
        end = pieces[-1][0] + pieces[-1][1] if pieces else 0
        if end != count:
            where = str(consumed.path)
            raise StateError(where, f"fingerprints of {end:,} lines", f"those of {count:,}", _CURE)
        return np.concatenate([_NONE, *(np.frombuffer(content, np.uint64) for _, _, content in pieces)])
