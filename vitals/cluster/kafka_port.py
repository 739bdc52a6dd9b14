"""The four verbs on Kafka: leases are the consumer group's, positions and states lie in a compacted topic.

Kafka cannot replace a value only if it is still the one that was read. So a worker that was paused may write an older state
or outputs that are there already; whoever loads takes the state that has seen most, and lines have ids.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaException, Producer, TopicPartition

from vitals.cluster.port import Fenced, Kept, Message
from vitals.errors import FeedError

IN, OUT, STATE = "vitals.in", "vitals.out", "vitals.state"
"""Topics of the same number of partitions; the last one compacted."""

GROUP = "vitals"
THROUGH = "vitals-through"
_LARGEST = 8 << 20
_WAITING = 512  # messages of a partition that are held here; then it is paused
_IDLE = 0.25
_TIMEOUT = 10.0


class KafkaPort:
    """A :class:`vitals.cluster.port.Port` on Kafka.

    A message's sequence is its offset and one, so that 0 is before the first.

    Args:
        settings: of every client: ``bootstrap.servers``, and how to encrypt.

    Raises:
        FeedError: there is no topic ``vitals.in``, or no broker.
    """

    def __init__(self, settings: dict[str, Any]) -> None:
        self._settings = settings
        self._held: set[int] = set()
        self._expired: set[int] = set()
        self._commands: deque[Callable[[], None]] = deque()
        self._waiting: dict[int, deque[Message]] = {}
        self._through: dict[int, int] = {}
        self._paused: set[int] = set()
        self._stop = threading.Event()
        self._producer = Producer(
            settings | {"enable.idempotence": True, "acks": "all", "message.max.bytes": _LARGEST, "linger.ms": 2}
        )
        self.partitions = self._count()
        self._consumer = Consumer(
            settings
            | {
                "group.id": GROUP, "enable.auto.commit": False, "auto.offset.reset": "earliest",
                "partition.assignment.strategy": "cooperative-sticky", "session.timeout.ms": 6000,
            }
        )  # fmt: skip
        self._consumer.subscribe([IN], on_assign=self._assigned, on_revoke=self._revoked, on_lost=self._lost)
        self._thread = threading.Thread(target=self._poll, daemon=True)
        self._thread.start()

    def held(self) -> frozenset[int]:
        """Partitions that the group gave to this worker."""
        return frozenset(self._held)

    def expired(self, partition: int) -> bool:
        """Whether the group gave this worker up."""
        return partition in self._expired

    async def release(self, partition: int) -> None:
        """This worker does not serve a partition any more."""
        self._expired.discard(partition)
        self._waiting.pop(partition, None)

    async def load(self, partition: int) -> Kept:
        """What was kept of a partition; its messages come from there on."""
        kept = await asyncio.to_thread(self._load, partition)
        self._through[partition] = kept.through
        waiting: deque[Message] = deque()
        self._waiting[partition] = waiting

        def seek() -> None:
            if partition in self._held:
                self._consumer.seek(TopicPartition(IN, partition, kept.position or OFFSET_BEGINNING))
                self._consumer.resume([TopicPartition(IN, partition)])
                self._paused.discard(partition)

        self._commands.append(seek)
        return kept

    async def read(self, partition: int, after: int) -> list[Message]:
        """The next messages of a partition."""
        waiting = self._waiting[partition]
        if not waiting:
            await asyncio.sleep(_IDLE / 10)
        found: list[Message] = []
        while waiting and len(found) < _WAITING:
            message = waiting.popleft()
            if message.sequence > after:
                found.append(message)
        if partition in self._paused and not waiting:
            self._commands.append(lambda: self._resume(partition))
        return found

    async def emit(self, partition: int, through: int, text: bytes) -> None:
        """Write outputs, acknowledged by all replicas that are in sync."""
        if partition not in self._held:
            raise Fenced
        await self._produce(OUT, partition, text, [(THROUGH, str(through).encode())])

    async def save(self, partition: int, position: int, body: bytes) -> None:
        """Keep position and state as one value."""
        if partition not in self._held:
            raise Fenced
        await self._produce(STATE, partition, position.to_bytes(8, "little") + body, None)

    def close(self) -> None:
        """Leave the group; others take over at once."""
        self._stop.set()
        self._thread.join()
        self._consumer.close()
        self._producer.flush(_TIMEOUT)

    def _count(self) -> int:
        cure = "create vitals.in, vitals.out and vitals.state (compacted) with the same number of partitions"
        try:
            topics = [self._producer.list_topics(name, timeout=_TIMEOUT).topics[name] for name in (IN, OUT, STATE)]
        except KafkaException as error:
            raise FeedError(
                str(self._settings["bootstrap.servers"]), str(error), "a broker that answers", cure
            ) from error
        many = {topic.topic: len(topic.partitions) for topic in topics}
        if len(set(many.values())) != 1 or not many[IN]:
            raise FeedError("the topics", f"partitions {many}", "the same number of each", cure)
        return many[IN]

    async def _produce(self, topic: str, partition: int, body: bytes, headers: Any) -> None:
        loop = asyncio.get_running_loop()
        done: asyncio.Future[None] = loop.create_future()

        def told(error: Any, _message: Any) -> None:
            loop.call_soon_threadsafe(_settle, done, error)

        self._producer.produce(topic, body, str(partition).encode(), partition, told, headers=headers)
        await done

    def _load(self, partition: int) -> Kept:
        position, body, through = 0, None, 0
        for _, value in self._all(STATE, partition, None):
            seen = int.from_bytes(value[:8], "little")
            if seen >= position:
                position, body = seen, value[8:]
        for headers, _ in self._all(OUT, partition, 1):
            through = int(dict(headers or [])[THROUGH])
        return Kept(position, body, through)

    def _all(self, topic: str, partition: int, last: int | None) -> list[tuple[Any, bytes]]:
        """Headers and values of a partition that are there now, or the last few."""
        reader = Consumer(self._settings | {"group.id": f"{GROUP}-load", "enable.auto.commit": False})
        try:
            place = TopicPartition(topic, partition)
            low, high = reader.get_watermark_offsets(place, timeout=_TIMEOUT)
            begin = low if last is None else max(low, high - last)
            reader.assign([TopicPartition(topic, partition, begin)])
            found: list[tuple[Any, bytes]] = []
            at = begin
            while at < high:
                message = reader.poll(1.0)
                if message is not None and not message.error():
                    found.append((message.headers(), bytes(message.value() or b"")))
                    at = int(message.offset() or 0) + 1
            return found
        finally:
            reader.close()

    def _assigned(self, consumer: Consumer, places: list[TopicPartition]) -> None:
        consumer.incremental_assign([TopicPartition(IN, place.partition, OFFSET_BEGINNING) for place in places])
        consumer.pause(places)  # until what was kept of them is known
        self._held.update(place.partition for place in places)
        self._paused.update(place.partition for place in places)

    def _revoked(self, consumer: Consumer, places: list[TopicPartition]) -> None:
        self._held.difference_update(place.partition for place in places)
        consumer.incremental_unassign(places)

    def _lost(self, consumer: Consumer, places: list[TopicPartition]) -> None:
        self._expired.update(place.partition for place in places)
        self._revoked(consumer, places)

    def _resume(self, partition: int) -> None:
        if partition in self._held:
            self._consumer.resume([TopicPartition(IN, partition)])
            self._paused.discard(partition)

    def _poll(self) -> None:
        while not self._stop.is_set():
            self._producer.poll(0)
            while self._commands:
                self._commands.popleft()()
            for message in self._consumer.consume(_WAITING, 0.02):
                if message.error():
                    continue
                partition = int(message.partition() or 0)
                waiting = self._waiting.get(partition)
                if waiting is None or partition not in self._held:
                    continue
                waiting.append(Message(int(message.offset() or 0) + 1, bytes(message.value() or b"")))
                if len(waiting) > 2 * _WAITING and partition not in self._paused:
                    self._consumer.pause([TopicPartition(IN, partition)])
                    self._paused.add(partition)


def _settle(done: asyncio.Future[None], error: Any) -> None:
    if done.done():
        return  # nobody waits any more
    if error is None:
        done.set_result(None)
    else:
        done.set_exception(KafkaException(error))


@asynccontextmanager
async def kafka_port(url: str, keys: Path | None) -> AsyncIterator[KafkaPort]:
    """A port on the brokers of ``kafka://host:port,host:port``; with keys, encrypted and authenticated.

    Raises:
        FeedError: no broker answers, or the topics do not fit.
    """
    settings: dict[str, Any] = {"bootstrap.servers": url.removeprefix("kafka://")}
    if keys is not None:
        settings |= {
            "security.protocol": "ssl", "ssl.ca.location": str(keys / "ca.pem"),
            "ssl.certificate.location": str(keys / "cert.pem"), "ssl.key.location": str(keys / "key.pem"),
        }  # fmt: skip
    port = await asyncio.to_thread(KafkaPort, settings)
    try:
        yield port
    finally:
        await asyncio.to_thread(port.close)
