"""A ward that lives many lives, each of which brings the same feed from some line on: what is taken in is that feed."""

from __future__ import annotations

import os
import random
from collections.abc import Callable

import numpy as np
import pytest

from vitals.durable import recognise
from vitals.durable.prints import prints_of
from vitals.durable.recognise import HEAD, TRUST, Doubt, Past
from vitals.durable.taken import Gap, Taken

MANY = int(os.environ.get("VITALS_LIVES", "60"))
NONE = np.zeros(0, np.uint64)


class Kept:
    """What a ward has taken in, over all of its lives."""

    def __init__(self) -> None:
        self.lines: list[bytes] = []
        self._doubts: list[Doubt] = []
        self._last: dict[str, int] = {}
        self._numbers: tuple[dict[str, int], list[str]] = ({}, [])
        self.gaps: list[Gap] = []

    def live(self, feed: list[bytes], draw: random.Random, ends: bool) -> int:
        """Read a feed in pieces, and be killed or see its end; returns how many lines of it were left out first."""
        prints = prints_of(b"".join(self.lines))[0] if self.lines else NONE
        taken = Taken(Past(prints[:HEAD], prints, len(prints), self._doubts), self._last, *self._numbers)
        taken.begin()
        left, new = feed, []
        while left:
            size = draw.choice([1, 2, 7, 50])
            text = taken.fresh(b"".join(left[:size]))
            self.gaps += taken.learn(text)
            new += text.splitlines(keepends=True)
            left = left[size:]
        if ends:
            text = taken.rest()
            taken.learn(text)
            new += text.splitlines(keepends=True)
        self.lines, self._doubts, self._last = self.lines + new, taken.doubts, taken.last
        self._numbers = taken.latest, list(taken.restarted)
        old = taken.recognised
        assert new == feed[old : old + len(new)]  # never a line between, never one twice
        return old if new else -1


def doubled(draw: random.Random) -> list[bytes]:
    """Lines that differ, some of them sent twice or three times."""
    return [line for i in range(25) for line in [b"%d\n" % i] * draw.choice([1, 1, 1, 1, 2, 3])]


def few(draw: random.Random) -> list[bytes]:
    """Two or three different lines."""
    letters = [b"a\n", b"b\n", b"c\n"][: draw.choice([1, 2, 3])]
    return [draw.choice(letters) for _ in range(40)]


def mixed(draw: random.Random) -> list[bytes]:
    """Lines that differ between some that do not, such as noise on the line."""
    return [draw.choice([b"%d\n" % i, b"%d\n" % i, b"what?\n", b"why?\n"]) for i in range(40)]


def resent(draw: random.Random) -> list[bytes]:
    """Now and then the last lines come again, at once or behind a few others."""
    lines: list[bytes] = []
    for i in range(30):
        lines.append(b"%d\n" % i)
        if draw.random() < 0.2:
            lines += lines[-draw.randrange(1, 6) :][: draw.randrange(1, 6)]
    return lines


def numbered(draw: random.Random) -> list[bytes]:
    """Lines with a number, and noise that has none."""
    return [draw.choice([b'{"seq":%d}\n' % i, b'{"seq":%d}\n' % i, b"what?\n"]) for i in range(40)]


def restarting(draw: random.Random) -> list[bytes]:
    """A source whose numbers begin anew now and then."""
    seq, lines = 0, []
    for i in range(40):
        seq = 1 if draw.random() < 0.1 else seq + 1
        lines.append(b'{"seq":%d,"time":%d}\n' % (seq, i))
    return lines


FEEDS = [doubled, few, mixed, resent, numbered, restarting]


def test_a_source_that_numbers_anew_is_heard_and_a_repeat_of_it_still_known() -> None:
    """An old number with a time later than all before is no repeat, wherever the past was forgotten; any other one is."""
    count = [b'{"seq":%d,"time":%d,"source":"m"}\n' % (i, i) for i in range(1, 200)]
    anew = [b'{"seq":%d,"time":%d,"source":"m"}\n' % (i, 300 + i) for i in range(1, 150)]
    draw, kept = random.Random(0), Kept()
    kept.live(count, draw, ends=False)
    assert kept.live(anew, draw, ends=False) == 0
    assert kept.live(count + anew, draw, ends=False) == -1
    assert kept.live(anew[100:], draw, ends=True) == -1
    assert kept.lines == count + anew
    assert kept.gaps == [Gap(301, "m 1 after 199", "seq_restarted")]
    forgot = Taken(Past(NONE, NONE, 0), {"m": 199}, {"m": 199})
    forgot.begin()
    assert forgot.fresh(b"".join(count + anew)) == b"".join(anew)
    assert forgot.fresh(b"".join(count[:149] + anew)) == b""


@pytest.mark.parametrize("feed_of", FEEDS)
def test_from_the_beginning_the_past_is_always_what_came(feed_of: Callable[[random.Random], list[bytes]]) -> None:
    for seed in range(MANY):
        draw, kept = random.Random(seed), Kept()
        feed, end = feed_of(draw), 0
        for _ in range(6):
            end = min(len(feed), end + draw.randrange(12))
            kept.live(feed[:end], draw, ends=draw.random() < 0.3)
            assert kept.lines == feed[: len(kept.lines)], seed


@pytest.mark.parametrize("trust", [TRUST, 16])
@pytest.mark.parametrize("feed_of", FEEDS)
def test_what_was_taken_in_is_never_taken_again_and_only_copies_are_left_out(
    feed_of: Callable[[random.Random], list[bytes]], trust: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is left out but copies of what lies directly before, and those only where a life began so that none can tell."""
    monkeypatch.setattr(recognise, "TRUST", trust)
    copies = 0
    for seed in range(MANY):
        draw, kept = random.Random(seed), Kept()
        feed, known, exact = feed_of(draw), 0, True  # so many lines of the feed were taken in, or were such copies
        for _ in range(8):
            begin = draw.choice([0, draw.randrange(known + 1), known])
            end = min(len(feed), max(begin, known) + draw.randrange(12))
            before = list(kept.lines)
            old = kept.live(feed[begin:end], draw, ends=draw.random() < 0.3)
            if old < 0:
                continue
            new = begin + old
            if kept.lines == feed[: len(kept.lines)]:
                exact, known = True, len(kept.lines)
                continue
            assert new >= known, seed  # nothing is taken in twice
            left_out = feed[known:new]
            copies += len(left_out)
            if exact and feed_of is not few:  # of two letters a feed may also repeat a past with a copy that never came
                assert left_out == before[len(before) - len(left_out) :] == feed[2 * known - new : known], seed
            assert set(left_out) <= set(before), seed
            exact, known = exact and not left_out, new + len(kept.lines) - len(before)
    assert copies > MANY // 10 or feed_of is restarting  # it was put to the test


def a_copy_follows(feed: list[bytes], at: int) -> bool:
    """Whether the lines from here on are, for a while, those directly before."""
    return any(feed[at - n : at] == feed[at : at + n] for n in range(1, min(at, len(feed) - at) + 1))


@pytest.mark.parametrize("feed_of", [doubled, mixed, resent, numbered, restarting])
def test_where_no_copy_follows_every_life_is_exact(feed_of: Callable[[random.Random], list[bytes]]) -> None:
    """Lives that end in front of a line which is no copy of those before it may begin anywhere."""
    for seed in range(MANY):
        draw, kept = random.Random(seed), Kept()
        feed = feed_of(draw)
        plain = [i for i in range(len(feed) + 1) if not a_copy_follows(feed, i)]
        ends = sorted(draw.sample(plain, min(5, len(plain))))
        for end in ends:
            begin = draw.choice([0, draw.randrange(len(kept.lines) + 1), len(kept.lines)])
            kept.live([*feed[begin:end], b"no line of the feed\n"], draw, ends=False)
            assert kept.lines.pop() == b"no line of the feed\n"  # it settled what could be told by a line behind only
            assert kept.lines == feed[:end], seed
