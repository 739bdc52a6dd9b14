"""Windows worked out by hand.

In the drawings a stay runs from left to right, ``(`` is its admission, ``|`` the end of a step, ``x`` a sample.
"""

from __future__ import annotations

import math

import numpy as np
import pytest

from tests.unit.windowing.hand import BEGIN, HOUR, MINUTE, Bay, Left, Row, ages, readable, settings_of, values
from vitals.errors import DataError
from vitals.spec.settings import Settings
from vitals.windowing.advance import advance
from vitals.windowing.repair import possible, repair
from vitals.windowing.rules import Limits
from vitals.windowing.types import NEVER, Dropped


def test_a_step_begins_after_its_start_and_ends_with_its_end() -> None:
    """``(a, b]``: the sample at the admission is history, the one at the end is in, the one after it is the next's."""
    #  (------------|------------|
    #  x            xx
    #  80           81,82 (1 µs later)
    rows, left = Bay(settings_of(), 0).take((0, 0, 80), (0, HOUR, 81), (0, HOUR + 1, 82), until=2 * HOUR)
    assert [(row.time, row.value, row.reason) for row in rows] == [(HOUR, [81.0], "NONE"), (2 * HOUR, [82.0], "NONE")]
    assert left == []


def test_a_sample_one_microsecond_after_the_admission_is_of_the_first_step() -> None:
    """With ``min`` a value of the history cannot mix with one of the first step."""
    #  x(x-----------|    70 at the admission, 90 after it
    rows, _ = Bay(settings_of({"heart_rate": {"reduce": "min"}}), 0).take((0, 0, 70), (0, 1, 90), until=HOUR)
    assert values(rows) == [90.0]


def test_history_is_known_but_no_row() -> None:
    """What was measured before the admission is carried into the stay, reduced as one step, however old."""
    #  x      x   (------------|
    #  -5h 60 -½h 64
    bay = Bay(settings_of({"heart_rate": {"reduce": "mean"}}), 0)
    rows, left = bay.take((0, -5 * HOUR, 60), (0, -30 * MINUTE, 64), until=HOUR)
    assert rows == [Row(0, HOUR, [62.0], [1.5], "NONE")]
    assert left == []


def test_an_empty_stay_has_rows_of_which_nothing_is_known() -> None:
    """Time alone closes steps."""
    rows, _ = Bay(settings_of(), 0).take(until=2 * HOUR)
    assert rows == [Row(0, HOUR, [None], [None], "NONE"), Row(0, 2 * HOUR, [None], [None], "NONE")]


def test_a_step_that_the_discharge_cuts_is_no_row() -> None:
    """2 h 59 min: two rows."""
    rows, _ = Bay(settings_of(), 0).take(until=3 * HOUR - 1)
    assert [row.time for row in rows] == [HOUR, 2 * HOUR]


@pytest.mark.parametrize(
    ("reduce", "expected"),
    [("last", 94.0), ("mean", 85.25), ("min", 70.0), ("max", 97.0), ("median", 87.0)],
)
def test_several_samples_of_a_step(reduce: str, expected: float) -> None:
    """In order of time 80, 97, 70, 94: the two in the middle are 80 and 94."""
    #  (--x---x---x---x--|     they arrive out of order
    bay = Bay(settings_of({"heart_rate": {"reduce": reduce}}), 0)
    rows, left = bay.take((0, 40, 94), (0, 10, 80), (0, 30, 70), (0, 20, 97), until=HOUR)
    assert values(rows) == [expected]
    assert ages(rows) == [float(np.float32((HOUR - 40) / HOUR))]
    assert left == []


@pytest.mark.parametrize(("reduce", "expected"), [("median", 80.0), ("mean", 83.0), ("last", 99.0)])
def test_an_odd_number_of_samples(reduce: str, expected: float) -> None:
    """70, 80, 99: the median is the one in the middle."""
    bay = Bay(settings_of({"heart_rate": {"reduce": reduce}}), 0)
    rows, _ = bay.take((0, 10, 80), (0, 20, 70), (0, 30, 99), until=HOUR)
    assert values(rows) == [expected]


def test_a_mean_is_summed_in_double_precision_and_cast_once() -> None:
    """50 and many times 1e-5: summed in single precision the small ones would be rounded away."""
    bay = Bay(settings_of({"lactate": {"reduce": "mean"}}), 0)
    small = float(np.float32(1e-5))
    rows, _ = bay.take((0, 1, 50), *((0, 1 + i, small) for i in range(1, 200)), until=HOUR)
    expected = float(np.float32((50 + math.fsum([small] * 199)) / 200))
    assert values(rows) == [expected]
    total = np.float32(50)
    for _ in range(199):
        total += np.float32(small)
    assert float(total / np.float32(200)) != expected  # so the difference would be seen


def test_a_reducer_belongs_to_its_signal_alone() -> None:
    """Two signals with different reducers and interleaved samples."""
    bay = Bay(settings_of({"heart_rate": {"reduce": "max"}, "spo2": {"reduce": "min"}}), 0)
    samples = [(0, 10, 80, "heart_rate"), (0, 10, 97, "spo2"), (0, 20, 70, "heart_rate"), (0, 30, 92, "spo2")]
    rows, _ = bay.take(*samples, until=HOUR)
    assert rows[0].value == [80.0, 92.0]
    assert rows[0].age == [float(np.float32((HOUR - 20) / HOUR)), float(np.float32((HOUR - 30) / HOUR))]


@pytest.mark.parametrize(("time", "known"), [(30 * MINUTE, True), (30 * MINUTE - 1, False)])
def test_a_value_expires_after_max_age(time: int, known: bool) -> None:
    """Exactly as old as allowed is known, one microsecond more is not."""
    #  (-----x------|------------|
    #        <------ 90 min ----->
    rows, _ = Bay(settings_of({"heart_rate": {"max_age": "90min"}}), 0).take((0, time, 80), until=2 * HOUR)
    assert values(rows) == [80.0, 80.0 if known else None]
    assert ages(rows)[1] == (1.5 if known else None)


def test_an_expired_value_does_not_come_back() -> None:
    """It stays unknown until the next sample."""
    bay = Bay(settings_of({"heart_rate": {"max_age": "1h"}}), 0)
    rows, _ = bay.take((0, 10 * MINUTE, 80), (0, 4 * HOUR, 81), until=5 * HOUR)
    assert values(rows) == [80.0, None, None, 81.0, 81.0]
    assert ages(rows) == [float(np.float32(50 / 60)), None, None, 0.0, 1.0]


def test_an_age_is_in_hours_of_single_precision() -> None:
    """A third of an hour is not a binary fraction: computed in double precision, cast once."""
    rows, _ = Bay(settings_of(), 0).take((0, 40 * MINUTE, 80), until=1000 * HOUR)
    assert ages(rows)[0] == float(np.float32(1 / 3))
    assert ages(rows)[-1] == float(np.float32(999 + 1 / 3))


def test_a_demographic_never_expires_and_counts_for_nothing() -> None:
    """It does not help to reach min_observed."""
    bay = Bay(settings_of({"heart_rate": {"max_age": "1h"}}, ("age",), min_observed=1), 0)
    rows, _ = bay.take((0, 0, 71, "age"), (0, 30 * MINUTE, 80), until=3 * HOUR)
    assert [row.value for row in rows] == [[80.0, 71.0], [None, 71.0], [None, 71.0]]
    assert [row.age[1] for row in rows] == [1.0, 2.0, 3.0]
    assert [row.reason for row in rows] == ["NONE", "TOO_LITTLE_KNOWN", "TOO_LITTLE_KNOWN"]


@pytest.mark.parametrize(("behind", "closed"), [(0, False), (1, True)])
def test_a_sample_closes_a_step_only_when_more_than_grace_behind_its_end(behind: int, closed: bool) -> None:
    """At 1 h 10 min the first step may still hear of samples; a microsecond later it may not."""
    #  (-----x------|··grace··x
    bay = Bay(settings_of(grace="10min"), 0)
    rows, _ = bay.take((0, 30 * MINUTE, 80), (0, HOUR + 10 * MINUTE + behind, 90))
    assert values(rows) == ([80.0] if closed else [])
    rows, left = bay.take((0, 31 * MINUTE, 81), until=HOUR)
    assert values(rows) == ([] if closed else [81.0])
    assert left == ([Left(0, 0, "heart_rate", 31 * MINUTE, "LATE")] if closed else [])


def test_lateness_is_decided_in_order_of_arrival() -> None:
    """The same three samples: in time where they come before the one that closes their step, late where after it."""
    #  (-----x----x-|----------x-|      in the order 1, 3, 2 the second is late
    one, two, three = (0, 30 * MINUTE, 80), (0, 50 * MINUTE, 81), (0, HOUR + 1, 82)
    rows, left = Bay(settings_of(), 0).take(one, two, three, until=2 * HOUR)
    assert (values(rows), left) == ([81.0, 82.0], [])
    rows, left = Bay(settings_of(), 0).take(one, three, two, until=2 * HOUR)
    assert values(rows) == [80.0, 82.0]
    assert left == [Left(2, 0, "heart_rate", 50 * MINUTE, "LATE")]


def test_a_late_sample_does_not_move_the_time() -> None:
    """Nor does anything else that is left out: an impossible value far ahead closes nothing."""
    bay = Bay(settings_of(), 0)
    rows, left = bay.take((0, 10, 80), (0, 5 * HOUR, 9_999), (0, 6 * HOUR, math.nan), (0, 20, 81))
    assert rows == []
    assert [(one.event, one.reason) for one in left] == [(1, "IMPOSSIBLE"), (2, "NOT_A_NUMBER")]
    rows, left = bay.take(until=HOUR)
    assert (values(rows), left) == ([81.0], [])


def test_one_bed_makes_no_other_late() -> None:
    """Bed 1 is hours ahead; bed 0 hears of nothing."""
    bay = Bay(settings_of(), 0, 0)
    rows, left = bay.take((1, 5 * HOUR + 1, 90), (0, 30 * MINUTE, 80))
    assert [(row.bed, row.time) for row in rows] == [(1, (i + 1) * HOUR) for i in range(5)]
    assert left == []


def test_history_closes_like_any_step() -> None:
    """A sample of before the admission is late once the stay's own samples lie more than grace after it."""
    #  x   (x         the one before arrives second
    bay = Bay(settings_of(grace="10min"), 0)
    _, left = bay.take((0, 10 * MINUTE, 80), (0, -5, 60))
    assert left == []
    _, left = bay.take((0, 10 * MINUTE + 1, 80), (0, -4, 61), (0, 0, 62))
    assert left == [Left(1, 0, "heart_rate", -4, "LATE"), Left(2, 0, "heart_rate", 0, "LATE")]


@pytest.mark.parametrize("order", [(0, 1, 2), (0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0)])
def test_of_samples_of_one_time_the_smallest_counts(order: tuple[int, ...]) -> None:
    """Whatever arrives first; each other one is reported with its position."""
    samples = [(0, 10, 80), (0, 10, 90), (0, 10, 85)]
    bay = Bay(settings_of({"heart_rate": {"reduce": "mean"}}), 0)
    rows, left = bay.take(*(samples[i] for i in order), until=HOUR)
    assert values(rows) == [80.0]
    assert left == [Left(at, 0, "heart_rate", 10, "DUPLICATE") for at, i in enumerate(order) if i != 0]


@pytest.mark.parametrize(
    ("reduce", "expected"), [("last", 70.0), ("mean", 75.0), ("min", 70.0), ("max", 80.0), ("median", 75.0)]
)
def test_a_doubled_sample_weighs_once(reduce: str, expected: float) -> None:
    """80, 80 again, 70: the mean is 75, and so is the median."""
    bay = Bay(settings_of({"heart_rate": {"reduce": reduce}}), 0)
    rows, left = bay.take((0, 10, 80), (0, 10, 80), (0, 20, 70), until=HOUR)
    assert values(rows) == [expected]
    assert [one.reason for one in left] == ["DUPLICATE"]


def test_equal_times_of_different_signals_or_beds_are_no_duplicates() -> None:
    """Bed, time and signal make a sample."""
    bay = Bay(settings_of({"heart_rate": {}, "spo2": {}}), 0, 0)
    rows, left = bay.take((0, 10, 80), (0, 10, 97, "spo2"), (1, 10, 81), until=HOUR)
    assert [row.value for row in rows] == [[80.0, 97.0], [81.0, None]]
    assert left == []


def test_a_duplicate_that_had_been_waiting_has_no_position() -> None:
    """The larger one came with a former call: it is reported as -1."""
    bay = Bay(settings_of(), 0)
    assert bay.take((0, 10, 90)) == ([], [])
    rows, left = bay.take((0, 10, 80), until=HOUR)
    assert values(rows) == [80.0]
    assert left == [Left(-1, 0, "heart_rate", 10, "DUPLICATE")]


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (10.0, None),
        (350.0, None),
        (float(np.nextafter(np.float32(10), np.float32(0))), "IMPOSSIBLE"),
        (float(np.nextafter(np.float32(350), np.float32(999))), "IMPOSSIBLE"),
        (math.nan, "NOT_A_NUMBER"),
        (math.inf, "NOT_A_NUMBER"),
        (-math.inf, "NOT_A_NUMBER"),
    ],
)
def test_values_that_cannot_be(value: float, reason: str | None) -> None:
    """A heart rate from 10 to 350, both included; what lies outside is dropped, never clipped."""
    rows, left = Bay(settings_of(), 0).take((0, 10, value), until=HOUR)
    assert values(rows) == [value if reason is None else None]
    assert left == ([] if reason is None else [Left(0, 0, "heart_rate", 10, reason)])


def test_a_bad_value_is_told_apart_before_its_time_is_looked_at() -> None:
    """Late and impossible is impossible; impossible and infinite is no number."""
    bay = Bay(settings_of(), 0)
    bay.take(until=2 * HOUR)
    _, left = bay.take((0, 10, 9_999), (0, 10, math.inf), (0, 10, 80))
    assert [one.reason for one in left] == ["IMPOSSIBLE", "NOT_A_NUMBER", "LATE"]


def repairs(settings: Settings, *samples: tuple[int, int, float]) -> tuple[list[float | None], Dropped]:
    """What the first step becomes, and what is told of its samples."""
    bay = Bay(settings, 0)
    _, rows, dropped = advance(settings, bay.carry, bay.events(*samples), until=BEGIN + HOUR)
    return values(readable(rows)), dropped


@pytest.mark.parametrize(
    ("name", "value", "meant"),
    [
        ("temperature", 98.6, 37.0), ("temperature", 68, 20), ("temperature", 113, 45), ("temperature", 310.15, 37.0),
        ("fio2", 40, 0.4), ("fio2", 21, 0.21), ("ph", 735, 7.35), ("hematocrit", 0.42, 42),
    ],
)  # fmt: skip
def test_a_value_in_another_unit_is_converted_and_counted(name: str, value: float, meant: float) -> None:
    """Ninety-eight degrees are of Fahrenheit; the caller's samples stay as they are."""
    settings = settings_of({name: {}})
    bay = Bay(settings, 0)
    events = bay.events((0, 10, value))
    _, rows, dropped = advance(settings, bay.carry, events, until=BEGIN + HOUR)
    assert rows.value[0, 0] == pytest.approx(meant, rel=1e-6)
    assert events.value.tolist() == [np.float32(value)]
    assert dropped.counts() == {"repaired": 1}
    assert dropped.repaired.value.tolist() == [rows.value[0, 0]]
    assert (dropped.repaired.event.tolist(), dropped.repaired.time.tolist()) == ([0], [BEGIN + 10])


@pytest.mark.parametrize(
    ("name", "value"), [("temperature", 50), ("temperature", -17.8), ("temperature", 0), ("fio2", 4000), ("fio2", 7),
                        ("fio2", -50), ("ph", 95), ("heart_rate", 400)],
)  # fmt: skip
def test_what_no_unit_explains_is_impossible(name: str, value: float) -> None:
    """A fallen probe, a code for nothing, a wrong field."""
    seen, dropped = repairs(settings_of({name: {}}), (0, 10, value))
    assert (seen, dropped.counts()) == ([None], {"impossible": 1})


@pytest.mark.parametrize(("step", "counts"), [(0, {"repaired": 1}), (1, {"impossible": 1})])
def test_limits_hold_for_the_converted_value_as_it_is_kept(step: int, counts: dict[str, int]) -> None:
    """800 is pH 8.0, the limit; the next number of single precision is 8.000001 and impossible."""
    value = np.float32(800)
    for _ in range(step):
        value = np.nextafter(value, np.float32(np.inf))
    assert repairs(settings_of({"ph": {}}), (0, 10, float(value)))[1].counts() == counts


def test_a_value_that_two_units_explain_is_impossible() -> None:
    """Nobody knows which; where one is out of the way the other counts."""
    limits = Limits(*(np.array([edge], np.float32) for edge in (10, 20)), np.array([[0.1, 0.05]]), np.zeros((1, 2)))
    assert math.isnan(repair(limits, 0, np.float32(200)))
    assert repair(limits, 0, np.float32(150)) == 15
    assert repair(limits, 0, np.float32(300)) == 15
    assert possible(limits, np.zeros(4, np.int16), np.array([12, 200, 150, np.inf], np.float32)).tolist() == [
        True, False, True, False,
    ]  # fmt: skip


def test_a_repaired_sample_is_a_sample_like_any_other() -> None:
    """It can be late, it closes steps, and of two at one time the smaller converted one counts."""
    bay = Bay(settings_of({"temperature": {}}), 0)
    rows, left = bay.take((0, 10, 98.6), (0, 10, 38), (0, HOUR + 1, 100.4), (0, 20, 98.6), until=2 * HOUR)
    assert values(rows) == [pytest.approx(37), pytest.approx(38)]
    assert left == [
        Left(1, 0, "temperature", 10, "DUPLICATE"), Left(3, 0, "temperature", 20, "LATE"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("window", "value", "counts"),
    [
        ({"repair": False}, None, {"impossible": 1}),
        ({"limits": False}, 735, {}),
        ({"limits": False, "repair": False}, 735, {}),
    ],
)
def test_limits_and_repair_can_be_switched_off(
    window: dict[str, bool], value: float | None, counts: dict[str, int]
) -> None:
    """Without limits nothing is outside them, so nothing is repaired; what is no number is still none."""
    settings = settings_of({"ph": {}}, **window)
    seen, dropped = repairs(settings, (0, 10, 735))
    assert (seen, dropped.counts()) == ([value], counts)
    assert repairs(settings, (0, 10, math.inf))[1].counts() == {"not_a_number": 1}


@pytest.mark.parametrize(("ahead", "dropped"), [(0, False), (1, True)])
def test_a_sample_too_far_ahead_has_a_wrong_clock(ahead: int, dropped: bool) -> None:
    """Two hours after the last sample at most; the wrong one closes nothing."""
    #  (--x-----------------------x    <- max_gap ->
    bay = Bay(settings_of(max_gap="2h"), 0)
    rows, left = bay.take((0, 30 * MINUTE, 80), (0, 2 * HOUR + 30 * MINUTE + ahead, 81))
    assert len(rows) == (0 if dropped else 2)
    assert [one.reason for one in left] == (["AHEAD"] if dropped else [])


def test_the_clock_and_the_admission_are_known_too() -> None:
    """max_gap counts from the latest of admission, samples and clock, in order of arrival."""
    bay = Bay(settings_of(max_gap="2h"), 0)
    _, left = bay.take((0, 2 * HOUR + 1, 80))
    assert [one.reason for one in left] == ["AHEAD"]
    bay.take(until=3 * HOUR)
    rows, left = bay.take((0, 5 * HOUR, 81), (0, 7 * HOUR, 82), (0, 9 * HOUR + 1, 83))
    assert [row.time for row in rows] == [4 * HOUR, 5 * HOUR, 6 * HOUR]
    assert left == [Left(2, 0, "heart_rate", 9 * HOUR + 1, "AHEAD")]


def test_no_risk_before_the_warm_up_is_over() -> None:
    """A row exactly as old as the warm-up can have one."""
    rows, _ = Bay(settings_of(warm_up="2h"), 0).take((0, 1, 80), until=3 * HOUR)
    assert [row.reason for row in rows] == ["WARMING_UP", "NONE", "NONE"]


def test_no_risk_while_too_little_is_known() -> None:
    """Two of three signals; the warm-up is named first, and an expired value is not known."""
    settings = settings_of({"heart_rate": {}, "spo2": {"max_age": "1h"}, "lactate": {}}, min_observed=2, warm_up="2h")
    rows, _ = Bay(settings, 0).take((0, 10, 80), (0, 3 * HOUR, 97, "spo2"), until=5 * HOUR)
    assert [row.reason for row in rows] == ["WARMING_UP", "TOO_LITTLE_KNOWN", "NONE", "NONE", "TOO_LITTLE_KNOWN"]


def test_the_clock_is_one_for_the_ward() -> None:
    """A step is over once the clock has reached its end, whatever the grace."""
    bay = Bay(settings_of(grace="30min"), 0, 30 * MINUTE)
    assert bay.take(until=HOUR - 1)[0] == []
    rows, _ = bay.take(until=HOUR + 30 * MINUTE)
    assert [(row.bed, row.time) for row in rows] == [(0, HOUR), (1, HOUR + 30 * MINUTE)]


def test_or_one_for_each_bed() -> None:
    """NEVER: the bed's clock says nothing."""
    bay = Bay(settings_of(), 0, 0, 0)
    rows, _ = bay.take((1, 10, 80), until=[2 * HOUR, None, HOUR])
    assert [(row.bed, row.time) for row in rows] == [(0, HOUR), (0, 2 * HOUR), (2, HOUR)]
    assert values(bay.take(until=[None, HOUR, None])[0]) == [80.0]


@pytest.mark.parametrize("until", [None, NEVER])
def test_or_silent(until: int | None) -> None:
    """Then only samples close steps."""
    bay = Bay(settings_of(), 0)
    assert bay.take((0, HOUR, 80), until=until) == ([], [])
    rows, _ = bay.take((0, HOUR + 1, 81), until=until)
    assert values(rows) == [80.0]


def test_a_clock_that_runs_backwards_closes_nothing_twice() -> None:
    """Rows once given are final."""
    bay = Bay(settings_of(), 0)
    assert len(bay.take(until=3 * HOUR)[0]) == 3
    assert bay.take(until=HOUR) == ([], [])
    assert [row.time for row in bay.take(until=4 * HOUR)[0]] == [4 * HOUR]


def test_the_clock_before_the_admission_closes_nothing() -> None:
    """The stay has not begun; its history may still arrive."""
    bay = Bay(settings_of(), 0)
    assert bay.take(until=-1) == ([], [])
    rows, left = bay.take((0, -10, 80), until=HOUR)
    assert (values(rows), left) == ([80.0], [])


def test_an_empty_bed_takes_no_samples() -> None:
    """Nothing is changed by the call that is refused."""
    bay = Bay(settings_of(), 0, None)
    with pytest.raises(DataError, match="event 1: came a sample for bed 1, which is empty; wanted an admitted stay"):
        bay.take((0, 10, 80), (1, 10, 80))
    assert bay.take(until=HOUR)[0] == [Row(0, HOUR, [None], [None], "NONE")]


def test_the_whole_ward_at_once_is_tick_by_tick() -> None:
    """Three stays, offset admissions, samples in any order: one call, or one call a sample and a minute."""
    signals = {"heart_rate": {"reduce": "median", "max_age": "90min"}, "spo2": {"reduce": "mean"}}
    settings = settings_of(signals, ("age",), grace="5min", warm_up="1h", min_observed=2)
    admitted, end = (0, 17 * MINUTE, 2 * HOUR), 6 * HOUR
    rng = np.random.default_rng(5)
    samples: list[tuple[int, int, float, str]] = [(bed, admitted[bed], 70 + bed, "age") for bed in range(3)]
    for time in sorted(rng.integers(0, end // MINUTE, 200).tolist()):
        bed, name = int(rng.integers(3)), str(rng.choice(["heart_rate", "spo2"]))
        late = int(rng.choice([0, 0, 0, 2, 20, 90]))
        samples.append((bed, (time - late) * MINUTE, 60 + int(rng.integers(40)), name))
    whole, dropped = Bay(settings, *admitted).take(*samples, until=end)
    bay, rows, left = Bay(settings, *admitted), [], []
    for at, sample in enumerate(samples):
        new, gone = bay.take(sample)
        rows += new
        left += [one._replace(event=at if one.event == 0 else -1) for one in gone]
    new, gone = bay.take(until=end)
    assert sorted(rows + new, key=lambda row: row[:2]) == whole
    assert {"LATE", "DUPLICATE"} <= {one.reason for one in dropped}
    # which of two equal samples is the doubled one cannot be told apart once both have been waiting
    assert sorted(one[1:] for one in left + gone) == sorted(one[1:] for one in dropped)
    assert [one for one in left if one.reason == "LATE"] == [one for one in dropped if one.reason == "LATE"]
    assert len(whole) == 6 + 5 + 4
