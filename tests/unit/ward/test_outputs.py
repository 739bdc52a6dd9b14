"""Risks come in order of time, alerts right behind their risk, and never a number that is none."""

from __future__ import annotations

import numpy as np

from vitals.alerting.decide import Decisions, Notice, Outcome
from vitals.feeds.lines import Alert, Risk, Technical
from vitals.spec.policy import AlertPolicy
from vitals.ward.counting import NO_NUMBER, count_dropped
from vitals.ward.outputs import alert_id, policy_digest, scored
from vitals.ward.tally import Tally
from vitals.windowing.types import Drop, Dropped, Reason, Repaired, Rows

HOUR = 3_600_000_000


def rows(bed: list[int], hour: list[int], reason: list[int]) -> Rows:
    """Rows of one column."""
    nothing = np.zeros((len(bed), 1), np.float32)
    time = np.array(hour, np.int64) * HOUR
    return Rows(np.array(bed, np.int32), time, nothing, nothing, np.array(reason, np.int8))


def decisions(outcomes: dict[int, Outcome], notices: dict[int, Notice] | None = None) -> Decisions:
    """Decisions by row."""
    notices = notices or {}
    parts = [(np.array(list(part), np.int64), np.array(list(part.values()), np.int8)) for part in (outcomes, notices)]
    return Decisions(*parts[0], *parts[1])


def test_lines_come_in_order_of_time_with_alerts_behind_their_risks() -> None:
    risk = np.array([0.1, 0.9, 0.8], np.float32)
    due = decisions({1: Outcome.FIRED, 2: Outcome.SUPPRESSED_SILENCE})
    lines = scored(["a", "b"], rows([0, 0, 1], [1, 2, 1], [0, 0, 0]), risk, due, "key")
    assert [(type(line).__name__, line.stay, line.time[11:13]) for line in lines] == [
        ("Risk", "a", "01"), ("Risk", "b", "01"), ("Alert", "b", "01"), ("Risk", "a", "02"), ("Alert", "a", "02"),
    ]  # fmt: skip
    assert [line.suppressed_by for line in lines if isinstance(line, Alert)] == ["silence", None]
    assert [line.risk for line in lines if isinstance(line, Alert)] == [float(risk[2]), float(risk[1])]


def test_an_alert_names_its_tier_and_what_held_it_back() -> None:
    due = decisions(dict(enumerate(Outcome)))
    many = len(Outcome)
    lines = scored(["a"], rows([0] * many, list(range(many)), [0] * many), np.full(many, 0.9, np.float32), due, "key")
    assert [(line.tier, line.suppressed_by) for line in lines if isinstance(line, Alert)] == [
        ("amber", None), ("amber", "silence"), ("amber", "episode"), ("amber", "acknowledged"), ("amber", "cap"),
        ("amber", "event"), ("red", None), ("red", "silence"), ("red", "episode"), ("red", "cap"), ("red", "event"),
    ]  # fmt: skip


def test_scores_that_went_missing_or_came_back_are_told_behind_their_risk_and_alert() -> None:
    risk = np.array([np.nan, 0.9], np.float32)
    due = decisions({1: Outcome.RED_FIRED}, {0: Notice.STALE, 1: Notice.FRESH})
    lines = scored(["a"], rows([0, 0], [1, 2], [int(Reason.TOO_LITTLE_KNOWN), 0]), risk, due, "key")
    assert [type(line) for line in lines] == [Risk, Technical, Risk, Alert, Technical]
    assert [(line.stay, line.time, line.reason) for line in lines if isinstance(line, Technical)] == [
        ("a", "1970-01-01T01:00:00Z", "no_valid_score"), ("a", "1970-01-01T02:00:00Z", "valid_score_again"),
    ]  # fmt: skip


def test_a_risk_that_is_no_number_is_null_with_a_reason() -> None:
    risk = np.array([np.nan, np.nan, np.nan, np.inf, 0.5], np.float32)
    reasons = [Reason.WARMING_UP, Reason.TOO_LITTLE_KNOWN, 0, 0, 0]
    lines = scored(["a"], rows([0] * 5, [1, 2, 3, 4, 5], [int(r) for r in reasons]), risk, None, "key")
    assert [(line.risk, line.reason) for line in lines if isinstance(line, Risk)] == [
        (None, "warming_up"), (None, "too_little_known"), (None, NO_NUMBER), (None, NO_NUMBER), (0.5, None),
    ]  # fmt: skip


def test_an_alert_id_is_the_same_for_the_same_alert_only() -> None:
    tiers = ("amber", "red")
    ids = {alert_id(key, stay, time, tier) for key in "kl" for stay in "ab" for time in (1, 2) for tier in tiers}
    assert len(ids) == 16
    assert alert_id("k", "a", 1, "red") == alert_id("k", "a", 1, "red")
    assert alert_id("k", "a1", 1, "red") != alert_id("k", "a", 11, "red")


def test_a_policy_digest_follows_what_the_policy_says() -> None:
    assert policy_digest(AlertPolicy(0.5)) == policy_digest(AlertPolicy(0.5))
    assert policy_digest(AlertPolicy(0.5)) != policy_digest(AlertPolicy(0.5, persistence=(2, 3)))
    assert policy_digest(AlertPolicy(0.5)) != policy_digest(AlertPolicy(0.5, red=0.9))
    assert policy_digest(None) is None


def test_left_out_samples_are_counted_in_order_of_arrival() -> None:
    tally = Tally()
    dropped = Dropped(
        event=np.array([4, 2, -1]), bed=np.zeros(3, np.int32), signal=np.zeros(3, np.int16),
        time=np.array([3 * HOUR, 0, HOUR]), reason=np.array([Drop.LATE, Drop.LATE, Drop.DUPLICATE], np.int8),
    )  # fmt: skip
    count_dropped(tally, ["a"], dropped, ["spo2"])
    assert [(line.reason, line.time) for line in tally.news() if line.reason == "late"] == [
        ("late", "1970-01-01T00:00:00Z"), ("late", "1970-01-01T03:00:00Z"),
    ]  # fmt: skip
    assert tally.total == {"late": 2, "duplicate": 1}


def test_repaired_samples_are_counted_in_their_place_among_the_late_ones() -> None:
    """Stay a: the second sample is repaired, the third late; stay b: repaired as well."""
    beds = np.array([1, 0], np.int32)
    repaired = Repaired(np.array([0, 1]), beds, np.zeros(2, np.int16), np.array([0, HOUR]), np.full(2, 37, np.float32))
    late = (np.array([2]), np.zeros(1, np.int32), np.zeros(1, np.int16), np.zeros(1, np.int64))
    tally = Tally()
    count_dropped(tally, ["a", "b"], Dropped(*late, np.array([Drop.LATE], np.int8), repaired), ["spo2"])
    assert [(line.stay, line.reason, line.time) for line in tally.news()] == [
        ("a", "repaired", "1970-01-01T01:00:00Z"), ("a", "late", "1970-01-01T00:00:00Z"),
        ("b", "repaired", "1970-01-01T00:00:00Z"),
    ]  # fmt: skip
