"""Workers on a broker in memory: whatever is lost, paused or taken away between two steps, everything goes out once."""

from __future__ import annotations

import asyncio
import random
from collections import defaultdict
from pathlib import Path

import pytest

from tests.clusters import about_stays, differences, one_ward
from tests.keeping import feed_of
from tests.live import model_folder, settings_of
from vitals.cluster import shard, worker
from vitals.cluster.port import Fenced, Kept, Message
from vitals.cluster.routing import EVERYWHERE, route
from vitals.cluster.shard import Shard
from vitals.cluster.worker import Worker
from vitals.errors import FeedError, StateError
from vitals.feeds.ndjson import encode_lines
from vitals.flows.watching import find_policy
from vitals.scoring.model import Model, open_model

PARTITIONS = 3


def answering(_partition: int, shard: Shard, messages: list[Message], _since: float) -> bytes:
    return encode_lines(shard.take(messages))


class Broker:
    """Messages, outputs and states; a write counts only if nobody has written since the writer looked."""

    def __init__(self, lines: list[bytes], draw: random.Random) -> None:
        self.draw = draw
        self.messages = defaultdict[int, list[Message]](list)
        for number, line in enumerate(lines, 1):
            (where,), _ = route(line, PARTITIONS)
            for partition in range(PARTITIONS) if where == EVERYWHERE else [int(where)]:
                self.messages[partition].append(Message(number, line))
        self.kept = defaultdict[int, tuple[int, int, bytes | None]](lambda: (0, 0, None))
        self.outputs = defaultdict[int, list[tuple[int, bytes]]](list)
        self.positions = defaultdict[int, list[int]](list)

    def done(self) -> bool:
        return all(map(self.seen, range(PARTITIONS)))

    def seen(self, partition: int) -> bool:
        return self.kept[partition][1] == self.messages[partition][-1].sequence


class MemoryPort:
    """A port of one worker, who may be made to wait anywhere."""

    partitions = PARTITIONS

    def __init__(self, broker: Broker) -> None:
        self.broker, self.serves = broker, set(range(PARTITIONS))
        self._kept: dict[int, int] = {}
        self._out: dict[int, int] = {}

    def held(self) -> frozenset[int]:
        return frozenset(self.serves)

    def expired(self, partition: int) -> bool:
        return False

    async def release(self, partition: int) -> None:
        self.serves.discard(partition)

    async def load(self, partition: int) -> Kept:
        await self._wait()
        revision, position, body = self.broker.kept[partition]
        self._kept[partition] = revision + 1
        self.broker.kept[partition] = (revision + 1, position, body)
        self._out[partition] = len(self.broker.outputs[partition])
        through = self.broker.outputs[partition][-1][0] if self.broker.outputs[partition] else 0
        return Kept(position, body, through)

    async def read(self, partition: int, after: int) -> list[Message]:
        await self._wait()
        found = [message for message in self.broker.messages[partition] if message.sequence > after]
        return found[: self.broker.draw.randrange(1, 40)]

    async def emit(self, partition: int, through: int, text: bytes) -> None:
        await self._wait()
        if len(self.broker.outputs[partition]) != self._out[partition]:
            self.serves.discard(partition)
            raise Fenced
        self.broker.outputs[partition].append((through, text))
        self._out[partition] += 1
        await self._wait()

    async def save(self, partition: int, position: int, body: bytes) -> None:
        await self._wait()
        if self.broker.kept[partition][0] != self._kept[partition]:
            self.serves.discard(partition)
            raise Fenced
        self._kept[partition] += 1
        self.broker.kept[partition] = (self._kept[partition], position, body)
        self.broker.positions[partition].append(position)

    async def _wait(self) -> None:
        await asyncio.sleep(self.broker.draw.random() ** 4 * 0.02)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model, and a policy that alerts."""
    path = model_folder(tmp_path_factory.mktemp("model"), settings_of(hidden=4, grace="30min"))
    (path / "policy.toml").write_text('threshold = 0.5\nclear = 0.3\nsilence = "2h"\n')
    return path


@pytest.mark.parametrize("seed", range(12))
def test_workers_that_come_go_and_overlap(model: Path, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shard, "MESSAGES", 60)
    monkeypatch.setattr(shard, "IDLE", 0.01)
    lines = feed_of(stays=8, hours=10, seed=seed)
    draw = random.Random(seed)
    broker, opened, policy = Broker(lines, draw), open_model(model), find_policy(model)
    replaced = 0

    def another() -> tuple[Worker, asyncio.Task[None]]:
        made = Worker(
            MemoryPort(broker), lambda kept, where: Shard(opened, policy, kept, where),
            answering, lambda *_: None,
        )  # fmt: skip
        return made, asyncio.create_task(made.run())

    async def run() -> None:
        nonlocal replaced
        running = [another()]
        while not broker.done():
            await asyncio.sleep(draw.random() * 0.15)
            if (
                not replaced or draw.random() < 0.6
            ):  # another comes, though nobody left: who had the partitions does not know yet
                running.append(another())
                replaced += 1
            if len(running) > 1 and draw.random() < 0.5:
                running.pop(draw.randrange(len(running) - 1))[1].cancel()
        for made, _ in running:
            made.stop.set()
        await asyncio.gather(*(task for _, task in running))

    asyncio.run(asyncio.wait_for(run(), 60))
    assert replaced
    text = b"".join(text for outputs in broker.outputs.values() for _, text in outputs)
    assert differences(about_stays(text), one_ward(model, lines)) == (0, 0, 0)
    assert all(positions == sorted(positions) for positions in broker.positions.values())


def test_a_state_of_another_model_or_a_damaged_one_is_refused(model: Path, tmp_path: Path) -> None:
    opened: Model = open_model(model)
    one = Shard(opened, None, Kept(0, None, 0), "partition 1")
    one.take([Message(3, feed_of()[0])])
    body = one.kept()
    assert Shard(opened, None, Kept(3, body, 3), "partition 1").position == 3
    other = open_model(model_folder(tmp_path / "other", settings_of(hidden=4, grace="30min"), seed=5))
    with pytest.raises(StateError, match="partition 1 model: came"):
        Shard(other, None, Kept(3, body, 3), "partition 1")
    coarser = open_model(model_folder(tmp_path / "coarser", settings_of(hidden=4, step="2h")))
    with pytest.raises(StateError, match=r"partition 1 \[window\] step: came"):
        Shard(coarser, None, Kept(3, body, 3), "partition 1")
    for place in range(0, len(body), 97):
        turned = bytearray(body)
        turned[place] ^= 4
        with pytest.raises(StateError):
            Shard(opened, None, Kept(3, bytes(turned), 3), "partition 1")


class Keeping(MemoryPort):
    """A port whose partitions stay with this worker."""

    async def release(self, partition: int) -> None:
        pass


@pytest.mark.parametrize("fault", ["damaged", "too large", "raises"])
def test_a_partition_that_fails_holds_up_no_other(model: Path, fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shard, "IDLE", 0.01)
    monkeypatch.setattr(worker, "REST", 0.3)
    lines = feed_of(stays=8, hours=10, seed=1)
    broker, opened, told = Broker(lines, random.Random(1)), open_model(model), list[tuple[str, int, str]]()
    bad = [True]

    class Port(Keeping):
        async def save(self, partition: int, position: int, body: bytes) -> None:
            if fault == "too large" and partition == 1 and bad[0]:
                raise StateError("partition 1", "a state of 9 bytes", "8 at most", "more partitions")
            await super().save(partition, position, body)

    def answer(partition: int, one: Shard, messages: list[Message], since: float) -> bytes:
        if fault == "raises" and partition == 1 and bad[0]:
            raise ValueError("p000001")  # a stay, which nobody may read
        return answering(partition, one, messages, since)

    if fault == "damaged":
        broker.kept[1] = (5, 10, b"damaged")

    async def run() -> None:
        one = Worker(
            Port(broker), lambda kept, where: Shard(opened, None, kept, where), answer, lambda *news: told.append(news)
        )
        running = asyncio.create_task(one.run())
        while not (
            broker.seen(0) and broker.seen(2) and len([news for news in told if news[0] == "partition_failed"]) > 1
        ):
            assert not running.done()
            await asyncio.sleep(0.01)
        assert not broker.seen(1)
        bad[0] = False  # and when it can be served again, it is
        if fault == "damaged":
            broker.kept[1] = (broker.kept[1][0], 0, None)
        while not broker.seen(1):
            await asyncio.sleep(0.01)
        one.stop.set()
        await running

    asyncio.run(asyncio.wait_for(run(), 60))
    failed = [news for news in told if news[0] == "partition_failed"]
    assert {partition for _, partition, _ in failed} == {1}
    assert not any("p000001" in why for *_, why in failed)


def test_a_worker_that_cannot_save_ends_with_an_error(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "GOODBYE", 0.2)
    broker, opened = Broker(feed_of(stays=8, hours=10, seed=1), random.Random(1)), open_model(model)

    class Stuck(MemoryPort):
        async def emit(self, partition: int, through: int, text: bytes) -> None:
            await asyncio.Event().wait()

    async def run() -> None:
        one = Worker(Stuck(broker), lambda kept, where: Shard(opened, None, kept, where), answering, lambda *_: None)
        running = asyncio.create_task(one.run())
        while one.waiting_since() is None:
            await asyncio.sleep(0.01)
        one.stop.set()
        with pytest.raises(FeedError, match="a quorum"):
            await running

    asyncio.run(asyncio.wait_for(run(), 60))
