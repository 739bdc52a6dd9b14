"""Now and skew are kept: a ward that goes on from a snapshot, at whatever line, says what one without a stop says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.live import BEGIN
from vitals.durable.snapshot import read_snapshot, write_snapshot
from vitals.feeds.lines import Technical
from vitals.feeds.ndjson import encode_lines
from vitals.scoring.model import Model
from vitals.ward.clocks import WardClock
from vitals.ward.sources import MESSAGES, SOURCES, Sources
from vitals.ward.ward import Ward

SECOND, MINUTE = 1_000_000, 60_000_000


def feed() -> list[bytes]:
    """A source that goes wrong by five minutes and comes right, another that is an hour off, clock lines that leap."""
    lines: list[dict[str, Any]] = []
    for minute in range(90):
        now = BEGIN + minute * MINUTE
        off = {"a": 5 * MINUTE if 20 <= minute < 50 else 0, "b": -60 * MINUTE if minute > 10 else 0}
        for source, skew in off.items():
            lines.append(
                {"stay": f"of-{source}", "time": now + skew, "signal": "heart_rate", "value": 80 + minute % 7,
                 "arrival": now + SECOND, "source": source}
            )  # fmt: skip
        leap = 10 * 60 * MINUTE if minute % 30 == 7 else 0
        lines.append({"kind": "clock", "time": now + 2 * SECOND + leap, "every": 60})
    return [json.dumps(line).encode() + b"\n" for line in lines]


def test_clocks_are_kept(model: Model, tmp_path: Path) -> None:
    lines = feed()
    whole = Ward(model).feed(b"".join(lines))
    told = [line.reason for line in whole if isinstance(line, Technical)]
    assert {"skew", "skew_over", "skew_too_far", "skewed", "clock_leaps"} <= set(told)
    text = encode_lines(whole)
    for cut in range(0, len(lines), 23):
        ward = Ward(model)
        first = encode_lines(ward.feed(b"".join(lines[:cut])))
        write_snapshot(tmp_path / "kept", ward.kept())
        other = Ward.restored(model, None, read_snapshot(tmp_path / "kept"))
        assert first + encode_lines(other.feed(b"".join(lines[cut:]))[1:]) == text


def test_two_clocks_that_disagree_do_not_take_turns() -> None:
    clock = WardClock(2 * MINUTE)
    right = [clock.hear(at * SECOND, 10 * SECOND) for at in (0, 10, 20)]
    both = [
        (clock.hear((30 + 10 * i) * SECOND, 10 * SECOND), clock.hear((9_000 + 10 * i) * SECOND, 10 * SECOND))
        for i in range(9)
    ]
    assert right == [False, False, True]
    assert both == [(True, False)] * 9


def test_a_clock_that_is_put_back_is_followed_once_three_lines_agree() -> None:
    clock = WardClock(2 * MINUTE)
    assert [clock.hear(at * SECOND, 10 * SECOND) for at in (9_000, 9_010, 9_020, 0, 10, 20)] == [False, False, True] * 2
    assert clock.time == 20 * SECOND


def test_one_wrong_message_is_no_skew_and_a_message_counts_once() -> None:
    sources = Sources(2 * MINUTE)
    for minute in range(MESSAGES):
        wrong = 600 * MINUTE if minute % 5 == 4 else 0
        for _ in range(30):  # many samples of one message
            assert sources.hear("a", minute * MINUTE - wrong, minute * MINUTE + SECOND) is None
    assert sources.correction("a") == 0


def test_sources_are_bounded() -> None:
    sources = Sources(2 * MINUTE)
    for i in range(SOURCES + 10):
        sources.hear(f"s{i}", 0, 1)
    assert len(sources.kept()) == SOURCES
    assert sources.correction("s0") == 0
