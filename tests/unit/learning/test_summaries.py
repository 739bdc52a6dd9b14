"""Window summaries against plain loops, and the two laws that keep them honest: no future, no other bed."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from vitals.learning import summaries as module
from vitals.learning.summaries import hours_in_stay, summaries
from vitals.signals import signal
from vitals.spec.settings import Settings
from vitals.windowing.types import Rows

SIGNALS = ("heart_rate", "sbp", "dbp", "spo2", "fio2", "bun", "creatinine", "sao2")
LENGTHS = [1, 40, 0, 13, 2]
Summaries = Callable[[Settings, Rows], tuple[Any, tuple[str, ...]]]


def settings_of(step: str = "1h", signals: tuple[str, ...] = SIGNALS) -> Settings:
    return Settings.from_tables(
        {
            "name": "some", "signals": {name: {} for name in signals}, "demographics": ["age"],
            "window": {"step": step}, "label": {"kind": "sepsis", "horizon": "6h"},
        }
    )  # fmt: skip


def rows_of(lengths: list[int] = LENGTHS, step_hours: float = 1.0, seed: int = 0) -> Rows:
    """Values carried forward as the windowing leaves them: some expire, some come from before the stay, a zero divides."""
    draw = np.random.default_rng(seed)
    rows, channels = sum(lengths), len(SIGNALS) + 1
    value, age = (np.full((rows, channels), np.nan, np.float32) for _ in range(2))
    place = 0
    for length in lengths:
        for c in range(channels):
            last, hours = np.nan, np.nan
            if draw.random() < 0.4:
                last, hours = draw.integers(0, 9), draw.uniform(0, 30)
            for i in range(place, place + length):
                hours += step_hours
                if draw.random() < 0.3:
                    last, hours = draw.integers(0, 9), draw.choice([0, 0.25]) * step_hours
                elif draw.random() < 0.1:
                    last, hours = np.nan, np.nan
                value[i, c], age[i, c] = last, hours
        place += length
    bed = np.repeat(np.arange(len(lengths), dtype=np.int32), lengths)
    time = np.concatenate([np.arange(1, n + 1) for n in lengths]) * int(step_hours * 3_600_000_000)
    return Rows(bed, time.astype(np.int64), value, age, np.zeros(rows, np.int8))


def naive(settings: Settings, rows: Rows, row: int) -> dict[str, float]:
    """One row's summaries, each by its own plain sentence."""
    step, found = settings.window.step.hours, {}
    stay = [i for i in range(row + 1) if rows.bed[i] == rows.bed[row]]
    now = {}
    for c, name in enumerate(settings.signals):
        value, age = [float(rows.value[i, c]) for i in stay], [float(rows.age[i, c]) for i in stay]
        known = [not math.isnan(v) for v in value]
        new = [known[i] and (age[i] < step or i == 0 or not known[i - 1]) for i in range(len(stay))]
        news = [v for v, fresh in zip(value, new, strict=True) if fresh]
        now[name] = value[-1]
        parts = {
            "value": value[-1],
            "age": min(age[-1], 24 * step) if known[-1] else math.nan,
            "last_change": news[-1] - news[-2] if known[-1] and len(news) > 1 else math.nan,
            "measured_12": float(np.mean([a < step for a in age[-12:]])),
        }
        for length in (6, 24):
            inside = [v for v in value[-length:] if not math.isnan(v)]
            parts[f"low_{length}"] = min(inside, default=math.nan)
            parts[f"high_{length}"] = max(inside, default=math.nan)
            parts[f"mean_{length}"] = sum(inside) / len(inside) if inside else math.nan
        for back in (1, 6, 12):
            parts[f"change_{back}"] = value[-1] - value[max(-len(value), -1 - back)]
        if signal(name).kind == "lab":
            parts = {part: parts[part] for part in ("value", "age", "last_change", "low_24", "high_24", "measured_12")}
        found |= {f"{name} {part}": number for part, number in parts.items()}
    nan = math.nan
    found["shock_index"] = now["heart_rate"] / now["sbp"] if now["sbp"] > 0 else nan
    found["bun_to_creatinine"] = now["bun"] / now["creatinine"] if now["creatinine"] > 0 else nan
    found["spo2_to_fio2"] = now["spo2"] / now["fio2"] if now["fio2"] > 0 else nan
    found["sao2_to_fio2"] = now["sao2"] / now["fio2"] if now["fio2"] > 0 else nan
    found["pulse_pressure"] = now["sbp"] - now["dbp"]
    cells = [rows.age[i, c] < step for i in stay[-12:] for c in range(len(SIGNALS))]
    found["measured_12"] = float(np.mean(cells))
    found["age"] = float(rows.value[row, len(SIGNALS)])
    return found


def check_oracle(function: Summaries, step: str = "1h") -> None:
    settings = settings_of(step)
    rows = rows_of(step_hours=settings.window.step.hours)
    features, names = function(settings, rows)
    assert features.dtype == np.float32
    assert len(set(names)) == len(names) == features.shape[1]
    for row in range(len(rows)):
        expected = naive(settings, rows, row)
        assert set(names) == set(expected)
        np.testing.assert_allclose(features[row], [expected[name] for name in names], rtol=1e-5, err_msg=str(names))


def check_causality(function: Summaries) -> None:
    """Other rows from row 20 of the long stay on change no row before, and none of another stay."""
    settings, rows = settings_of(), rows_of()
    before = function(settings, rows)[0]
    later = (rows.bed == 1) & (rows.time > 20 * 3_600_000_000)
    assert 0 < later.sum() < len(rows)
    rows.value[later], rows.age[later] = 77, 0.1
    after = function(settings, rows)[0]
    np.testing.assert_array_equal(before[~later], after[~later])
    assert not np.array_equal(before[later], after[later], equal_nan=True)


@pytest.mark.parametrize("step", ["1h", "15min"])
def test_every_column_is_what_its_name_says(step: str) -> None:
    check_oracle(summaries, step)


def test_the_future_and_other_beds_move_nothing() -> None:
    check_causality(summaries)


def test_a_stay_alone_has_the_bits_it_has_among_others() -> None:
    settings, rows = settings_of(), rows_of()
    whole = summaries(settings, rows)[0]
    for bed in (0, 1, 3, 4):
        chosen = rows.bed == bed
        np.testing.assert_array_equal(summaries(settings, rows.take(chosen))[0], whole[chosen])


def peeks(settings: Settings, rows: Rows) -> tuple[Any, tuple[str, ...]]:
    """Means centred on the row: half of the window lies in the future."""
    features, names = summaries(settings, rows)
    column = names.index("heart_rate mean_6")
    features[:-3, column] = features[3:, column]
    return features, names


def runs_over(settings: Settings, rows: Rows) -> tuple[Any, tuple[str, ...]]:
    """Windows that reach into the stay before, as if the ward were one long stay."""
    joined = Rows(np.zeros_like(rows.bed), rows.time, rows.value, rows.age, rows.reason)
    return summaries(settings, joined)


def test_sabotage_is_noticed() -> None:
    for broken in (peeks, runs_over):
        with pytest.raises(AssertionError):
            check_oracle(broken)
    for broken in (peeks, runs_over):
        with pytest.raises(AssertionError):
            check_causality(broken)


def test_a_long_stay_of_steady_values_looks_the_same_at_every_hour() -> None:
    """What a clock would need is not there: but for the ages in its first day, row 5 and row 500 are alike."""
    settings, hours = settings_of(), 501
    value = np.tile(np.arange(1, len(SIGNALS) + 2, dtype=np.float32), (hours, 1))
    for charting in (np.zeros, np.ones):
        # measured in every row, or once before the stay and carried since
        age = charting((hours, 1)) * np.arange(1, hours + 1)[:, None] * np.ones(len(SIGNALS) + 1)
        rows = Rows(
            np.zeros(hours, np.int32), np.arange(1, hours + 1) * 3_600_000_000, value, age.astype(np.float32),
            np.zeros(hours, np.int8),
        )  # fmt: skip
        features, names = summaries(settings, rows)
        ages = np.array([name.endswith(" age") for name in names])
        last_changes = np.array([name.endswith("last_change") for name in names])
        np.testing.assert_array_equal(features[5, ~ages], features[500, ~ages])
        np.testing.assert_array_equal(features[24], features[500])
        assert ages.sum() == last_changes.sum() == len(SIGNALS)


def test_parts_that_the_settings_do_not_name_have_no_column() -> None:
    settings = settings_of(signals=("heart_rate", "bun"))
    rows = rows_of()
    rows = Rows(rows.bed, rows.time, rows.value[:, :3], rows.age[:, :3], rows.reason)
    features, names = summaries(settings, rows)
    assert [name for name in names if not name.startswith(("heart_rate ", "bun "))] == ["measured_12", "age"]
    assert features.shape == (len(rows), 13 + 6 + 2)
    np.testing.assert_array_equal(features[:, -1], rows.value[:, 2])


@pytest.mark.parametrize("step", ["1h", "15min"])
def test_the_clock_counts_the_hours_of_each_stay(step: str) -> None:
    settings = settings_of(step)
    hours = settings.window.step.hours
    clock = hours_in_stay(settings, rows_of(step_hours=hours))
    assert clock.dtype == np.float32
    assert clock.ravel().tolist() == [hours * k for length in LENGTHS for k in range(1, length + 1)]


def test_no_rows_have_no_summaries() -> None:
    settings, rows = settings_of(), rows_of().take(np.zeros(sum(LENGTHS), bool))
    features, names = summaries(settings, rows)
    assert features.shape == (0, len(names))
    assert hours_in_stay(settings, rows).shape == (0, 1)


def test_the_longest_window_is_the_one_the_names_tell() -> None:
    assert f"low_{module.LONGEST}" in module._OF_A_LAB
