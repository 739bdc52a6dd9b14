"""Lines of provisional risks, written in compiled loops, are those that the encoder would write."""

from __future__ import annotations

import json

import numpy as np
import pytest

from vitals.feeds.answers import put_lines, room_for, texts_of, told
from vitals.feeds.names import Names
from vitals.feeds.times import EARLIEST, LATEST, time_text

WORDS, MODEL = ("no_number", "warming_up", "too_little_known"), "0123456789ab"


def lines_of(names: Names, bed: list[int], time: list[int], risk: list[float], why: list[int]) -> bytes | None:
    """What is written, or None where a name is not plain."""
    texts = texts_of(WORDS, MODEL)
    out = room_for(len(bed), texts)
    size = put_lines(
        out, np.array(bed, np.int32), np.array(time, np.int64), np.array(risk, np.float32), np.array(why, np.int8),
        texts, names.table,
    )  # fmt: skip
    return None if size < 0 else out[:size].tobytes()


@pytest.fixture
def names() -> Names:
    """Stays of different length, the longest of 40 bytes; one that is not plain."""
    found = Names(4)
    for number, name in enumerate(("p", "p" * 40, "icu-7/b 12", 'p"1')):
        found.enter(name, number)
    return found


def test_lines_say_what_the_encoder_would_say(names: Names) -> None:
    draw, stays = np.random.default_rng(7), ("p", "p" * 40, "icu-7/b 12")
    n = 2_000
    time = np.concatenate(
        [draw.integers(EARLIEST, LATEST, n), draw.integers(EARLIEST // 10**6, LATEST // 10**6, n) * 10**6]
    )
    bed, risk, why = (
        draw.integers(3, size=2 * n),
        draw.uniform(size=2 * n).astype(np.float32),
        draw.integers(3, size=2 * n),
    )
    risk[: n // 4] = np.nan
    risk[n // 4 : n // 2] = draw.choice(np.array([0, 1, 1e-9, 5e-8, 0.99999999], np.float32), n // 4)
    text = lines_of(names, bed.tolist(), time.tolist(), risk.tolist(), why.tolist())
    assert text is not None
    found = [json.loads(line) for line in text.splitlines()]
    assert len(found) == 2 * n
    for line, b, t, p, w in zip(found, bed, time, risk, why, strict=True):
        said = {"risk": told(float(p))} if np.isfinite(p) else {"risk": None, "reason": WORDS[w]}
        assert line == {
            "kind": "risk", "stay": stays[b], "time": time_text(int(t)), "provisional": True, "model": MODEL, **said,
        }  # fmt: skip


@pytest.mark.parametrize("bed", [3, 9])
def test_who_has_no_plain_name_is_left_to_the_encoder(names: Names, bed: int) -> None:
    assert lines_of(names, [0, bed], [0, 0], [0.5, 0.5], [0, 0]) is None


def test_a_date_is_written_anew_when_the_day_changes(names: Names) -> None:
    day = 86_400_000_000
    times = [0, day - 1, day, 0, -1, 59 * day]
    text = lines_of(names, [0] * 6, times, [0.5] * 6, [0] * 6)
    assert text is not None
    assert [json.loads(line)["time"] for line in text.splitlines()] == [time_text(time) for time in times]
