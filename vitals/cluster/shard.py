"""One partition's ward: messages in, lines out, and all of it as one value that another worker can go on from."""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable, Sequence
from typing import Any

import vitals
from vitals.cluster.port import Kept, Message
from vitals.durable.folder import identity, refuse_another
from vitals.durable.snapshot import decode_snapshot, encode_snapshot
from vitals.errors import StateError
from vitals.feeds.lines import Output
from vitals.scoring.model import Model
from vitals.spec.policy import AlertPolicy
from vitals.ward.swap import present
from vitals.ward.ward import Ward
from vitals.windowing.types import NEVER

MESSAGES, IDLE = 200, 0.5
"""State is saved after so many messages, or so many seconds without any."""

Took = Callable[[bytes], None]
_LEVEL = 1  # of compression: most of a ward's arrays is empty
_BEDS = 16


class AnotherWardError(StateError):
    """A state of another model, window or policy: whoever meets it can serve no partition of this cluster."""


class Shard:
    r"""The beds of one partition.

    Args:
        model: scores the rows.
        policy: decides which risks alert.
        kept: what to go on from.
        where: what the partition is called in an error.
        took: is told of the bytes that came in for the first time.

    Attributes:
        position: the last message that was taken in.

    Raises:
        StateError: what was kept is damaged.
        AnotherWardError: it is of another model, window or policy.

    Example:
        >>> from vitals.spec.settings import Settings
        >>> settings = Settings.from_tables({"name": "x", "signals": {"spo2": {}}, "window": {"step": "1h"},
        ...                                  "label": {"kind": "sepsis", "horizon": "6h"}})
        >>> opened = Model(settings, digest="0" * 64, hidden_size=1, about={}, session=None)
        >>> shard = Shard(opened, None, Kept(0, None, 0), "partition 3")
        >>> [line.reason for line in shard.take([Message(4, b'{"stay":"p1","time":0,"signal":"pulse","value":80}\n')])]
        ['started', 'unknown_signal']
        >>> Shard(opened, None, Kept(4, shard.kept(), 4), "partition 3").position
        4
    """

    def __init__(
        self, model: Model, policy: AlertPolicy | None, kept: Kept, where: str, took: Took | None = None
    ) -> None:
        self._took = took
        self._identity, self._through = identity(model, policy), kept.through
        self._unsaved, self._last = 0, time.monotonic()
        self._first: list[Output] = []
        if kept.body is None:
            self._ward, self.position = Ward(model, policy, _BEDS), 0
            if kept.through:  # what this model says of the past is passed over, but not that it started
                self._first = self._ward.take([])
            return
        values = _decode(kept.body, where)
        try:
            refuse_another(where, values["identity"], self._identity)
        except StateError as error:
            raise AnotherWardError(error.where, error.came, error.wanted, error.cure) from error
        self._ward, self.position = Ward.restored(model, policy, values["ward"]), int(values["position"])
        self._ward.take([])  # that it started has been told

    def take(self, messages: Sequence[Message]) -> list[Output]:
        """Take in the next messages; returns what those lead to whose outputs did not go out before.

        Args:
            messages: in order, all after :attr:`position`.
        """
        old = [message for message in messages if message.sequence <= self._through]
        new = messages[len(old) :]
        if old:
            self._ward.feed(_text(old))
        text = _text(new)
        if new and self._took is not None:
            self._took(text)
        lines = self._ward.feed(text) if new else []
        if new:
            lines, self._first = self._first + lines, []
        self.position = messages[-1].sequence
        self._unsaved += len(messages)
        self._last = time.monotonic()
        return lines

    def stays(self) -> int:
        """Stays that are in the ward."""
        return present(self._ward)

    def due(self) -> bool:
        """Whether the state should be saved now."""
        return self._unsaved >= MESSAGES or (self._unsaved > 0 and time.monotonic() - self._last >= IDLE)

    def unsaved(self) -> bool:
        """Whether there is anything to save."""
        return self._unsaved > 0

    def kept(self) -> bytes:
        """Position and state in one value; it counts as saved from now on."""
        self._unsaved = 0
        values = {
            "identity": self._identity, "version": vitals.__version__, "position": self.position,
            "ward": self._ward.kept(),
        }  # fmt: skip
        return zlib.compress(encode_snapshot(values), _LEVEL)


Opener = Callable[[Kept, str], Shard]


def begun(body: bytes, where: str) -> list[int]:
    """When each stay of a state was admitted, in microseconds.

    Args:
        body: as :meth:`Shard.kept` wrote it.
        where: what the partition is called in an error.

    Raises:
        StateError: it is damaged.
    """
    admitted = _decode(body, where)["ward"]["slabs"]["admitted"]
    return [int(time) for time in admitted[admitted != NEVER]]


def _decode(body: bytes, where: str) -> dict[str, Any]:
    try:
        content = zlib.decompress(body)
    except zlib.error:
        content = b""  # the codec refuses it, with its cure
    return decode_snapshot(content, where)


def _text(messages: Sequence[Message]) -> bytes:
    return b"".join(body if body.endswith(b"\n") else body + b"\n" for _, body in messages)
