"""The second adapter, on librdkafka's own mock brokers: workers come, go and take over from what was kept."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition

from tests.clusters import about_stays, differences, one_ward
from tests.keeping import feed_of
from vitals.cluster import kafka_port
from vitals.cluster.kafka_port import IN, OUT, STATE, THROUGH, KafkaPort
from vitals.cluster.routing import EVERYWHERE, route
from vitals.cluster.shard import Shard
from vitals.cluster.worker import Worker
from vitals.errors import FeedError
from vitals.feeds.ndjson import encode_lines
from vitals.flows.watching import find_policy
from vitals.scoring.model import open_model

_MOCKS: list[Producer] = []


@pytest.fixture
def brokers() -> dict[str, Any]:
    """Three mock brokers with the topics of a ward."""
    mock = Producer({"bootstrap.servers": "none", "test.mock.num.brokers": 3})
    found = mock.list_topics(timeout=10).brokers.values()
    settings = {"bootstrap.servers": ",".join(f"{broker.host}:{broker.port}" for broker in found)}
    for topic in (IN, OUT, STATE):
        mock.list_topics(topic, timeout=10)
    _MOCKS.append(mock)  # the brokers live as long as it does
    return settings


def publish(settings: dict[str, Any], lines: list[bytes], partitions: int) -> None:
    producer = Producer(settings | {"enable.idempotence": True, "acks": "all"})
    for line in lines:
        (where,), _ = route(line, partitions)
        for partition in range(partitions) if where == EVERYWHERE else [int(where)]:
            producer.produce(IN, line, partition=partition)
    assert producer.flush(30) == 0


def published(settings: dict[str, Any], partitions: int) -> bytes:
    """Everything that went out, once: what comes twice has a message that covers no more than one before."""
    reader = Consumer(settings | {"group.id": "test", "auto.offset.reset": "earliest"})
    texts, through = [], defaultdict[int, int](int)
    for partition in range(partitions):
        _, high = reader.get_watermark_offsets(TopicPartition(OUT, partition), timeout=10)
        reader.assign([TopicPartition(OUT, partition, 0)])
        at = 0
        while at < high:
            message = reader.poll(5)
            assert message is not None
            at = message.offset() + 1
            said = int(dict(message.headers())[THROUGH])
            assert said > through[partition], "outputs came twice"
            through[partition] = said
            texts.append(message.value())
    reader.close()
    return b"".join(texts)


async def work(settings: dict[str, Any], model: Path, seconds: float, saves: bool = True) -> set[int]:
    """One worker for a while; returns what it served."""
    opened, policy = open_model(model), find_policy(model)
    port = await asyncio.to_thread(KafkaPort, settings)
    served: set[int] = set()
    worker = Worker(
        port, lambda kept, where: Shard(opened, policy, kept, where),
        lambda _partition, shard, messages, _since: encode_lines(shard.take(messages)),
        lambda _reason, partition, _why: served.add(partition),
    )  # fmt: skip
    running = asyncio.create_task(worker.run())
    await asyncio.sleep(seconds)
    if saves:
        worker.stop.set()
        await running
    else:  # it is gone without a word
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    await asyncio.to_thread(port.close)
    return served


def test_workers_take_over_from_each_other(brokers: dict[str, Any], model: Path) -> None:
    port = KafkaPort(brokers)
    partitions = port.partitions
    port.close()
    lines = feed_of(stays=12, hours=12, seed=4)
    half, wanted = len(lines) // 2, one_ward(model, lines)
    publish(brokers, lines[:half], partitions)

    async def run() -> tuple[set[int], set[int]]:
        first = await work(brokers, model, 6)
        publish(brokers, lines[half:], partitions)
        both = await asyncio.gather(work(brokers, model, 9), work(brokers, model, 9))
        for _ in range(3):  # a busy machine is given more time
            if not differences(about_stays(published(brokers, partitions)), wanted)[0]:
                break
            await work(brokers, model, 9)
        return first, both[0] | both[1]

    first, later = asyncio.run(run())
    assert first == later == set(range(partitions))
    assert differences(about_stays(published(brokers, partitions)), wanted) == (0, 0, 0)


def test_a_worker_that_never_saved_is_replayed(brokers: dict[str, Any], model: Path) -> None:
    lines = feed_of(stays=8, hours=10, seed=6)
    publish(brokers, lines, 4)

    async def run() -> None:
        await work(brokers, model, 6, saves=False)
        await work(brokers, model, 10)

    asyncio.run(run())
    assert differences(about_stays(published(brokers, 4)), one_ward(model, lines)) == (0, 0, 0)


def test_no_broker_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kafka_port, "_TIMEOUT", 1.0)
    with pytest.raises(FeedError, match="a broker that answers"):
        KafkaPort({"bootstrap.servers": "127.0.0.1:9", "log_level": 0})
