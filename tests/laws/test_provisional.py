"""Law: a provisional risk is what a copy of the ward would say if the running step closed now, and changes nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.live import BEGIN, HOUR, model_folder, settings_of
from vitals.feeds.lines import Answers, Output, Risk
from vitals.feeds.ndjson import encode_lines
from vitals.scoring.model import Model, open_model
from vitals.scoring.ward_step import score_rows
from vitals.ward.trial import gru_of
from vitals.ward.ward import Ward
from vitals.windowing.advance import advance
from vitals.windowing.carry import Carry, Pool, Slabs
from vitals.windowing.types import NEVER, Events

CLOSE = 1e-6
STEP = HOUR


@pytest.fixture(scope="module", params=["gru", "lstm", "gru 3h"])
def model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Model:
    """One model that the compiled step knows, and two that are asked themselves."""
    kind, _, lookback = request.param.partition(" ")
    window = {"grace": "90min", "warm_up": "1h", "max_gap": "30d", **({"lookback": lookback} if lookback else {})}
    return open_model(model_folder(tmp_path_factory.mktemp(kind), settings_of(kind, **window)))


def feed_of(seed: int, beds: int = 5, many: int = 260) -> list[dict[str, Any]]:
    """Samples mostly in order, some late within the grace and beyond it, some doubled, some impossible; stays come and go."""
    random = np.random.default_rng(seed)
    lines: list[dict[str, Any]] = [
        {"kind": "admit", "stay": f"p{b}", "time": BEGIN + b * HOUR // 7, "demographics": {"age": 50 + b}}
        for b in range(beds)
    ]
    now = BEGIN
    for i in range(many):
        now += int(random.exponential(HOUR / 12)) // 1000 * 1000
        late = int(random.choice([0, 0, 0, 0.3, 1.2, 4]) * random.uniform() * HOUR)
        name = str(random.choice(["heart_rate", "heart_rate", "spo2", "lactate", "etco2"]))
        value = {"heart_rate": 80.0, "spo2": 95.0, "lactate": 2.0, "etco2": 35.0}[name] + round(
            float(random.normal()), 1
        )
        value = 5_000.0 if random.uniform() < 0.03 else value
        line = {"stay": f"p{random.integers(beds)}", "time": now - late, "signal": name, "value": value}
        lines += [line] * (2 if random.uniform() < 0.05 else 1)
        if i % 60 == 59:
            lines.append({"kind": "clock", "time": now})
        if i % 100 == 99:
            lines += [
                {"kind": "discharge", "stay": "p0", "time": now}, {"kind": "admit", "stay": "p0" + "x" * i, "time": now},
                {"stay": "p0" + "x" * i, "time": now + HOUR // 3, "signal": "spo2", "value": 96},
            ]  # fmt: skip
    return lines


def as_bytes(lines: list[dict[str, Any]]) -> bytes:
    """Lines of input."""
    return b"".join(json.dumps(line, separators=(",", ":")).encode() + b"\n" for line in lines)


def answers_in(lines: list[Output]) -> list[Risk]:
    """The provisional risks among some output."""
    return [risk for line in lines if isinstance(line, Answers) for risk in line.risks()]


def if_closed_now(ward: Ward, stay: str) -> tuple[float | None, str | None]:
    """The risk of the running step by the plain words: copy the ward, close the step, score it."""
    bed, settings = ward._beds.bed_of[stay], ward._model.settings
    carry = Carry(
        Slabs(*(part.copy() for part in ward._carry.slabs)), Pool(*(part.copy() for part in ward._carry.pool))
    )
    admitted, latest = int(carry.slabs.admitted[bed]), int(carry.slabs.watermark[bed])
    begun = admitted if carry.slabs.closed[bed] == NEVER else int(carry.slabs.closed[bed])
    end = max(admitted + -(-(latest - admitted) // STEP) * STEP, begun + STEP)
    until = np.full(carry.beds, NEVER)
    until[bed] = end
    none = np.zeros(0, np.int64)
    nothing = Events(none.astype(np.int32), none, none.astype(np.int16), none.astype(np.float32))
    _, rows, _ = advance(settings, carry, nothing, until)
    risk = score_rows(ward._model, ward._hidden.copy(), rows)
    assert rows.time[-1] == end
    why = {0: None, 1: "warming_up", 2: "too_little_known"}[int(rows.reason[-1])]
    return (None if why else float(risk[-1])), why


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_provisional_risk_is_that_of_a_copy_closed_now(model: Model, seed: int) -> None:
    ward, farthest, numbers = Ward(model, provisional=True), 0.0, 0
    for line in feed_of(seed):
        answers = answers_in(ward.feed(as_bytes([line])))
        assert len(answers) <= 1
        for answer in answers:
            assert answer.provisional
            risk, why = if_closed_now(ward, answer.stay)
            assert answer.reason == why
            if risk is None:
                assert answer.risk is None
            else:
                assert answer.risk is not None
                farthest, numbers = max(farthest, abs(answer.risk - risk)), numbers + 1
    assert numbers > 100
    assert farthest <= CLOSE


@pytest.mark.parametrize("size", [37, 700, 1 << 20])
def test_provisional_risks_never_change_committed_ones_and_hardly_depend_on_the_cut(model: Model, size: int) -> None:
    feed = as_bytes(feed_of(4))
    plain, ward, one = Ward(model), Ward(model, provisional=True), Ward(model, provisional=True)
    blocks = [feed[at : at + size] for at in range(0, len(feed), size)]
    committed: list[Output] = [line for block in blocks for line in plain.feed(block)]
    both: list[Output] = [line for block in blocks for line in ward.feed(block)]
    by_line: list[Output] = [line for text in feed.splitlines(keepends=True) for line in one.feed(text)]
    rest = [line for line in both if not isinstance(line, Answers)]
    mine, theirs = (by_stay(lines) for lines in (rest, committed))
    assert mine == theirs
    answers, single = by_arrival(both), by_arrival(by_line)
    assert [(a.stay, a.time, a.reason) for a in answers] == [(a.stay, a.time, a.reason) for a in single]
    known = [(a.risk, b.risk) for a, b in zip(answers, single, strict=True) if a.risk is not None]
    assert max(abs(a - (b or 0)) for a, b in known) <= CLOSE


def by_stay(lines: list[Output]) -> dict[tuple[str | None, str], list[bytes]]:
    """Lines of each stay and kind as bytes, in order; news of one block in any order, as always."""
    found: dict[tuple[str | None, str], list[bytes]] = {}
    for line in lines:
        assert not isinstance(line, Answers)
        found.setdefault((line.stay, type(line).__name__), []).append(encode_lines([line]))
    for (_, kind), texts in found.items():
        if kind == "Technical":
            texts.sort()
    return found


def by_arrival(lines: list[Output]) -> list[Risk]:
    """Provisional risks, stay by stay, each stay's in order of arrival."""
    return sorted(answers_in(lines), key=lambda risk: risk.stay)


def test_the_compiled_step_is_used_where_it_can_be_and_nowhere_else(model: Model) -> None:
    network, window = model.settings.network, model.settings.window
    assert (gru_of(model) is not None) == (network.kind == "gru" and not window.lookback_steps)


def test_a_compiled_step_with_other_weights_is_refused(tmp_path: Path) -> None:
    one, other = (open_model(model_folder(tmp_path / str(seed), settings_of(), seed)) for seed in (1, 2))
    mixed = Model(one.settings, one.digest, one.hidden_size, one.about, one.session, other.content)
    assert gru_of(one) is not None
    assert gru_of(mixed) is None


def test_the_last_provisional_risk_of_a_step_becomes_its_committed_one(model: Model) -> None:
    ward = Ward(model, provisional=True)
    lines: list[dict[str, Any]] = [{"kind": "admit", "stay": "p", "time": BEGIN, "demographics": {"age": 60}}]
    lines += [
        {"stay": "p", "time": BEGIN + k * HOUR // 4 + 1, "signal": "heart_rate", "value": 70 + k} for k in range(4, 40)
    ]
    told = ward.feed(as_bytes(lines))
    last = {(k // 4) * HOUR: answer.risk for k, answer in zip(range(4, 40), answers_in(told), strict=True)}
    committed = [line.risk for line in told if isinstance(line, Risk)]
    pairs = [
        (a, b) for a, b in zip(committed[1:], list(last.values()), strict=False) if a is not None and b is not None
    ]
    assert len(pairs) > 5
    assert max(abs(a - b) for a, b in pairs) <= CLOSE
