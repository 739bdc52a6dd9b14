"""The live ward's lines are those of ``decide`` folded over the offline risks, byte for byte, whatever is said of patients."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.live import BEGIN, HOUR, model_folder, settings_of
from tests.naive import Said
from vitals.alerting.decide import AlertState, Notice, Outcome, decide
from vitals.feeds.lines import Alert, Output, Risk, Technical
from vitals.feeds.ndjson import encode_lines
from vitals.feeds.times import time_text
from vitals.scoring.model import Model, open_model
from vitals.scoring.ward_step import score_rows
from vitals.spec.duration import Duration
from vitals.spec.policy import REARM, AlertPolicy
from vitals.ward.outputs import alert_id, policy_digest, risk_id, with_ids
from vitals.ward.ward import Ward
from vitals.windowing.advance import advance
from vitals.windowing.carry import Carry
from vitals.windowing.types import Events, Reason

MINUTE = HOUR // 60


@dataclass(frozen=True)
class Stay:
    """A stay and what came in for it; ``samples`` are (time, signal, value)."""

    name: str
    admitted: int
    discharged: int
    samples: list[tuple[int, str, float]]
    said: list[Said]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    folder: Path = tmp_path_factory.mktemp("model")
    return open_model(model_folder(folder, settings_of(hidden=8, grace="10min")))


def made(seed: int) -> list[Stay]:
    """Stays of two days with samples at twenty past, hours without any, and words at half past."""
    draw = np.random.default_rng(seed)
    stays = []
    for number in range(5):
        admitted = BEGIN + int(draw.integers(0, 30)) * HOUR
        hours = int(draw.integers(20, 60))
        missing = np.repeat(draw.random(hours // 6 + 1) < 0.3, 6)[:hours]
        samples = []
        for hour in np.flatnonzero(~missing).tolist():
            time = admitted + hour * HOUR + 20 * MINUTE
            samples.append((time, "heart_rate", float(draw.integers(50, 180))))
            if draw.random() < 0.5:
                samples.append((time, "spo2", float(draw.integers(80, 100))))
        said = []
        for hour in np.flatnonzero(draw.random(hours) < 0.12).tolist():
            time = admitted + hour * HOUR + 30 * MINUTE
            kind = str(draw.choice(["acknowledge", "acknowledge", "event"]))
            said.append(Said(0, kind, time, time + int(draw.integers(1, 6)) * HOUR))
            if kind == "event":
                over = time + int(draw.integers(0, 4)) * HOUR + MINUTE
                said.append(Said(0, "event_end", over))
        said = possible(
            [word for word in sorted(said, key=lambda word: word.time) if word.time < admitted + hours * HOUR]
        )
        stays.append(Stay(f"s{number}", admitted, admitted + hours * HOUR + 40 * MINUTE, samples, said))
    return stays


def possible(said: list[Said]) -> list[Said]:
    """Without a second event before the first is over, and without its end."""
    kept, lasts = [], False
    for word in said:
        if word.kind == "acknowledge" or lasts == (word.kind == "event_end"):
            kept.append(word)
            lasts = lasts if word.kind == "acknowledge" else not lasts
    return kept


def feed_of(stays: list[Stay]) -> bytes:
    """All of it in order of time, and the clock of the ward at a quarter past."""
    lines: list[tuple[int, dict[str, Any]]] = []
    for stay in stays:
        lines += [
            (stay.admitted, {"kind": "admit", "stay": stay.name}),
            (stay.discharged, {"kind": "discharge", "stay": stay.name}),
        ]
        lines += [(time, {"stay": stay.name, "signal": name, "value": value}) for time, name, value in stay.samples]
        lines += [
            (word.time, {"kind": word.kind, "stay": stay.name} | ({"until": word.until} if word.until else {}))
            for word in stay.said
        ]
    lines += [(BEGIN + hour * HOUR + 15 * MINUTE, {"kind": "clock"}) for hour in range(100)]
    lines.sort(key=lambda line: line[0])
    return b"".join(json.dumps({**line, "time": time}).encode() + b"\n" for time, line in lines)


def live(model: Model, policy: AlertPolicy, feed: bytes, size: int) -> dict[str, bytes]:
    """The lines of each stay, as bytes, from a ward that begins with one bed and has to grow."""
    ward, lines = Ward(model, policy, beds=1), []
    for at in range(0, len(feed), size):
        lines += ward.feed(feed[at : at + size])
    by_stay: dict[str, list[Output]] = {}
    for line in lines + ward.close():
        if line.stay is not None:
            by_stay.setdefault(line.stay, []).append(line)
    return {stay: encode_lines(of_stay) for stay, of_stay in by_stay.items()}


def risks_of(model: Model, stay: Stay) -> tuple[Any, Any, Any]:
    """Times, risks and reasons of a stay, all its samples taken in and scored at once."""
    settings = model.settings
    carry = Carry.empty(settings, 1)
    carry.admit(np.array([0]), np.array([stay.admitted]))
    columns = {name: i for i, name in enumerate(settings.channels)}
    events = Events(
        np.zeros(len(stay.samples), np.int32), np.array([time for time, _, _ in stay.samples], np.int64),
        np.array([columns[name] for _, name, _ in stay.samples], np.int16),
        np.array([value for _, _, value in stay.samples], np.float32),
    )  # fmt: skip
    _, rows, _ = advance(settings, carry, events, until=np.array([stay.discharged]))
    return rows.time, score_rows(model, model.initial_hidden(1), rows), rows.reason


def offline(model: Model, policy: AlertPolicy, stay: Stay) -> bytes:
    """The same lines from ``decide`` folded over the stay, cut only where somebody says something."""
    time, risk, reason = risks_of(model, stay)
    state, lines = AlertState.empty(1), []
    start, key = 0, f"{model.digest}\0{policy_digest(policy)}"
    for word in [*stay.said, None]:
        stop = len(time) if word is None else int(np.searchsorted(time, word.time))
        state, due = decide(policy, state, [0] * (stop - start), time[start:stop], risk[start:stop])
        outcomes = dict(zip((start + due.row).tolist(), map(Outcome, due.outcome), strict=True))
        notices = dict(zip((start + due.noticed).tolist(), map(Notice, due.notice), strict=True))
        for row in range(start, stop):
            lines += said_of_a_row(stay.name, key, int(time[row]), risk[row], Reason(reason[row]))
            if row in outcomes:
                tier, held = outcomes[row].tier, outcomes[row].suppressed_by
                name = alert_id(key, stay.name, int(time[row]), tier)
                lines.append(Alert(name, stay.name, time_text(int(time[row])), float(risk[row]), held, tier))
            if row in notices:
                news = {Notice.STALE: "no_valid_score", Notice.FRESH: "valid_score_again"}[notices[row]]
                lines.append(Technical(stay.name, time_text(int(time[row])), news))
        start = stop
        lines += [] if word is None else heard(policy, state, stay.name, word)
    return encode_lines(with_ids(key, lines))


def said_of_a_row(stay: str, key: str, time: int, risk: np.float32, reason: Reason) -> Iterator[Output]:
    missing = bool(np.isnan(risk))
    model = key.partition("\0")[0]
    why = reason.name.lower() if missing else None
    yield Risk(
        stay, time_text(time), None if missing else float(risk), why, risk_id(model, stay, time), model=model[:12]
    )


def heard(policy: AlertPolicy, state: AlertState, stay: str, word: Said) -> Iterator[Output]:
    if word.kind == "event":
        if state.event_begins(0, word.time) is None:
            yield Technical(stay, time_text(word.time), "event_began")
    elif word.kind == "event_end":
        if state.event_ends(policy, 0, word.time) is None:
            again = time_text(word.time + int(policy.reset))
            yield Technical(stay, time_text(word.time), "event_ended", until=again)
    else:
        ends = state.acknowledge(policy, 0, word.time, word.until)
        yield Technical(stay, time_text(word.time), "acknowledged", until=time_text(ends))


@pytest.fixture(scope="module")
def usual(model: Model) -> AlertPolicy:
    """Two tiers at risks this model does give, with everything that can hold an alert back."""
    risk = np.concatenate([risks_of(model, stay)[1] for stay in made(0)])
    clear, threshold, red_clear, red = (float(q) for q in np.nanquantile(risk, [0.3, 0.4, 0.6, 0.7]))
    hours = {"silence": 2, "reset": 1, "max_snooze": 3, "stale": 2}
    lengths = {name: Duration(length * HOUR) for name, length in hours.items()}
    return AlertPolicy(threshold, clear, red, red_clear, max_per_day=3, **lengths)


@pytest.mark.parametrize("size", [37, 1 << 20])
@pytest.mark.parametrize("persistence", [(1, 1), (2, 3)])
@pytest.mark.parametrize("rearm", REARM)
def test_live_lines_are_decide_folded_offline(
    model: Model, usual: AlertPolicy, rearm: Any, persistence: tuple[int, int], size: int
) -> None:
    policy, stays = replace(usual, rearm=rearm, persistence=persistence), made(1)
    found = live(model, policy, feed_of(stays), size)
    assert found == {stay.name: offline(model, policy, stay) for stay in stays}


def test_the_comparison_sees_every_kind_of_line(model: Model, usual: AlertPolicy) -> None:
    seen = set()
    for rearm in ("below_clear", "timer"):
        for content in live(model, replace(usual, rearm=rearm), feed_of(made(1)), 1 << 20).values():
            for line in map(json.loads, content.splitlines()):
                seen.add((line["kind"], line.get("tier") or line.get("reason"), line.get("suppressed_by")))
    held = {
        "amber": (None, "silence", "episode", "acknowledged", "cap", "event"),
        "red": (None, "silence", "episode", "event"),
    }
    assert seen >= {("alert", tier, by) for tier, reasons in held.items() for by in reasons}
    told = ("acknowledged", "event_began", "event_ended", "no_valid_score", "valid_score_again")
    assert seen >= {("technical", what, None) for what in told}


@pytest.mark.parametrize("kind", ["acknowledge", "event", "event_end"])
def test_the_comparison_would_notice_a_word_that_is_not_heard(model: Model, usual: AlertPolicy, kind: str) -> None:
    stays = made(1)
    deaf = [replace(stay, said=[word for word in stay.said if word.kind != kind]) for stay in stays]
    found = live(model, usual, feed_of(stays), 1 << 20)
    assert found != {stay.name: offline(model, usual, stay) for stay in deaf}


@pytest.mark.parametrize("change", [{"red": 1.0, "red_clear": 1.0}, {"max_per_day": 0}, {"stale": Duration(0)}])
def test_the_comparison_would_notice_another_policy(model: Model, usual: AlertPolicy, change: Any) -> None:
    stays, other = made(1), replace(usual, **change)
    same_ids = Ward(model, other)._key  # ids tell policies apart, so only what they stand for is compared
    assert same_ids != Ward(model, usual)._key
    found = live(model, other, feed_of(stays), 1 << 20)
    told = {stay.name: offline(model, usual, stay) for stay in stays}
    assert {name: without_ids(text) for name, text in found.items()} != {n: without_ids(t) for n, t in told.items()}


def without_ids(content: bytes) -> list[dict[str, Any]]:
    return [{**json.loads(line), "id": None} for line in content.splitlines()]
