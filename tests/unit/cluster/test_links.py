"""What passes is tried again, what the servers will never take is told."""

from __future__ import annotations

import asyncio
import json
from typing import Any, cast

import pytest
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import MaxPayloadError, NoRespondersError

from vitals.cluster import links
from vitals.cluster.links import Link
from vitals.cluster.port import Fenced, NeverTakenError

STORED = {"stream": "VITALS_IN_1", "seq": 7}


def answer(**table: Any) -> Msg:
    return Msg(_client=cast(Any, None), data=json.dumps(table).encode())


def refusal(status: int, number: int) -> Msg:
    return answer(error={"code": status, "err_code": number, "description": "no"})


class Server:
    """Gives one answer after the other."""

    def __init__(self, *answers: Msg | Exception) -> None:
        self.answers = list(answers)

    async def request(self, *_: Any, **__: Any) -> Msg:
        found = self.answers.pop(0)
        if isinstance(found, Exception):
            raise found
        return found


async def store(server: Server, headers: dict[str, str]) -> int:
    link = Link(cast(Client, server), lambda *_: None)
    await link.came_up()
    return await link.store("vitals.p.1", b"{}\n", {"Nats-Msg-Id": "a"} | headers)


@pytest.mark.parametrize(
    "passes", [NoRespondersError(), refusal(503, 10077), refusal(500, 10047), refusal(400, 10158), answer(error={})]
)
def test_what_passes_is_tried_again(passes: Msg | Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(links, "_PAUSE", 0.0)
    server = Server(passes, passes, answer(**STORED))
    assert asyncio.run(store(server, {})) == 7
    assert not server.answers


@pytest.mark.parametrize("never", [MaxPayloadError(), refusal(400, 10054), refusal(400, 10109)])
def test_what_is_never_taken_is_told(never: Msg | Exception) -> None:
    with pytest.raises(NeverTakenError, match="max_payload of every server"):
        asyncio.run(asyncio.wait_for(store(Server(never), {}), 5))


def test_another_message_in_between_fences() -> None:
    with pytest.raises(Fenced):
        asyncio.run(store(Server(refusal(400, 10071)), {"Nats-Expected-Last-Subject-Sequence": "3"}))
