"""Event time under faults: wrong clocks, silence, lateness, repeats and disorder. Rows of the fault catalogue."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.faults import record
from tests.live import BEGIN, model_folder, settings_of
from vitals.feeds.lines import DIGITS, Output, Risk, Technical
from vitals.feeds.steady import SteadyClock, tick
from vitals.feeds.times import read_time
from vitals.scoring.model import Model, open_model
from vitals.scoring.ward_step import score_rows
from vitals.signals import catalogue
from vitals.spec.settings import Settings
from vitals.ward.ward import Ward
from vitals.windowing.advance import advance
from vitals.windowing.carry import Carry
from vitals.windowing.types import NEVER, Events

ROOT = Path(__file__).parent.parent.parent

SECOND, MINUTE, HOUR, DAY = 1_000_000, 60_000_000, 3_600_000_000, 86_400_000_000
SEEDS = int(os.environ.get("VITALS_SEEDS", "25"))
EVERY = 5
CENTRE = {"heart_rate": 85.0, "spo2": 96.0, "lactate": 2.0, "etco2": 35.0}
Line = dict[str, Any]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    """Hourly steps, half an hour of grace."""
    folder: Path = tmp_path_factory.mktemp("event-time")
    return open_model(model_folder(folder, settings_of(grace="30min")))


def sample(time: int, value: float = 80, stay: str = "p1", signal: str = "heart_rate", **more: Any) -> Line:
    """A line with a measurement."""
    return {"stay": stay, "time": time, "signal": signal, "value": value, **more}


def admit(time: int = BEGIN, stay: str = "p1", **more: Any) -> Line:
    """An admission."""
    return {"kind": "admit", "stay": stay, "time": time, **more}


def clock(time: int, every: int = EVERY) -> Line:
    """A line of a running clock."""
    return {"kind": "clock", "time": time, "every": every}


def text_of(lines: Sequence[Line]) -> bytes:
    """Lines as a feed."""
    return b"".join(json.dumps(line).encode() + b"\n" for line in lines)


def fed(model: Model, lines: Sequence[Line], **how: Any) -> list[Output]:
    """What a new ward says to a feed."""
    return Ward(model, **how).feed(text_of(lines))


def risks(lines: Sequence[Output], corrected: bool = False) -> dict[tuple[str, str], float | None]:
    """Risk by stay and time."""
    return {
        (line.stay, line.time): line.risk for line in lines if isinstance(line, Risk) and line.corrected == corrected
    }


def news(lines: Sequence[Output], *wanted: str) -> list[Technical]:
    """Technical lines with these reasons."""
    return [line for line in lines if isinstance(line, Technical) and line.reason in wanted]


def counts(ward: Ward) -> dict[str, int]:
    """What a ward left out, by reason."""
    found: dict[str, int] = ward.kept()["tally"]["total"]
    return found


def some_feed(rng: np.random.Generator, stays: int = 2, hours: int = 12) -> list[Line]:
    """Samples of a few stays in order of time, no two of one signal at one moment."""
    lines = []
    for stay in range(stays):
        times = rng.choice(hours * 60, 60, replace=False)
        for t in times.tolist():
            name = str(rng.choice(list(CENTRE)))
            value = round(CENTRE[name] * float(rng.uniform(0.8, 1.04)), 2)
            lines.append(sample(BEGIN + t * MINUTE + stay, value, f"p{stay}", name))
    return sorted(lines, key=lambda line: line["time"])


def by_arrival(lines: Sequence[Line], delay: Sequence[int]) -> list[Line]:
    """Lines in the order in which they arrive, each so much after its time."""
    order = np.argsort([line["time"] + late for line, late in zip(lines, delay, strict=True)], kind="stable")
    return [lines[i] for i in order.tolist()]


def admissions(lines: Sequence[Line]) -> list[Line]:
    """An admission for every stay."""
    return [admit(BEGIN - MINUTE, stay) for stay in sorted({line["stay"] for line in lines})]


# ---- silence ---------------------------------------------------------------------------------------------------------


def monitor(channels: dict[tuple[str, str], Sequence[int]], until: int) -> list[Line]:
    """Samples at their seconds after the beginning, with a clock line every five seconds."""
    timed = [
        (t, sample(BEGIN + t * SECOND, CENTRE[name], stay, name)) for (stay, name), ts in channels.items() for t in ts
    ]
    timed += [(t, clock(BEGIN + t * SECOND)) for t in range(0, until + 1, EVERY)]
    return [line for _, line in sorted(timed, key=lambda pair: pair[0])]


def delays(found: Sequence[Technical], since: int) -> list[float]:
    """Seconds from a moment to each of these lines."""
    return [((read_time(line.time) or 0) - BEGIN) / SECOND - since for line in found]


def test_one_channel_stops(model: Model) -> None:
    worst = 0.0
    for cadence in (1, 5, 60, 120, 300):
        stop = 12 * cadence
        limit = max(3 * cadence, 180)
        both: dict[tuple[str, str], Sequence[int]] = {
            ("p1", "heart_rate"): range(0, stop + 3 * limit, cadence), ("p1", "spo2"): range(0, stop + 1, cadence),
        }  # fmt: skip
        lines = fed(model, monitor(both, stop + 3 * limit))
        (stale,) = news(lines, "stale_channel", "silent_bed", "silent_feed")
        assert (stale.stay, stale.signal) == ("p1", "spo2")
        (late,) = delays([stale], stop + limit)
        assert 0 < late <= EVERY
        worst = max(worst, late)
    record(
        "F1", "one of two channels stops, cadences of 1 s to 5 min, clock lines every 5 s",
        "told within limit + 5 s, limit = max(3 x cadence, 3 min); the bed goes on",
        f"5 of 5 told once, at most {worst:g} s after the limit",
    )  # fmt: skip


def test_a_whole_bed_stops(model: Model) -> None:
    stop, end = 3600, 10 * 3600
    channels = {("p1", name): range(0, stop + 1, 60) for name in ("heart_rate", "spo2")}
    leads_off = [
        sample(BEGIN + t * SECOND, value, "p1", name)
        for t in range(stop + 60, end, 60) for name, value in (("heart_rate", 0), ("spo2", -100))
    ]  # fmt: skip
    lines = sorted(
        monitor(channels | {("p2", "spo2"): range(0, end, 60)}, end) + leads_off, key=lambda line: int(line["time"])
    )
    ward = Ward(model)
    out = ward.feed(text_of(lines))
    told = news(out, "silent_bed", "stale_channel", "silent_feed", "bed_back")
    assert [(line.reason, line.stay) for line in told] == [("silent_bed", "p1")]
    (late,) = delays(told, stop + 180)
    assert 0 < late <= EVERY
    mine = {at: risk for (stay, at), risk in risks(out).items() if stay == "p1"}
    nothing_fresh = [risk for at, risk in mine.items() if (read_time(at) or 0) > BEGIN + stop * SECOND + 3 * HOUR]
    assert nothing_fresh
    assert all(risk is None for risk in nothing_fresh)
    record(
        "F2", "leads off: every channel of a bed sends 0 or -100 from one moment on",
        "told once within limit + 5 s; no score on an empty window",
        f"told once, {late:g} s after the limit; {len(nothing_fresh)} of {len(nothing_fresh)} rows without a fresh value give null",
    )  # fmt: skip


def test_the_whole_feed_stops(model: Model) -> None:
    worst = 0.0
    for cadence in (30, 60, 300, 900):
        stop, end = 20 * cadence, 40 * cadence
        channels = {(f"p{i}", "heart_rate"): range(0, stop + 1, cadence) for i in range(9)}
        out = fed(model, monitor(channels, end))
        told = news(out, "silent_feed", "silent_bed", "stale_channel")
        assert [line.reason for line in told] == ["silent_feed"]
        (late,) = delays(told, stop)
        assert 0 < late <= 2 * cadence + 10
        worst = max(worst, late - 2 * cadence)
    nobody = fed(model, monitor({}, 10 * 3600))
    assert news(nobody, "silent_feed") == []
    record(
        "F3", "nine beds fall silent at once while the clock goes on, cadences of 30 s to 15 min; and a ward without patients",
        "one line for the ward within 2 x cadence + 10 s; none for an empty ward",
        f"4 of 4 told once and no bed for itself, at most 2 x cadence + {worst:g} s after the last line; empty ward: 0 lines in 10 h",
    )  # fmt: skip


# ---- lateness, repeats, disorder ---------------------------------------------------------------------------------------


def in_time(model: Model, lines: Sequence[Line]) -> dict[tuple[str, str], float | None]:
    """The risks of a ward that got every line in time."""
    return risks(fed(model, [*admissions(lines), *sorted(lines, key=lambda line: int(line["time"]))]))


def check_corrections(model: Model, lines: Sequence[Line]) -> int:
    """Feed line by line; after a late one, what was said and corrected is what a ward says that got all of it in time."""
    ward, seen = Ward(model, rescore=True), 0
    ward.feed(text_of(admissions(lines)))
    committed: dict[tuple[str, str], float | None] = {}
    latest: dict[tuple[str, str], float | None] = {}
    for k, line in enumerate(lines):
        late = counts(ward).get("late", 0)
        out = ward.feed(text_of([line]))
        committed |= risks(out)
        latest |= risks(out)
        assert {line.model for line in out if isinstance(line, Risk)} <= {model.digest[:DIGITS]}
        corrected = risks(out, corrected=True)
        if counts(ward).get("late", 0) == late:
            assert corrected == {}
            continue
        assert all(latest[key] != risk for key, risk in corrected.items()), "only what differs is said again"
        latest |= corrected
        wanted = in_time(model, lines[: k + 1])
        mine = [key for key in latest if key[0] == line["stay"]]
        assert {key: latest[key] for key in mine} == {key: wanted[key] for key in mine}
        seen += 1
    assert committed == risks(fed(model, [*admissions(lines), *lines]))
    return seen


def test_late_samples_within_the_grace_and_beyond_it(model: Model) -> None:
    exact = corrected = 0
    for seed in range(SEEDS):
        rng = np.random.default_rng(seed)
        lines = some_feed(rng)
        within = by_arrival(lines, rng.integers(0, 30 * MINUTE, len(lines)).tolist())
        assert risks(fed(model, [*admissions(lines), *within])) == in_time(model, lines)
        exact += 1
        if seed % 5 == 0:
            beyond = np.where(rng.random(len(lines)) < 0.05, rng.integers(HOUR, 5 * HOUR, len(lines)), 0)
            corrected += check_corrections(model, by_arrival(lines, beyond.tolist()))
    assert corrected > 0
    record(
        "F4", "samples of two beds arrive up to the grace late, in any order; others hours late with --rescore",
        "exact as sorted; corrected risks are those of a ward that had got the sample in time",
        f"{exact} of {exact} seeds exact; {corrected} of {corrected} late samples corrected exactly",
    )  # fmt: skip


def test_what_is_too_late_changes_nothing_that_was_said(model: Model) -> None:
    injected = changed = 0
    for seed in range(min(SEEDS, 50)):
        rng = np.random.default_rng(1000 + seed)
        lines = some_feed(rng, stays=1)
        with_late, expected = list(lines), 0
        end = int(lines[-1]["time"])
        for _ in range(5):
            late = sample(int(rng.integers(BEGIN, end - 3 * HOUR)), 140, "p0")
            at = next(i for i, line in enumerate(with_late) if line["time"] > late["time"] + 2 * HOUR)
            with_late.insert(at + 1, late)
            expected += 1
        ward, plain = Ward(model), fed(model, [*admissions(lines), *lines])
        out = ward.feed(text_of([*admissions(lines), *with_late]))
        changed += risks(out) != risks(plain)
        assert counts(ward).get("late", 0) == expected
        injected += expected
    assert changed == 0
    record(
        "F5", "results hours late, without --rescore",
        "0 past rows changed; counter = injected", f"0 feeds changed; {injected} injected, {injected} counted",
    )  # fmt: skip


def test_repeats_have_one_effect(model: Model) -> None:
    repeats = 0
    for seed in range(SEEDS):
        rng = np.random.default_rng(seed)
        lines, again = some_feed(rng), []
        for i, line in enumerate(lines):
            again.append(line)
            for _ in range(int(rng.integers(0, 3))):
                j = max(0, i - int(rng.integers(0, 20)))  # a retry, or the same again in another message
                again.append({**lines[j], "arrival": line["time"], "seq": 1_000 * i + len(again)})
        ward = Ward(model)
        out = ward.feed(text_of([*admissions(lines), *again])) + ward.close()
        once = Ward(model)
        assert risks(out) == risks(once.feed(text_of([*admissions(lines), *lines])) + once.close())
        left = counts(ward)
        assert left.get("duplicate", 0) + left.get("late", 0) <= len(again) - len(lines)
        repeats += len(again) - len(lines)
    assert repeats > SEEDS
    record(
        "F6", "lines repeated at once or up to 20 lines later, as retries and in other messages",
        "one effect", f"{repeats} repeats in {SEEDS} feeds, 0 risks differ",
    )  # fmt: skip


def test_disorder_by_up_to_twenty_places(model: Model) -> None:
    for seed in range(SEEDS):
        rng = np.random.default_rng(seed)
        lines = [
            sample(BEGIN + t * MINUTE, 60 + float(rng.integers(0, 60)), "p1", "heart_rate") for t in range(600)
        ]  # fmt: skip
        places = np.arange(len(lines)) + rng.uniform(0, 20, len(lines))
        shuffled = [lines[i] for i in np.argsort(places, kind="stable").tolist()]
        assert shuffled != lines
        assert risks(fed(model, [*admissions(lines), *shuffled])) == in_time(model, lines)
    record(
        "F7", "a sample a minute, out of order by up to 20 places, grace 30 min",
        "exact as sorted", f"{SEEDS} of {SEEDS} seeds exact",
    )  # fmt: skip


# ---- clocks ------------------------------------------------------------------------------------------------------------


def skewed(offset: Any, minutes: int, seed: int = 0) -> Iterator[tuple[int, int, int, Line]]:
    """True minute, true time, arrival, and the line of a source whose clock is off by ``offset(minute)`` microseconds."""
    rng = np.random.default_rng(seed)
    for minute in range(minutes):
        true = BEGIN + minute * MINUTE
        arrival = true + int(rng.uniform(0.2, 1.5) * SECOND)
        yield minute, true, arrival, sample(true + int(offset(minute)), 80, arrival=arrival, source="monitor")


def errors_of(model: Model, offset: Any, steps: Sequence[int]) -> tuple[list[float], Ward, list[Output]]:
    """Seconds by which the bed's clock is off, from the 20th message on after the beginning and each step."""
    ward, out, found = Ward(model), [], []
    ward.feed(text_of([admit(BEGIN - HOUR)]))
    for minute, true, arrival, line in skewed(offset, 360):
        out += ward.feed(text_of([line]))
        slabs = ward.kept()["slabs"]
        settled = minute - max([step for step in (0, *steps) if step <= minute]) >= 20
        assert slabs["watermark"][0] <= arrival + 2 * MINUTE, "no bed is ever ahead of now by more than the tolerance"
        assert (slabs["sampled"][0] <= max(slabs["closed"][0], BEGIN - HOUR)).all(), "no age is negative"
        if settled:
            found.append((int(slabs["watermark"][0]) - true) / SECOND)
    return found, ward, out


@pytest.mark.parametrize("minutes", [-5, 5, -14, 14])
def test_a_source_whose_clock_is_off(model: Model, minutes: int) -> None:
    found, _, out = errors_of(model, lambda _: minutes * MINUTE, ())
    worst = max(map(abs, found))
    assert worst < 2
    (told,) = news(out, "skew", "skew_over", "skew_too_far")
    assert (told.source, round(told.seconds or 0)) == ("monitor", pytest.approx(-60 * minutes, abs=2))
    record(
        "F8", f"a source's clock is {minutes:+d} min off", "error < 2 s after 20 messages; told once; 0 negative ages",
        f"at most {worst:.2f} s, told once, 0 negative ages in 360 messages",
    )  # fmt: skip


def test_a_source_whose_clock_drifts_and_is_put_right(model: Model) -> None:
    found, _, out = errors_of(model, lambda m: (5 * MINUTE + m * 12_000) if m < 180 else 0, (180,))
    worst = max(map(abs, found))
    assert worst < 2
    assert [line.reason for line in news(out, "skew", "skew_over", "skew_too_far")] == ["skew", "skew_over"]
    record(
        "F8", "5 min off, drifting by 200 ppm, put right after three hours", "error < 2 s after 20 messages; clears again",
        f"at most {worst:.2f} s; told once and cleared once",
    )  # fmt: skip


@pytest.mark.parametrize("hours", [-1, 1])
def test_a_source_that_changes_to_summer_time(model: Model, hours: int) -> None:
    found, ward, out = errors_of(model, lambda m: hours * HOUR if 120 <= m < 240 else 0, (120, 240))
    told = [line.reason for line in news(out, "skew", "skew_over", "skew_too_far")]
    assert told == ["skew_too_far", "skew_over"]
    left = counts(ward)
    assert left.get("skewed", 0) >= 100
    back = max(map(abs, found[-100:]))
    assert back < 2
    record(
        "F8", f"a step of {hours:+d} h (summer time), back after two hours", "> 15 min is left out, and clears again",
        f"{left['skewed']} left out as skewed in and after two hours of skew, {left.get('future', 0)} as future, "
        f"{left.get('late', 0)} as late; at most {back:.2f} s off afterwards",
    )  # fmt: skip


def test_delays_are_no_skew(model: Model) -> None:
    """What is charted by hand arrives up to an hour later, laboratory values hours later: no clock is off."""
    rng = np.random.default_rng(1)
    lines = [admit(BEGIN - HOUR)]
    for i in range(200):
        time = BEGIN + i * 10 * MINUTE
        lines.append(sample(time, 80, arrival=time + int(rng.uniform(0, HOUR)), source="charts"))
        lines.append(sample(time, 2.0, signal="lactate", arrival=time + 70 * MINUTE, source="laboratory"))
    assert news(fed(model, lines), "skew", "skew_too_far") == []


def test_a_time_without_a_zone_is_left_out(model: Model) -> None:
    ward = Ward(model)
    ward.feed(text_of([admit(), sample(BEGIN + MINUTE)]))
    ward.feed(b'{"stay":"p1","time":"2019-01-01T00:30:00","signal":"heart_rate","value":80,"source":"monitor"}\n')
    assert counts(ward) == {"no_time_zone": 1}
    assert ward.kept()["slabs"]["watermark"][0] == BEGIN + MINUTE
    record("F8", "no zone in a time", "left out, never guessed", "1 of 1 left out as no_time_zone")


def test_a_sample_of_the_future(model: Model) -> None:
    """By a clock line, by its own arrival, plain or decoded, in a bed that is there or not: the bed's clock stands."""
    running = [clock(BEGIN + s * SECOND) for s in range(0, 15, EVERY)]
    now = BEGIN + 10 * SECOND
    kept = moved = 0
    for ahead in (2 * MINUTE + 6 * SECOND, HOUR, DAY, 29 * DAY, 400 * DAY):
        for wrong in (
            sample(now + ahead), sample(now + ahead, unit="/min"), sample(now + ahead, stay="p2"),
            {"kind": "admit", "stay": "p3", "time": now + ahead},
            sample(now + ahead, arrival=now, source="monitor"),
        ):  # fmt: skip
            by_clock = running if "arrival" not in wrong else []
            ward = Ward(model)
            ward.feed(text_of([admit(), sample(BEGIN), *by_clock]))
            before = ward.kept()
            ward.feed(text_of([wrong]))
            after = ward.kept()
            moved += any(not np.array_equal(before["slabs"][name], after["slabs"][name], equal_nan=True)
                         for name in before["slabs"] if before["slabs"][name].dtype.kind != "f")  # fmt: skip
            moved += after["beds"]["bed_of"] != {"p1": 0}
            kept += counts(ward).get("future", 0)
    assert (moved, kept) == (0, 25)
    soon = Ward(model)
    soon.feed(text_of([admit(), *running, sample(now + MINUTE)]))
    assert counts(soon) == {}
    record(
        "F9", "samples and admissions 2 min to 400 d in the future, with a running clock or an arrival",
        "left out, counted, the bed's clock stands", f"{kept} of 25 left out as future, {moved} beds moved",
    )  # fmt: skip


def test_a_bed_that_was_led_astray_begins_anew(model: Model) -> None:
    """Before there is a clock a wrong time is believed; as soon as there is one, the bed comes back to now."""
    wrong = [admit(BEGIN, demographics={"age": 70, "sex": 1}), sample(BEGIN + 5 * DAY)]
    good = [sample(BEGIN + m * MINUTE, 90) for m in range(1, 300)]
    ticks = [clock(BEGIN + s * SECOND) for s in range(0, 300 * 60, EVERY)]
    lines = sorted([*good, *ticks], key=lambda line: int(line["time"]))
    out = fed(model, [*wrong, *lines])
    begun = news(out, "began_anew")
    assert [line.stay for line in begun] == ["p1"]
    said = [line for line in out if isinstance(line, Risk)]
    assert len({line.id for line in said}) == len(said)
    at = next(i for i, line in enumerate(out) if line is begun[0])
    again, alone = risks(out[at:]), risks(fed(model, [admit(BEGIN, demographics={"age": 70, "sex": 1}), *lines]))
    assert again == alone
    assert len(alone) == 4


@pytest.mark.parametrize(("cadence", "behind"), [(1, 45), (60, 45), (60, 150)])
def test_a_running_clock_makes_nothing_late(tmp_path: Path, cadence: int, behind: int) -> None:
    """Without a grace, what comes regularly but minutes or hours behind gives the risks that it gives without a clock."""
    model = open_model(model_folder(tmp_path / "model", settings_of()))
    lines = [
        sample(BEGIN + m * MINUTE + i, CENTRE[name] - m % 7, stay, name)
        for m in range(0, 12 * 60, cadence) for i, (stay, name) in enumerate([("p0", "heart_rate"), ("p1", "spo2")])
    ]  # fmt: skip
    timed = [(int(line["time"]) + behind * MINUTE, line) for line in lines]
    until = (12 * 60 + behind) * 60
    timed += [(BEGIN + s * SECOND, clock(BEGIN + s * SECOND, 60)) for s in range(0, until, 60)]
    ward = Ward(model)
    with_clock = ward.feed(
        text_of([*admissions(lines), *(line for _, line in sorted(timed, key=lambda pair: pair[0]))])
    )
    without = risks(fed(model, [*admissions(lines), *lines]))
    assert len(without) > 20
    assert without.items() <= risks(with_clock).items()
    assert "late" not in counts(ward)


def test_a_wrong_clock_line_moves_nothing(model: Model) -> None:
    good = [sample(BEGIN + m * MINUTE, 90) for m in range(600)]
    ticks = [clock(BEGIN + s * SECOND, 60) for s in range(0, 600 * 60, 60)]
    wrong = [clock(BEGIN + DAY), clock(BEGIN - DAY), clock(BEGIN + 40 * DAY)]
    lines = sorted([*good, *ticks], key=lambda line: int(line["time"]))
    first = fed(model, [admit(), wrong[0], *lines])
    ward = Ward(model)
    midst = ward.feed(
        text_of([admit(), *lines[:400], wrong[0], *lines[400:600], wrong[1], *lines[600:700], wrong[2], *lines[700:]])
    )
    plain = fed(model, [admit(), *lines])
    assert risks(first) == risks(plain) == risks(midst)
    assert len(risks(plain)) > 5
    assert counts(ward) == {"clock_leaps": 3}


@pytest.mark.parametrize("every", [10, 3600])
def test_after_an_outage_nothing_good_is_left_out(model: Model, every: int) -> None:
    """The clock leaps by as long as nobody looked: what comes before it is believed again is no sample of the future."""
    kept, sent, outages = 0, 0, (5 * MINUTE, HOUR, DAY, 40 * DAY)
    for outage in outages:
        ward = Ward(model)
        ward.feed(text_of([admit(), *(clock(BEGIN + i * every * SECOND, every) for i in range(5))]))
        ward = Ward.restored(model, None, ward.kept())
        now = BEGIN + 4 * every * SECOND + every * SECOND + outage
        for tick_at in range(now, now + 4 * every * SECOND, every * SECOND):
            times = range(tick_at, tick_at + every * SECOND, every * SECOND // 10)
            ward.feed(text_of([clock(tick_at, every), *map(sample, times)]))
            sent += len(times)
        kept += counts(ward).get("future", 0)
        ward.feed(text_of([sample(now + DAY)]))
        assert counts(ward)["future"] == kept + 1
    assert kept == 0
    record(
        "F9", f"an outage of 5 min to 40 d, with clock lines every {every} s before and after it",
        "no sample of now is left out, one a day ahead is", f"{kept} of {sent} left out, {len(outages)} of {len(outages)}",
    )  # fmt: skip


def test_a_wrong_clock_line_opens_the_future_only_until_the_next_right_one(model: Model) -> None:
    """And what was believed meanwhile is put right: the bed begins anew."""
    ticks = [clock(BEGIN + s * SECOND) for s in range(0, 300 * 60, EVERY)]
    good = [sample(BEGIN + m * MINUTE, 90) for m in range(1, 300)]
    lines = sorted([*good, *ticks], key=lambda line: int(line["time"]))
    ward = Ward(model)
    ward.feed(text_of([admit(), *lines[:100], clock(BEGIN + DAY), *lines[100:104], sample(BEGIN + DAY)]))
    assert counts(ward) == {"clock_leaps": 1, "future": 1}
    ward.feed(text_of([clock(BEGIN + DAY), sample(BEGIN + DAY), *lines[104:]]))
    assert counts(ward) == {"clock_leaps": 2, "future": 1, "began_anew": 1}


def silence_under(model: Model, now: Any, step_at: int) -> list[Technical]:
    """What is told of a channel that stops half a minute before the wall clock steps, with this clock."""
    lines: list[bytes] = [text_of([admit()])]
    passed = 0
    while passed < step_at + 1200:
        if passed % 60 == 0:
            lines.append(text_of([sample(BEGIN + passed * SECOND, 80, "p1", "heart_rate")]))
            if passed < step_at:
                lines.append(text_of([sample(BEGIN + passed * SECOND, 96, "p1", "spo2")]))
        lines.append(tick(now(passed), EVERY))
        passed += EVERY
    return news(Ward(model).feed(b"".join(lines)), "stale_channel")


def test_the_wall_clock_steps_back_an_hour(model: Model) -> None:
    missed, plain_missed, steps = 0, 0, range(600, 4200, 360)
    for step_at in steps:
        passed = [0.0]

        def wall(at: int = step_at, passed: list[float] = passed) -> float:
            return BEGIN / SECOND + passed[0] - (3600 if passed[0] >= at else 0)

        steady = SteadyClock(wall, lambda passed=passed: passed[0])

        def now(at: int, steady: SteadyClock = steady, passed: list[float] = passed) -> int:
            passed[0] = at
            return steady.now()

        def naive(at: int, passed: list[float] = passed, wall: Any = wall) -> int:
            passed[0] = at
            return round(wall() * SECOND)

        told = silence_under(model, now, step_at)
        missed += not told or delays(told, step_at)[0] > 180 + EVERY
        passed[0] = 0.0
        plain = silence_under(model, naive, step_at)
        plain_missed += not plain or delays(plain, step_at)[0] > 180 + EVERY
    assert missed == 0
    assert plain_missed > 0, "the wall clock alone would have missed them"
    record(
        "F10", "this machine's clock steps back by an hour as a channel falls silent",
        "0 missed stale events in the simulator",
        f"{missed} of {len(steps)} missed or late ({plain_missed} with the wall clock alone)",
    )  # fmt: skip


# ---- values that are none ----------------------------------------------------------------------------------------------


def test_sentinels_never_reach_a_row() -> None:
    """What monitors send for no value: left out for every signal of the catalogue, by its limits or as no number."""
    names = [name for name, entry in catalogue().items() if entry.kind != "demographic"]
    settings = Settings.from_tables(
        {
            "name": "all", "signals": {name: {} for name in names}, "window": {"step": "1h"},
            "label": {"kind": "sepsis", "horizon": "6h"},
        }
    )  # fmt: skip
    ward = Ward(Model(settings, digest="0" * 64, hidden_size=1, about={}, session=None))  # type: ignore[arg-type]
    ward.feed(text_of([admit(BEGIN, stay=name) for name in names]))
    sent = 0
    for written in ("-100", "-999", "-99.9", "8388607", "NaN", '""', '">500"', "null", "Infinity", "1e400"):
        for name in names:
            for unit in ("", f',"unit":"{catalogue()[name].unit}"'):
                head = f'{{"stay":"{name}","time":{BEGIN + sent},"signal":"{name}","value":{written}{unit}}}\n'
                ward.feed(head.encode())
                sent += 1
    kept = ward.kept()
    reached = int((kept["slabs"]["waiting"]).sum()) + int((kept["slabs"]["watermark"] != NEVER).sum())
    assert reached == 0
    assert sum(counts(ward).values()) == sent
    record(
        "F12", f"-100, -999, -99.9, 8388607, NaN, empty, '>500', null and infinity for each of {len(names)} signals",
        "missing, never a number: 0 reach the kernel", f"{reached} of {sent} reached it; each is counted",
    )  # fmt: skip


INJECTIONS = int(os.environ.get("VITALS_INJECTIONS", "600"))
LARGEST_JUMP, POLICY = 0.05, 0.052
USUAL = {"heart_rate": (85, 12), "spo2": (96, 1.5), "temperature": (37, 0.5), "sbp": (122, 14), "map": (84, 9),
         "dbp": (64, 8), "resp_rate": (19, 4)}  # fmt: skip


def artefact(rng: np.random.Generator, kind: str) -> dict[str, float]:
    """Values of one moment at which a sensor failed."""
    if kind == "dropout of SpO2":
        return {"spo2": float(rng.uniform(20, 75))}
    if kind == "spike of the heart rate":
        return {"heart_rate": float(rng.uniform(180, 350))}
    flush = float(rng.uniform(150, 300))
    return dict.fromkeys(("sbp", "dbp", "map"), flush)


def test_one_artefact_moves_a_score_so_far_and_no_farther() -> None:
    """A shipped model on patients well and ill: the last sample of the last of twelve hours is an artefact."""
    model = open_model(ROOT / "models" / "sepsis-vitals")
    channels, rng = model.settings.channels, np.random.default_rng(11)
    kinds = ("dropout of SpO2", "flush of the arterial line", "spike of the heart rate")
    columns, wrong = [], []
    for bed in range(INJECTIONS):
        at = {name: middle + 2 * spread * rng.normal() for name, (middle, spread) in USUAL.items()}
        for quarter in range(48):
            time = BEGIN + quarter * 15 * MINUTE + MINUTE
            for name, value in at.items():
                columns.append((bed, time, channels.index(name), value + rng.normal(0, USUAL[name][1] / 5)))
        for name, value in artefact(rng, kinds[bed % 3]).items():
            wrong.append((bed, BEGIN + 12 * HOUR - MINUTE, channels.index(name), value))

    def last_risks(samples: list[tuple[int, int, int, float]]) -> np.ndarray[Any, np.dtype[np.float32]]:
        bed, time, signal, value = zip(*samples, strict=True)
        carry = Carry.empty(model.settings, INJECTIONS)
        carry.admit(np.arange(INJECTIONS), np.full(INJECTIONS, BEGIN))
        events = Events(
            np.array(bed, np.int32), np.array(time), np.array(signal, np.int16), np.array(value, np.float32)
        )
        _, rows, _ = advance(model.settings, carry, events, BEGIN + 12 * HOUR)
        risk = score_rows(model, model.initial_hidden(INJECTIONS), rows)
        return risk[rows.time == BEGIN + 12 * HOUR]

    before, after = last_risks(columns), last_risks(columns + wrong)
    jump = np.abs(after - before)
    called = int(((before < POLICY) & (after >= POLICY)).sum())
    largest = [float(jump[k::3].max()) for k in range(3)]
    assert max(largest) > 0, "an artefact within the limits is a sample"
    assert max(largest) <= LARGEST_JUMP
    record(
        "F15", f"{INJECTIONS} single artefacts as the last sample of an hour, models/sepsis-vitals",
        f"a score moves by at most {LARGEST_JUMP}",
        "; ".join(f"{kind}: at most {worst:.3f}" for kind, worst in zip(kinds, largest, strict=True))
        + f"; {called} of {INJECTIONS} crossed the threshold of the model's policy ({POLICY})",
    )  # fmt: skip
