"""A stream is the same lines however it is cut, and a bad line is named and costs no other."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vitals.feeds import ndjson
from vitals.feeds.lines import Alert, Line, Malformed, Risk, Technical
from vitals.feeds.ndjson import LineReader, encode_lines

GOOD = b'{"stay":"p1","time":"2026-01-01T03:00:00Z","signal":"heart_rate","value":83}'
BAD = {
    b"hello": "not_json",
    b'{"stay":"p1"': "not_json",
    b"{}{}": "not_json",
    b"[" * 100_000: "not_json",
    b'{"deep":' + b"[" * 100_000: "not_json",
    b"[1, 2]": "not_an_object",
    b"3": "not_an_object",
    b"null": "not_an_object",
    b'{"stay":"\xff"}': "not_utf8",
    b"\xef\xbb\xbf" + GOOD: "not_json",
    b"\x00\x01\x02": "not_json",
    b'{"stay":1,"value":2}': "wrong_type",
    b'{"stay":"p1","time":1.5,"value":2}': "wrong_type",
    b'{"stay":"p1","time":true,"value":2}': "wrong_type",
    b'{"kind":"admit","stay":"p1","time":0,"demographics":[1]}': "wrong_type",
    b'{"kind":"acknowledge","stay":"p1","time":0,"until":1.5}': "wrong_type",
    b'{"stay":"\\ud800","time":0,"value":2}': "wrong_type",
    b'{"stay":"p1","time":0,"signal":"spo2","value":NaN}': "not_a_number",
    b'{"stay":"p1","time":0,"signal":"spo2","value":-Infinity}': "not_a_number",
    b'{"stay":"p1","time":0,"signal":"spo2","value":1e999}': "not_a_number",
    b'{"stay":"p1","time":0,"signal":"spo2","value":1' + b"0" * 400 + b"}": "not_a_number",
    b'{"stay":"p1","time":0,"signal":"spo2","value":"null"}': "not_a_number",
    b'{"stay":"p1","time":0,"signal":"spo2","value":"97"}': "not_a_number",
    b'{"stay":"p1","time":0,"signal":"spo2","value":true}': "not_a_number",
    b'{"stay":"p1","time":0,"signal":"spo2","value":[97]}': "not_a_number",
}


def read(content: bytes, size: int | None = None) -> list[Line]:
    """All lines of a stream, given to the reader in blocks of ``size`` bytes."""
    reader, lines = LineReader(), []
    size = size or max(len(content), 1)
    for at in range(0, len(content), size):
        lines += reader.feed(content[at : at + size])
    return lines + reader.close()


@pytest.mark.parametrize("bad", BAD, ids=lambda bad: repr(bad[:40]))
@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_a_bad_line_is_named_and_costs_no_other(bad: bytes, end: bytes) -> None:
    before, found, after = read(end.join([GOOD, bad, GOOD, b""]))
    assert isinstance(found, Malformed)
    assert (found.reason, found.number) == (BAD[bad], 2)
    assert before.value == after.value == 83


def test_a_bad_value_still_says_whose_it_was() -> None:
    (found,) = read(b'{"stay":"p1","time":5,"signal":"spo2","value":NaN}\n')
    assert (found.stay, found.time, found.value) == ("p1", 5, None)


def test_lines_are_counted_from_the_start_of_the_feed_blank_ones_too() -> None:
    reader = LineReader()
    reader.feed(GOOD + b"\n\n" + GOOD + b"\n")
    (found,) = reader.feed(b"   \nwhat?\n")
    assert isinstance(found, Malformed)
    assert found.number == 5


def test_a_line_may_come_without_its_end() -> None:
    assert [line.value for line in read(GOOD + b"\n" + GOOD)] == [83, 83]
    (found,) = read(b'{"stay":')
    assert isinstance(found, Malformed)


def test_an_empty_feed_has_no_lines() -> None:
    assert read(b"") == []
    assert read(b"\n\n \n") == []


@pytest.mark.parametrize("trick", [b'{"stay":\n"p1"}', b'{"stay":"p1"}{"stay":\n"p2"}', b'{"a":{}\n}'])
def test_a_value_over_two_lines_is_two_bad_lines(trick: bytes) -> None:
    """The fast decoder alone would take it, but only where both lines come in one block."""
    found = read(GOOD + b"\n" + trick + b"\n" + GOOD + b"\n")
    assert [isinstance(line, Malformed) for line in found] == [False, True, True, False]


@pytest.mark.parametrize("size", [1, 1000, 1 << 20, 1 << 22])
def test_a_line_without_an_end_does_not_fill_the_memory(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ndjson, "LONGEST", 5_000)
    long = b'{"stay":"' + b"x" * 20_000 + b'"}'
    found = read(b"\n".join([GOOD, long, GOOD, long]), size)
    assert [getattr(line, "reason", None) for line in found] == [None, "too_long", None, "too_long"]
    assert [line.number for line in found if isinstance(line, Malformed)] == [2, 4]


LINES = st.sampled_from(
    [GOOD, GOOD, GOOD, b"", b" ", b'{"kind":"clock","time":1}', *(bad for bad in BAD if len(bad) < 500)]
)


@given(st.lists(LINES, max_size=12), st.integers(1, 200), st.booleans())
def test_the_cut_into_blocks_changes_nothing(lines: list[bytes], size: int, ended: bool) -> None:
    content = b"\n".join(lines) + (b"\n" if ended else b"")
    assert read(content, size) == read(content, 1) == read(content)


def test_the_fast_way_and_the_line_by_line_way_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    content = b"\n".join([GOOD, b'{"kind":"admit","stay":"p","time":1,"demographics":{"age":7.5}}'] * 50) + b"\n"
    fast = read(content)
    monkeypatch.setattr(ndjson, "_objects", lambda whole: 0)
    assert fast == read(content)
    assert len(fast) == 100


LATER = "2026-01-01T07:00:00Z"


def test_what_is_said_of_a_patient_is_read_with_its_end() -> None:
    said = {"kind": "acknowledge", "stay": "p1", "time": 5, "until": LATER}
    open_end = {"kind": "event", "stay": "p1", "time": "2026-01-01T03:00:00Z"}
    found = read(b"\n".join(json.dumps(line).encode() for line in (said, open_end)))
    assert [(line.kind, line.stay, line.time, line.until) for line in found] == [
        ("acknowledge", "p1", 5, LATER), ("event", "p1", "2026-01-01T03:00:00Z", None),
    ]  # fmt: skip


def test_output_reads_back_exactly() -> None:
    risk = float(np.float32(0.1))
    lines: list[Any] = [
        Risk("p1", "2026-01-01T03:00:00Z", risk),
        Risk("p1", "2026-01-01T03:00:00Z", None, "warming_up"),
        Alert("00", "p1", "2026-01-01T03:00:00Z", risk, None),
        Technical("p1", "2026-01-01T03:00:00Z", "acknowledged", until=LATER),
        Technical(None, None, "summary", counts={"late": 2}),
    ]
    told = [json.loads(line) for line in encode_lines(lines).splitlines()]
    assert told == [
        {"kind": "risk", "stay": "p1", "time": "2026-01-01T03:00:00Z", "risk": risk},
        {"kind": "risk", "stay": "p1", "time": "2026-01-01T03:00:00Z", "risk": None, "reason": "warming_up"},
        {
            "kind": "alert",
            "id": "00",
            "stay": "p1",
            "time": "2026-01-01T03:00:00Z",
            "risk": risk,
            "suppressed_by": None,
            "tier": "amber",
        },
        {"kind": "technical", "stay": "p1", "time": "2026-01-01T03:00:00Z", "reason": "acknowledged", "until": LATER},
        {"kind": "technical", "stay": None, "time": None, "reason": "summary", "counts": {"late": 2}},
    ]
    assert np.float32(told[0]["risk"]) == np.float32(0.1)
