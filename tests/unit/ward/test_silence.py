"""What falls silent is told once, within its limit, and once more when it is back; only a running clock tells it."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import pytest

from tests.live import BEGIN, model_folder, settings_of
from vitals.feeds.lines import Output, Technical
from vitals.feeds.ndjson import encode_lines
from vitals.feeds.times import read_time
from vitals.scoring.model import Model, open_model
from vitals.spec.settings import Settings
from vitals.ward.ward import Ward

SECOND = 1_000_000
EVERY = 5
SILENT = {"stale_channel", "channel_back", "silent_bed", "bed_back", "silent_feed", "feed_back"}


def line_of(**line: Any) -> bytes:
    """A line; its time is given in seconds after the beginning."""
    line["time"] = BEGIN + round(line["time"] * SECOND)
    return json.dumps(line).encode() + b"\n"


def feed_of(channels: dict[tuple[str, str], Any], until: int, every: int = EVERY) -> list[bytes]:
    """Samples of stays and signals at their times, with a running clock between them, in order."""
    value = {"heart_rate": 80, "spo2": 96, "lactate": 1.5, "etco2": 35}
    timed = [
        (t, line_of(stay=stay, time=t, signal=name, value=value[name]))
        for (stay, name), times in channels.items()
        for t in times
    ]
    timed += [(t, line_of(kind="clock", time=t, every=every)) for t in range(0, until + 1, every)]
    return [text for _, text in sorted(timed, key=lambda pair: pair[0])]


def told(lines: list[Output]) -> list[tuple[float, str, str | None, str | None]]:
    """When, what, of whom and of which signal."""
    return [
        ((read_time(line.time) - BEGIN) / SECOND, line.reason, line.stay, line.signal)
        for line in lines
        if isinstance(line, Technical) and line.reason in SILENT and line.time is not None
    ]


def run(model: Model, lines: list[bytes]) -> list[tuple[float, str, str | None, str | None]]:
    """What a ward tells of silence, the same however the lines are cut."""
    whole = Ward(model).feed(b"".join(lines))
    ward = Ward(model)
    piecewise = [out for text in lines for out in ward.feed(text)]
    assert told(whole) == told(piecewise)
    return told(whole)


@pytest.mark.parametrize("cadence", [5, 60, 600])
def test_a_stale_channel_is_told_and_comes_back(model: Model, cadence: int) -> None:
    stop, back, end = 20 * cadence, 40 * cadence, 60 * cadence
    times = [*range(0, stop + 1, cadence), *range(back, end, cadence)]
    lines = feed_of({("p1", "heart_rate"): range(0, end, cadence), ("p1", "spo2"): times}, end)
    limit = max(3 * cadence, 180)
    found = run(model, lines)
    if stop + limit > back:
        assert found == []
        return
    (when, *what), (again, *other) = found
    assert what == ["stale_channel", "p1", "spo2"]
    assert stop + limit < when <= stop + limit + EVERY
    assert other == ["channel_back", "p1", "spo2"]
    assert back <= again <= back + EVERY


def test_a_laboratory_value_may_be_missing_for_eight_hours(model: Model) -> None:
    end = 10 * 3600
    lines = feed_of({("p1", "heart_rate"): range(0, end, 300), ("p1", "lactate"): [600]}, end, 60)
    ((when, *what),) = run(model, lines)
    assert what == ["stale_channel", "p1", "lactate"]
    assert 8 * 3600 + 600 < when <= 8 * 3600 + 660


def test_a_silent_bed_is_one_line_and_its_channels_are_not_told_again(model: Model) -> None:
    channels = {("p1", name): [*range(0, 1200, 60), *range(2400, 3600, 60)] for name in ("heart_rate", "spo2")}
    found = run(model, feed_of(channels | {("p2", "heart_rate"): range(0, 3600, 60)}, 3600))
    assert [what for _, *what in found] == [["silent_bed", "p1", None], ["bed_back", "p1", None]]
    assert 1140 + 180 < found[0][0] <= 1140 + 185
    assert 2400 <= found[1][0] <= 2405


def test_a_silent_feed_is_one_line_and_an_empty_ward_is_none(model: Model) -> None:
    channels = {(f"p{i}", "heart_rate"): [*range(0, 1200, 60), *range(4800, 6000, 60)] for i in range(20)}
    found = run(model, feed_of(channels, 6000))
    assert [what for _, *what in found] == [["silent_feed", None, None], ["feed_back", None, None]]
    assert 1140 < found[0][0] <= 1140 + 2 * 60 + 10
    gone = [line_of(kind="discharge", stay=f"p{i}", time=1200) for i in range(20)]
    lines = feed_of({key: range(0, 1200, 60) for key in channels}, 1200) + gone + feed_of({}, 6000)[241:]
    assert run(model, lines) == []


def test_without_a_running_clock_nothing_is_told_and_nothing_is_remembered(model: Model) -> None:
    lines = [line for line in feed_of({("p1", "heart_rate"): range(0, 600, 60)}, 9000) if b"clock" not in line]
    plain = [line_of(kind="clock", time=t) for t in range(600, 90_000, 600)]
    ward = Ward(model)
    assert told(ward.feed(b"".join(lines + plain))) == []
    assert ward.kept()["silence"]["seen"].max() == 0


def test_a_ward_that_was_kept_tells_the_same(model: Model) -> None:
    channels = {("p1", "heart_rate"): range(0, 900, 60), ("p1", "spo2"): [*range(0, 300, 60), *range(840, 900, 60)],
                ("p2", "spo2"): range(0, 1200, 60)}  # fmt: skip
    lines = feed_of(channels, 2000)
    whole = encode_lines(Ward(model).feed(b"".join(lines)))
    assert {b"stale_channel", b"channel_back", b"silent_bed", b"silent_feed"} <= {
        reason for reason in (name.encode() for name in SILENT) if reason in whole
    }
    for cut in range(0, len(lines), 41):
        ward = Ward(model)
        first = encode_lines(ward.feed(b"".join(lines[:cut])))
        other = Ward.restored(model, None, ward.kept())
        again = other.feed(b"".join(lines[cut:]))
        assert first + encode_lines(again[1:]) == whole


def test_an_irregular_channel_is_not_stale_all_the_time(model: Model) -> None:
    gaps = itertools.cycle([600, 1800, 3600, 900, 2400])
    times = list(itertools.accumulate(next(gaps) for _ in range(40)))
    found = run(model, feed_of({("p1", "heart_rate"): range(0, times[-1], 60), ("p1", "spo2"): times}, times[-1], 30))
    assert len(found) <= 4, "told a few times at most, until the longest usual gap is known"


def test_the_settings_may_say_how_long(tmp_path: Path) -> None:
    tables = settings_of().to_tables()
    tables["signals"]["spo2"]["stale"] = "20min"
    patient = open_model(model_folder(tmp_path / "model", Settings.from_tables(tables)))
    channels = {("p1", "heart_rate"): range(0, 3600, 60), ("p1", "spo2"): range(0, 601, 60)}
    ((when, *what),) = run(patient, feed_of(channels, 3600))
    assert what == ["stale_channel", "p1", "spo2"]
    assert 600 + 1200 < when <= 600 + 1205
