"""Forget what the partitions know, so that another model may begin, and tell which stays begin anew with it."""

from __future__ import annotations

import json

import msgspec

from vitals.cluster.layout import IN, KEEP, Layout
from vitals.cluster.links import Link
from vitals.cluster.shard import begun
from vitals.cluster.streams import layout_of, refuse_another
from vitals.errors import StateError
from vitals.feeds.times import read_time


class _Timed(msgspec.Struct, gc=False):
    """Of a line of events, its time."""

    time: str | int | None = None


_DECODER = msgspec.json.Decoder(_Timed)


async def forget_states(link: Link, layout: Layout) -> None:
    """Forget what the partitions know, so that workers of another model read the events again; outputs stay as they are.

    Events are kept for a day. Of a stay that began earlier the first part is gone: its demographics, its measurements and
    its alerts. How many of them there are is told as ``stays_begin_anew``.

    Args:
        link: as ``admin``.
        layout: the partitions.

    Raises:
        StateError: there is a cluster with other partitions.
    """
    refuse_another(layout, await layout_of(link))
    known = anew = 0
    for partition in range(layout.partitions):
        state = await link.last(layout.stream(KEEP, partition), layout.kept(partition))
        if not state.body:
            continue
        try:
            admitted = begun(state.body, f"partition {partition}")
        except StateError as error:  # nobody can go on from it either
            link.tell("state_unreadable", str(error))
            continue
        first = await _first(link, layout, partition)
        known += len(admitted)
        anew += sum(first is None or time < first for time in admitted)
    link.tell("stays_begin_anew", f"{anew} of {known}")
    for stream in layout.streams(KEEP):
        question = f"$JS.API.STREAM.PURGE.{stream}"
        told = json.loads((await link.ask_until(question, b"{}")).data)
        if "error" in told:
            why = str(told["error"].get("description", "no answer"))
            raise StateError(stream, why, "a stream whose leader answers", "try again once all servers are up")


async def _first(link: Link, layout: Layout, partition: int) -> int | None:
    """When the oldest event that is left of a partition happened, in microseconds; None where none is left or it tells none."""
    question = json.dumps({"seq": 1, "next_by_subj": layout.events(partition)}).encode()
    answer = await link.ask_until(f"$JS.API.DIRECT.GET.{layout.stream(IN, partition)}", question)
    try:
        return read_time(_DECODER.decode(answer.data.partition(b"\n")[0]).time)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
