"""What a worker needs of a message broker: four verbs, and an error for whoever has been replaced."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from vitals.errors import FeedError


class Message(NamedTuple):
    """Events of one partition.

    Attributes:
        sequence: its place; rises within a partition.
        body: whole lines of NDJSON.
    """

    sequence: int
    body: bytes


class Kept(NamedTuple):
    """What is known of a partition when a worker takes it.

    Attributes:
        position: the last message that the state has seen; 0 before the first.
        body: the state, as :mod:`vitals.cluster.shard` wrote it; None before the first.
        through: the last message whose outputs went out, in whole.
    """

    position: int
    body: bytes | None
    through: int


class Fenced(Exception):  # noqa: N818 (no fault: this is how a worker learns that it has been replaced)
    """Another worker has taken the partition: whoever sees this stops serving it at once."""


class NeverTakenError(FeedError):
    """A message that the servers will not take, however often it is sent."""


class Port(Protocol):
    """A broker as workers see it. Every method may wait as long as the broker is away; none gives up.

    Attributes:
        partitions: how many there are.
    """

    partitions: int

    def held(self) -> frozenset[int]:
        """LEASE: the partitions that are this worker's to serve, as of now."""

    def expired(self, partition: int) -> bool:
        """LEASE: whether the partition is not this worker's any more because nobody heard it, until it is released."""

    async def release(self, partition: int) -> None:
        """LEASE: this worker does not serve a partition any more; another may."""

    async def load(self, partition: int) -> Kept:
        """LOAD: take over a partition; from now on nobody else can save or emit for it."""

    async def read(self, partition: int, after: int) -> list[Message]:
        """READ: the next messages after one, in order; none after a short wait without any."""

    async def emit(self, partition: int, through: int, text: bytes) -> None:
        """EMIT: write what messages up to ``through`` led to, exactly once.

        Raises:
            Fenced: somebody else has the partition.
        """

    async def save(self, partition: int, position: int, body: bytes) -> None:
        """SAVE: keep position and state as one value.

        Raises:
            Fenced: somebody else has the partition.
        """
