"""A ward whose own clock runs, in many lives: its clock lines are kept, and no part of what a feed repeats."""

from __future__ import annotations

import itertools
import json
import os
import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.keeping import Stopped, by_id, feed_of, logged, run, snapshots_every
from tests.live import BEGIN, HOUR, model_folder, settings_of
from vitals.durable import folder as kept_in
from vitals.durable.folder import attested
from vitals.durable.gather import gathered
from vitals.durable.snapshot import read_snapshot, write_snapshot
from vitals.feeds.steady import Tick, is_tick, tick
from vitals.flows.ticking import Ticking

MANY = int(os.environ.get("VITALS_LIVES", "60")) // 12
EVERY = 600  # seconds


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model, and a policy that alerts."""
    path = model_folder(tmp_path_factory.mktemp("model"), settings_of(hidden=4))
    (path / "policy.toml").write_text('threshold = 0.5\nclear = 0.3\nsilence = "2h"\n')
    return path


class Clocked:
    """A source that gives pieces of some size and clock lines between them, also within a line, and is gone at its end.

    Args:
        content: the feed.
        draw: when, and how much at once.
        now: the next times of the clock.
        ends: the feed is over; else the process is gone.
    """

    def __init__(self, content: bytes, draw: random.Random, now: Callable[[], int], ends: bool) -> None:
        self._content, self._draw, self._now, self._ends, self._at = content, draw, now, ends, 0
        self._size, self._often = draw.choice([9, 50, 700, 5000]), draw.choice([0.1, 0.4])
        self.ticks: list[bytes] = []

    def read1(self, most: int) -> bytes:
        """The next piece, or a clock line."""
        often = self._often if self._size > 9 else self._often / 10
        if not self.ticks or self._draw.random() < often:
            self.ticks.append(tick(self._now(), EVERY))
            return self.ticks[-1]
        piece = self._content[self._at : self._at + min(self._size, most)]
        self._at += len(piece)
        if not piece and not self._ends:
            raise Stopped
        return piece


class Given:
    """A source that gives these pieces."""

    def __init__(self, pieces: list[bytes | type[Exception]]) -> None:
        self._pieces = iter(pieces)

    def read1(self, most: int) -> bytes:
        """The next one."""
        piece = next(self._pieces)
        if isinstance(piece, bytes):
            return piece
        raise piece


def marked(lines: list[bytes]) -> list[bytes]:
    """A feed that came out of another ward's log, and has the lines of that ward's clock in it."""
    clocks = [bytes(tick(BEGIN + hour * HOUR // 4, EVERY)) for hour in range(len(lines) // 10)]
    return [line for i, one in enumerate(lines) for line in ([clocks.pop(0), one] if i % 10 == 0 and clocks else [one])]


def places(lines: list[bytes], at: int, draw: random.Random) -> int:
    """Where a feed may begin again: at its beginning, or wherever no copy follows."""
    copy = any(lines[at - n : at] == lines[at : at + n] for n in range(1, at + 1))
    return draw.choice([0, draw.randrange(at) if at else 0, 0 if copy else at])


@pytest.mark.parametrize("kind", ["plain", "numbered", "with clock lines of its own"])
def test_in_every_life_the_feed_is_taken_in_once_and_the_log_says_what_was_said(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """Whatever was logged, fed to a ward that never stops, leads to the outputs of all lives together."""
    monkeypatch.setattr(kept_in, "KEPT", 10**6)
    again = between = 0
    for seed in range(MANY):
        draw, state = random.Random(seed), tmp_path / f"s{seed}"
        lines = feed_of(stays=3, hours=8, seed=seed, seq=kind == "numbered")
        lines = marked(lines) if "clock" in kind else lines
        now = itertools.count(BEGIN, EVERY * 1_000_000 // 8).__next__
        ends, begin, outputs, ticks = sorted(draw.sample(range(len(lines)), 3)), 0, [], list[bytes]()
        with snapshots_every(draw.choice([5, 40, 10**6])):
            for end in [*ends, len(lines)]:
                feed, torn = b"".join(lines[begin:end]), b"".join(lines[end : end + 1])[:-1][: draw.randrange(20)]
                source = Clocked(feed + torn, draw, now, ends=end == len(lines))
                outputs.append(run(model, source, state))
                ticks += source.ticks
                at = (attested((state / "head").read_bytes()) or 0) - len(ticks)  # lines of the feed
                begin = places(lines, at, draw)
                again += at - begin
        pieces = logged(state)
        assert b"".join(text for text in pieces if not is_tick(text)).replace(b"\n ", b"\n").lstrip() == b"".join(lines)
        assert [text for text in pieces if is_tick(text)] == ticks
        first, last = (next(i for i in order if not is_tick(pieces[i])) for order in
                       (range(len(pieces)), range(len(pieces) - 1, -1, -1)))  # fmt: skip
        between += sum(map(is_tick, pieces[first:last]))
        given = [Tick(text) if is_tick(text) else text for text in pieces]
        assert by_id(*outputs) == by_id(run(model, Given([*given, b""]), tmp_path / f"o{seed}")), seed
    assert min(again, between) > 10 * MANY  # it was put to the test


def test_the_clock_changes_what_such_a_ward_says(model: Path) -> None:
    """The comparison above would see a clock line that was lost."""
    lines = b"".join(feed_of(stays=3, hours=8))
    ticks = b"".join(tick(BEGIN + i * 1_000_000, EVERY) for i in range(3))
    with_it, without = (by_id(run(model, Given([text, b""]), None)) for text in (ticks + lines, lines))
    reasons, others = ({line.get("reason") for line in said.values()} for said in (with_it, without))
    assert "future" in reasons - others


def test_a_clock_line_while_a_repeat_is_open_is_said_at_once_and_settles_nothing(model: Path, tmp_path: Path) -> None:
    a, b, c = (b'{"stay":"p","time":%d,"signal":"spo2","value":9%d}\n' % (BEGIN + i, i) for i in (1, 2, 3))
    state, clock = tmp_path / "s", [tick(BEGIN + i, EVERY) for i in range(5)]
    run(model, Given([clock[0], a, b, clock[1], a, Stopped]), state)
    run(
        model, Given([a, clock[2], b, clock[3], c, clock[4], Stopped]), state
    )  # from the second a on, or from the first
    assert logged(state) == [clock[0], a, b, clock[1], a, clock[2], clock[3], b + c, clock[4]]


def test_a_folder_of_before_has_no_number_of_fed_lines(model: Path, tmp_path: Path) -> None:
    """Then every line was one of the feed."""
    lines, state = feed_of(stays=3, hours=8), tmp_path / "s"
    with snapshots_every(20):
        first = run(model, Given([b"".join(lines[:50]), b"".join(lines[50:70]), Stopped]), state)
    for path in state.glob("snapshot-*"):
        values = read_snapshot(path)
        assert values.pop("fed") == values["line"]
        write_snapshot(path, values)
    assert by_id(first, run(model, Given([*lines, b""]), state)) == by_id(run(model, Given([*lines, b""]), None))


@pytest.mark.parametrize("seed", range(20))
def test_through_a_pipe_the_clock_speaks_alone_and_waits_for_no_end_of_a_line(seed: int) -> None:
    """What is gathered is the feed as it came, with clock lines in it, also within its lines."""
    draw, passed = random.Random(seed), [0.0]
    feed = b"".join(b"%d\n" % i * draw.choice([1, 1, 40]) for i in range(60))
    begin, end = os.pipe()
    os.write(end, feed)
    os.close(end)

    class Pipe:
        """What is there, in pieces, while time passes."""

        def fileno(self) -> int:
            return begin

        def read_within(self, most: int, seconds: float | None) -> bytes:
            passed[0] += draw.random() * 3
            return os.read(begin, draw.randrange(1, 30))

    read, pieces = gathered(Ticking(Pipe(), 5, lambda: 0, lambda: passed[0]), 1 << 16), []  # type: ignore[arg-type]
    while piece := read():
        pieces.append(piece)
    os.close(begin)
    before = np.cumsum([0, *(len(piece) * (not isinstance(piece, Tick)) for piece in pieces)]).tolist()
    ticks = [at for at, piece in zip(before, pieces, strict=False) if isinstance(piece, Tick)]
    assert b"".join(piece for piece in pieces if not isinstance(piece, Tick)) == feed
    assert len(ticks) > 5
    assert any(feed[at - 1 : at] != b"\n" for at in ticks)
    assert all(json.loads(piece)["every"] == 5 for piece in pieces if isinstance(piece, Tick))
