"""The compiled scanner takes only what it reads exactly as the decoder and the intake would."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vitals.feeds.lines import Line
from vitals.feeds.names import Names
from vitals.feeds.ndjson import LineReader
from vitals.feeds.plain import PlainReader
from vitals.feeds.scan import Columns
from vitals.feeds.times import read_time
from vitals.signals import signal

CHANNELS = ["heart_rate", "spo2", "temperature"]
STAYS = ["p1", "stay-000002", "a b"]
PLAIN = b'{"stay":"p1","time":1767225600000000,"signal":"heart_rate","value":83}\n'


def reader() -> PlainReader:
    names = Names(1)
    for number, name in enumerate(STAYS):
        names.enter(name, number)
    return PlainReader(LineReader(), lambda: names, CHANNELS)


def meaning(line: Line) -> tuple[int, int, int, float] | None:
    """What the intake makes of a decoded line: a sample of a stay that is there, or nothing plain."""
    time = read_time(line.time)
    if line.kind != "sample" or line.stay not in STAYS or line.signal not in CHANNELS or time is None:
        return None
    if line.value is None or (line.unit and line.unit != signal(line.signal).unit):
        return None
    return STAYS.index(line.stay), time, CHANNELS.index(line.signal), single(line.value)


def single(value: float) -> float:
    """A value in single precision, as windowing takes it."""
    with np.errstate(over="ignore"):
        return float(np.float32(value))


def agree(text: bytes) -> int:
    """Require the same as the decoder's, and give the number of lines that were read as columns."""
    pieces, decoded, at = list(reader().feed(text)), LineReader().feed(text), 0
    taken = 0
    for piece in pieces:
        if isinstance(piece, Columns):
            for sample in zip(*(column.tolist() for column in piece), strict=True):
                assert meaning(decoded[at]) == sample
                assert str(sample[3]) == str(single(decoded[at].value or 0.0))  # the sign of zero too
                at, taken = at + 1, taken + 1
        else:
            assert piece == decoded[at]
            at += 1
    assert at == len(decoded)
    return taken


NUMBERS = [
    "83", "0", "-0", "-0.0", "0.1", "36.65", "1e2", "1E+2", "-12.5", "01", "1.", ".5", "+1", "123456789012345", "1234567890123456",
    "0.000000000000001", "0.1234567890123456", "99999999999999999999", "1e400", "NaN", "null", "true", '"83"', "1 ", "- 1",
]  # fmt: skip
TIMES = [
    "1767225600000000", "0", "-1", "1.0", "null", '"2026-01-01T03:00:00Z"', '"2026-01-01T03:00:00+02:00"', '"2026-01-01T03:00:00"',
    '"2024-02-29T23:59:59.123Z"', '"2023-02-29T00:00:00Z"', '"2026-01-01T03:00:00.123456-05:30"', '"2026-13-01T00:00:00Z"',
    '"2026-01-01 03:00:00Z"', '"2026-01-01T24:00:00Z"', '"1969-12-31T23:59:59Z"', '"2026-01-01T03:00:00.1Z"', '"9999-01-01T00:00:00Z"',
    '"2026-01-01T03:00:60Z"', '"yesterday"', "99999999999999999999", "221845392000000001", '"2026-04-31T00:00:00Z"',
]  # fmt: skip
OTHERS = {
    "stay": ['"p1"', '"stay-000002"', '"a b"', '"p9"', '"p\\u0031"', '"é"', "null", "7", '""'],
    "signal": ['"heart_rate"', '"spo2"', '"temperature"', '"pulse"', '"spo\\u0032"', "null", '"/min"'],
    "kind": ['"sample"', '"admit"', '"s\\u0061mple"', "null"],
    "unit": ['"/min"', '"%"', '"mmHg"', '""', "null"],
    "arrival": ["5", '"2026-01-01T03:00:00Z"', "1.5", "null", '"\\n"'],
    "seq": ["1", "-1", "0", "1.5"],
    "other": ["1", '"x"', "[1]", "{}"],
}


@st.composite
def lines(draw: st.DrawFn) -> bytes:
    """A line of known keys in any order, some missing, some doubled, some of odd values, with odd spaces."""
    fields = {"stay": '"p1"', "time": "1767225600000000", "signal": '"heart_rate"', "value": "83"}
    for key in draw(st.lists(st.sampled_from(["time", "value", *OTHERS]), max_size=3)):
        values = NUMBERS if key == "value" else TIMES if key == "time" else OTHERS[key]
        fields[key] = draw(st.sampled_from(values))
    if draw(st.booleans()):
        fields["value"] = draw(st.one_of(st.floats(allow_nan=False).map(repr), st.integers().map(str)))
    keys = draw(st.permutations(list(fields)))
    if draw(st.integers(0, 9)) == 0:
        keys = keys + keys[:1] if draw(st.booleans()) else keys[1:]
    space, end = (
        draw(st.sampled_from(["", "", " ", "\t", "  "])),
        draw(st.sampled_from(["", "", "", " ", "\r", ",", "x"])),
    )
    body = ("," + space).join(f'{space}"{key}"{space}:{space}{fields[key]}{space}' for key in keys)
    return ("{" + body + draw(st.sampled_from(["", "", "", ","])) + "}" + end + "\n").encode()


@settings(max_examples=400)
@given(st.lists(lines(), min_size=1, max_size=6).map(b"".join))
def test_what_is_read_as_columns_means_what_the_decoder_says(text: bytes) -> None:
    agree(text)


@settings(max_examples=200)
@given(st.integers(0, len(PLAIN) - 1), st.integers(0, 255))
def test_a_changed_byte_is_read_the_same_way_or_left_to_the_decoder(place: int, byte: int) -> None:
    text = bytearray(PLAIN)
    text[place] = byte
    agree(PLAIN + bytes(text) + (b"" if text.endswith(b"\n") else b"\n") + PLAIN)


@pytest.mark.parametrize("time", ['"2026-01-01T03:00:00Z"', '"2026-01-01T03:00:00.250+01:00"', "1767225600000000"])
@pytest.mark.parametrize("value", [83, 36.6, -1.25, 0])
@pytest.mark.parametrize("more", ["", ',"unit":"/min"', ',"kind":"sample"', ',"arrival":7,"seq":3'])
def test_ordinary_lines_are_read_as_columns(time: str, value: float, more: str) -> None:
    text = f'{{"signal": "heart_rate", "stay": "p1","time":{time},"value":{json.dumps(value)}{more}}}\n'
    assert agree(text.encode()) == 1


def test_many_odd_lines_are_decoded_at_once() -> None:
    odd = b'{"stay":"p1","time":0,"signal":"pulse","value":1}\n'
    assert agree((odd + PLAIN) * 40) < 40
    assert agree(odd + PLAIN * 40) == 40


def test_a_stay_is_known_from_the_line_on_that_admits_it() -> None:
    names, told = Names(1), []
    text = PLAIN + b'{"kind":"admit","stay":"p1","time":0}\n' + PLAIN
    for piece in PlainReader(LineReader(), lambda: names, CHANNELS).feed(text):
        told.append(type(piece).__name__)
        if not isinstance(piece, Columns) and piece.kind == "admit":
            names.enter("p1", 0)
    assert told == ["Line", "Line", "Columns"]


@given(st.lists(st.tuples(st.sampled_from("abcdefgh"), st.booleans()), max_size=200))
def test_names_are_those_that_entered_and_did_not_leave(steps: list[tuple[str, bool]]) -> None:
    names, here, free = Names(1), dict[str, int](), list(range(8))
    for name, comes in steps:
        if comes and name not in here:
            here[name] = free.pop()
            names.enter(name, here[name])
        elif not comes and name in here:
            free.append(here[name])
            names.leave(name, here.pop(name))
    assert {name: names.number(name.encode()) for name in "abcdefgh"} == {
        name: here.get(name, -1) for name in "abcdefgh"
    }


def test_the_table_of_names_does_not_grow_with_those_that_come_and_go() -> None:
    names = Names(4)
    size = sum(part.nbytes for part in names.table)
    for n in range(5_000):
        names.enter(f"stay {n}", n % 4)
        names.leave(f"stay {n}", n % 4)
    assert sum(part.nbytes for part in names.table) == size


def columns_of(pieces: Any) -> np.ndarray:
    """All values that came as columns."""
    return np.concatenate([piece.value for piece in pieces if isinstance(piece, Columns)])


def test_values_are_exact() -> None:
    random = np.random.default_rng(3)
    texts = [f"{random.uniform(-1e6, 1e6):.{random.integers(1, 8)}f}" for _ in range(2_000)]
    text = b"".join(b'{"stay":"p1","time":0,"signal":"spo2","value":' + value.encode() + b"}\n" for value in texts)
    assert columns_of(reader().feed(text)).tolist() == [single(float(value)) for value in texts]
