"""A feed that begins again is recognised from any line on, and lines that are the same are as many as they were."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vitals.durable import recognise, taken
from vitals.durable.prints import prints_of
from vitals.durable.recognise import HEAD, Doubt, Past
from vitals.durable.taken import Taken
from vitals.errors import FeedError
from vitals.feeds.ndjson import LONGEST

NONE = np.zeros(0, np.uint64)


def taken_of(lines: list[bytes], remembered: int | None = None) -> Taken:
    """Knows these lines, the latest of them by name."""
    prints = prints_of(b"".join(lines))[0]
    tail = prints if remembered is None else prints[len(prints) - remembered :]
    taken = Taken(Past(prints[:HEAD], tail, len(prints)), {})
    taken.begin()
    return taken


def fresh(taken: Taken, lines: list[bytes], cuts: list[int]) -> list[bytes]:
    """What is new in a feed that comes in pieces, once a line that never came before has told what they are."""
    borders = sorted({0, len(lines), *(cut % (len(lines) + 1) for cut in cuts)})
    found = [taken.fresh(b"".join(lines[a:b])) for a, b in itertools.pairwise(borders)]
    new = b"".join([*found, taken.fresh(b"never before\n")]).splitlines(keepends=True)
    assert new.pop() == b"never before\n"
    assert taken.rest() == b""
    return new


# few different lines, so that many are the same and many stretches agree for a while
LINES = st.lists(st.sampled_from([b"a\n", b"b\n", b"c\n"]), max_size=30)


@given(past=LINES, more=LINES, cuts=st.lists(st.integers(0, 100), max_size=5))
def test_from_the_beginning_exactly_what_follows_the_past_is_new(
    past: list[bytes], more: list[bytes], cuts: list[int]
) -> None:
    assert fresh(taken_of(past), past + more, cuts) == more


@given(past=LINES, more=LINES, start=st.integers(0, 100), cuts=st.lists(st.integers(0, 100), max_size=5))
def test_from_any_line_what_is_new_is_an_end_of_the_feed(
    past: list[bytes], more: list[bytes], start: int, cuts: list[int]
) -> None:
    """Among equal lines a longer stretch of the past may agree, too: then lines that are the same as old ones are old."""
    start %= len(past) + 1
    feed = past[start:] + more
    found = fresh(taken_of(past), feed, cuts)
    agreeing = [k for k in range(len(feed) + 1) if k <= len(past) and feed[:k] == past[len(past) - k :]]
    # the longest stretch that ends where the past ends and begins this feed; none began in the midst of the past
    assert len(past) - start in agreeing
    assert found == feed[max(agreeing) :]


@given(
    past=st.lists(st.integers(0, 10**9), unique=True, max_size=40), start=st.integers(0, 100),
    cuts=st.lists(st.integers(0, 100), max_size=5),
)  # fmt: skip
def test_lines_that_differ_are_found_from_any_line(past: list[int], start: int, cuts: list[int]) -> None:
    lines = [b"%d\n" % number for number in past]
    start %= len(lines) + 1
    more = [b"new %d\n" % number for number in range(5)]
    known = taken_of(lines)
    assert fresh(known, lines[start:] + more, cuts) == more
    assert known.recognised == len(lines) - start


def test_a_feed_that_goes_on_is_new_at_once() -> None:
    known = taken_of([b"a\n", b"b\n"])
    assert known.fresh(b"c\n") == b"c\n"
    assert known.fresh(b"a\n") == b"a\n"  # the past is done with


def test_a_feed_that_goes_on_may_repeat_a_line() -> None:
    known = taken_of([b"a\n", b"b\n"])
    assert known.fresh(b"a\n") == b""  # it may have begun again
    assert known.fresh(b"c\n") == b"a\nc\n"


def test_what_is_missing_in_a_long_repetition_makes_nothing_new(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recognise, "TRUST", 10)
    past = [b"%d\n" % i for i in range(50)]
    assert fresh(taken_of(past), past[:20] + past[21:] + [b"new\n"], [3]) == [b"new\n"]


def test_what_is_open_waits_until_a_line_tells() -> None:
    known = taken_of([b"x\n", b"y\n", b"x\n"])
    assert [known.fresh(line) for line in (b"x\n", b"y\n")] == [b"", b""]
    assert known.recognised == 1
    assert known.fresh(b"z\n") == b"y\nz\n"  # the feed began with the last line


def test_a_feed_that_breaks_off_in_the_midst_of_a_repetition_brings_nothing_new() -> None:
    """Its source may have died; whatever it was, the same feed brings it again."""
    known = taken_of([b"x\n", b"y\n", b"x\n"])
    assert known.fresh(b"x\ny\n") == b""
    assert known.rest() == b""
    assert known.recognised == 2


def test_many_lines_that_agree_are_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recognise, "TRUST", 10)
    past = [b"x\n", *(b"%d\n" % i for i in range(50)), b"x\n"]
    known = taken_of(past)
    assert fresh(known, [*past[:40], b"new\n"], [1]) == [b"new\n"]
    assert known.recognised == 40
    few = [*past[1:9], b"new\n"]  # may be an accident
    assert fresh(taken_of(past), few, [1]) == few


def test_a_feed_from_the_beginning_is_recognised_though_its_midst_is_forgotten() -> None:
    past = [b"%d\n" % i for i in range(3 * HEAD)]
    more = [b"more\n", *past[:5]]
    assert fresh(taken_of(past, remembered=100), past + more, [HEAD + 5, HEAD - 1, 2 * HEAD]) == more
    assert fresh(taken_of(past, remembered=100), past[-70:] + more, []) == more


@pytest.mark.parametrize(("at", "followed"), [(10, True), (2 * HEAD, False), (3 * HEAD - 20, True)])
def test_a_copy_that_was_left_out_is_followed_unless_it_is_forgotten(at: int, followed: bool) -> None:
    past = [b"%d\n" % i for i in range(3 * HEAD)]
    prints = prints_of(b"".join(past))[0]
    taken = Taken(Past(prints[:HEAD], prints[-100:], len(past), [Doubt(at, prints[at - 1 : at], [0])]), {})
    taken.begin()
    feed = [*past[:at], *past[at - 1 :], b"more\n"]
    if followed:
        assert fresh(taken, feed, [5, HEAD]) == [b"more\n"]
    else:
        with pytest.raises(FeedError, match="the same input again"):
            fresh(taken, feed, [5, HEAD])


def test_another_feed_with_the_same_beginning_is_refused() -> None:
    past = [b"%d\n" % i for i in range(3 * HEAD)]
    other = past[:HEAD] + [b"other\n"] * 2 * HEAD
    with pytest.raises(FeedError, match="the same input again"):
        fresh(taken_of(past, remembered=100), other, [])


def test_numbers_tell_what_came_before() -> None:
    known = Taken(Past(NONE, NONE, 0), {"a": 5})
    line = '{{"source":"{}","seq":{}}}\n'.format
    text = (line("a", 5) + line("b", 1) + line("a", 6) + line("a", 6) + line("b", 0)).encode()
    assert known.fresh(text).decode() == line("b", 1) + line("a", 6)
    assert known.recognised == 3


def test_a_gap_in_the_numbers_is_told_with_the_time_of_the_line_behind_it() -> None:
    known = Taken(Past(NONE, NONE, 0), {})
    text = b'{"seq":3,"time":1}\n{"seq":4}\n{"seq":7,"time":9,"source":""}\n{"seq":9,"time":"soon"}\n{"seq":"x"}\n'
    assert known.fresh(text) == text
    assert [gap[:2] for gap in known.learn(text)] == [(9, "5..6"), (None, "8")]
    assert known.last == {"": 9}
    assert known.count == 5


@given(cuts=st.lists(st.integers(0, 100), max_size=6), start=st.integers(0, 60))
def test_lines_with_and_without_a_number_may_be_mixed(cuts: list[int], start: int) -> None:
    lines = [b'{"seq":%d}\n' % i if i % 3 else b"plain %d\n" % i for i in range(60)]
    past, more = lines[:40], lines[40:]
    known = Taken(Past(NONE, NONE, 0), {})
    known.learn(b"".join(past))
    known.begin()
    assert fresh(known, lines[start:] if start <= 40 else more, cuts) == more


def test_a_print_is_of_all_that_counts_of_a_line() -> None:
    long = b"x" * (LONGEST + 1)
    prints, _ = prints_of(b"\n".join([long, long + b"y", long[:-1], b"", b"x", b"x\r", b"\x00", b""]))
    assert len(set(prints.tolist())) == 6  # the first two are given up at the same byte
    assert prints[0] == prints[1]


def test_a_print_does_not_change_with_the_version() -> None:
    """Prints lie on disks."""
    assert [hex(one) for one in prints_of(b"\nspo2\n")[0].tolist()] == WRITTEN


WRITTEN = ["0x8570e25450bbd481", "0xfac1ad517dbf578b"]


def test_a_text_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    read = []
    monkeypatch.setattr(taken, "_numbers", read.append)
    known = taken_of([b"a\n"])
    text = known.fresh(b"new\n")
    known.learn(text)
    assert read == [b"new\n"]
