"""What the live ward does with each kind of line, good and bad."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import numpy as np
import pytest

from tests.live import HOUR
from vitals.errors import ModelError
from vitals.feeds.lines import Alert, Output, Risk, Technical
from vitals.feeds.times import read_time, time_text
from vitals.scoring.model import Model
from vitals.spec.duration import Duration
from vitals.spec.policy import AlertPolicy
from vitals.ward import ward as module
from vitals.ward.counting import NO_NUMBER
from vitals.ward.ward import Ward

MINUTE = HOUR // 60
T0 = 1_767_225_600_000_000  # 2026-01-01, on the grid of hours


def at(hours: float) -> int:
    """Microseconds at this many hours after the start."""
    return T0 + round(hours * HOUR)


def sample(hours: float, value: Any = 80, stay: Any = "p1", **more: Any) -> dict[str, Any]:
    """A line with a heart rate."""
    return {"stay": stay, "time": at(hours), "signal": "heart_rate", "value": value, **more}


def admit(hours: float, stay: str = "p1", **more: Any) -> dict[str, Any]:
    """An admission."""
    return {"kind": "admit", "stay": stay, "time": at(hours), **more}


def discharge(hours: float, stay: str = "p1") -> dict[str, Any]:
    """A discharge."""
    return {"kind": "discharge", "stay": stay, "time": at(hours)}


def said(kind: str, hours: float, stay: Any = "p1", **more: Any) -> dict[str, Any]:
    """What somebody says of a patient."""
    return {"kind": kind, "stay": stay, "time": at(hours), **more}


def clock(hours: float) -> dict[str, Any]:
    """Time has passed for the whole ward."""
    return {"kind": "clock", "time": at(hours)}


def told(ward: Ward, *lines: dict[str, Any]) -> list[Output]:
    """What a ward says to lines."""
    return ward.feed(b"".join(json.dumps(line).encode() + b"\n" for line in lines))


def risks(lines: list[Output], stay: str = "p1") -> dict[float, float | None]:
    """Risk by hours after the start."""
    mine = [line for line in lines if isinstance(line, Risk) and line.stay == stay]
    return {((read_time(line.time) or 0) - T0) / HOUR: line.risk for line in mine}


def reasons(lines: list[Output]) -> list[tuple[str | None, str, int | None]]:
    """Technical lines, short."""
    return [(line.stay, line.reason, line.count) for line in lines if isinstance(line, Technical)]


def counts(ward: Ward) -> dict[str, int]:
    """What a ward had left out by its end."""
    last = ward.close()[-1]
    assert isinstance(last, Technical)
    assert last.reason == "summary"
    return last.counts or {}


@pytest.fixture
def ward(model: Model) -> Ward:
    """An empty ward that has said its first words."""
    ward = Ward(model)
    ward.feed(b"")
    return ward


def test_the_first_line_names_model_policy_and_purpose(model: Model) -> None:
    first = Ward(model, AlertPolicy(0.5)).feed(b"")[0]
    assert isinstance(first, Technical)
    assert (first.reason, first.model, len(first.policy or "")) == ("started", model.digest, 64)
    assert "not a medical device" in (first.notice or "")


def test_a_step_is_scored_once_a_sample_proves_it_over(ward: Ward) -> None:
    assert risks(told(ward, admit(0), sample(0.5), sample(1 + 1 / 6))) == {}  # at end + grace it may still be completed
    (risk,) = risks(told(ward, sample(1.2))).items()
    assert risk[0] == 1.0
    assert risk[1] is not None
    assert 0 < risk[1] < 1


def test_a_discharge_closes_whole_steps_without_waiting_for_the_grace(ward: Ward) -> None:
    lines = told(ward, admit(0), sample(0.5), discharge(2.9))
    assert list(risks(lines)) == [1.0, 2.0]
    assert counts(ward) == {}


def test_a_discharge_at_the_admission_and_before_it_gives_no_rows(ward: Ward) -> None:
    assert risks(told(ward, admit(0), discharge(0), admit(0, "p2"), sample(-3, stay="p2"), discharge(-1, "p2"))) == {}
    assert counts(ward) == {"discharge_before_admission": 1}


def test_the_clock_closes_steps_of_silent_beds_after_the_grace(ward: Ward) -> None:
    told(ward, admit(0), sample(0.5), admit(0, "p2"))
    assert risks(told(ward, clock(1.1))) == {}
    lines = told(ward, clock(1 + 1 / 6))
    assert list(risks(lines)) == list(risks(lines, "p2")) == [1.0]
    assert risks(lines, "p2")[1.0] is None
    assert [line.reason for line in lines if isinstance(line, Risk) and line.stay == "p2"] == ["too_little_known"]
    later = told(ward, sample(0.9), clock(4))
    assert ("p1", "late", 1) in reasons(later)
    assert list(risks(later)) == [2.0, 3.0]


def test_the_clock_is_obeyed_in_its_place_within_a_block(ward: Ward) -> None:
    """Samples before it count, samples after it are late: also when all come at once."""
    lines = told(ward, admit(0), sample(0.5, 60), clock(3), sample(0.6, 180), clock(4))
    assert list(risks(lines)) == [1.0, 2.0, 3.0]
    assert counts(ward) == {"late": 1}


def test_a_sample_admits_a_stay_that_nobody_admitted_on_the_grid_of_steps(ward: Ward) -> None:
    lines = told(ward, sample(1.0), sample(2.5), discharge(3))
    assert reasons(lines) == [("p1", "admitted_by_sample", 1)]
    assert list(risks(lines)) == [1.0, 2.0, 3.0]  # admitted at 0: the last multiple strictly before the sample


def test_beds_are_used_again_and_keep_nothing(model: Model) -> None:
    ward = Ward(model, beds=1)
    alone = Ward(model, beds=1)
    stay = [admit(10, "new", demographics={"age": 50}), sample(10.5, 120, "new"), discharge(13, "new")]
    told(ward, admit(0), sample(0.5, 190), sample(1.5, 180), sample(2.4, 180), discharge(2.5))
    assert risks(told(ward, *stay), "new") == risks(told(alone, *stay), "new")
    assert len(ward._beds.stay) == 1


def test_the_ward_grows(model: Model) -> None:
    small, large = Ward(model, beds=1), Ward(model, beds=500)
    lines = [admit(0, f"p{i}") for i in range(99)]
    lines += [sample(0.5, 60 + i, f"p{i}") for i in range(99)] + [discharge(1, f"p{i}") for i in range(99)]
    few, many = told(small, *lines), told(large, *lines)
    assert [risks(few, f"p{i}") for i in range(99)] == [risks(many, f"p{i}") for i in range(99)]
    assert len({risks(few, f"p{i}")[1.0] for i in range(99)}) > 20


def test_demographics_count_and_missing_ones_are_no_fault(ward: Ward) -> None:
    lines = told(
        ward,
        admit(0, "old", demographics={"age": 90, "sex": None}), admit(0, "young", demographics={"age": 20}),
        sample(0.5, stay="old"), sample(0.5, stay="young"), discharge(1, "old"), discharge(1, "young"),
    )  # fmt: skip
    assert risks(lines, "old")[1.0] != risks(lines, "young")[1.0]
    assert counts(ward) == {}


@pytest.mark.parametrize(
    ("bad", "reason", "stay"),
    [
        (sample(0.5, None), "not_a_number", "p1"),
        (sample(0.5, float("nan")), "not_a_number", "p1"),
        (sample(0.5, float("inf")), "not_a_number", "p1"),
        (sample(0.5, "null"), "not_a_number", "p1"),
        (sample(0.5, 10**400), "not_a_number", "p1"),
        (sample(0.5, 1e39), "not_a_number", "p1"),
        (sample(0.5, 351), "impossible", "p1"),
        (sample(0.5, -1), "impossible", "p1"),
        (sample(0.5, unit="kPa"), "wrong_unit", "p1"),
        (sample(0.5, signal="heartrate"), "unknown_signal", "p1"),
        (sample(0.5, signal=None), "no_signal", "p1"),
        (sample(0.5, signal="sbp"), "signal_not_used", None),
        (sample(0.5, signal="height"), "signal_not_used", None),
        (sample(0.5, time="2026-01-01T00:30:00"), "no_time_zone", "p1"),
        (sample(0.5, time="yesterday"), "bad_time", "p1"),
        (sample(0.5, time=None), "no_time", "p1"),
        (sample(0.5, time=10**18), "bad_time", "p1"),
        (sample(24 * 31), "ahead", "p1"),
        (sample(0.5, stay=""), "no_stay", None),
        (sample(0.5, stay=None), "no_stay", None),
        (sample(0.5, stay=7), "wrong_type", None),
        (sample(0.5, kind="news"), "unknown_kind", "p1"),
        (sample(0.5, kind="malformed"), "unknown_kind", "p1"),
        (admit(0.2), "already_admitted", "p1"),
        (admit(0.2, "p2", demographics={"age": "old"}), "not_a_number", "p2"),
        (admit(0.2, "p2", demographics={"age": 10**400}), "not_a_number", "p2"),
        (admit(0.2, "p2", demographics={"age": 400}), "impossible", "p2"),
        (admit(0.2, "p2", demographics={"shoe_size": 44}), "unknown_signal", "p2"),
        (admit(0.2, "p2", demographics={"height": 180}), "signal_not_used", None),
        (discharge(0.2, "nobody"), "unknown_stay", None),
        (clock(24 * 40), "ahead", None),
        ({}, "no_stay", None),
        (said("acknowledge", 0.5, until="soon"), "bad_time", "p1"),
        (said("acknowledge", 0.5, until="2026-01-01T03:00:00"), "no_time_zone", "p1"),
        (said("acknowledge", 0.5, until=10**18), "bad_time", "p1"),
        (said("acknowledge", 0.5, until=at(0.5)), "ends_before_it_begins", "p1"),
        (said("acknowledge", 0.5, time=None), "no_time", "p1"),
        (said("event", 0.5, stay="nobody"), "unknown_stay", None),
        (said("event_end", 0.5, stay=None), "no_stay", None),
    ],
)
def test_a_bad_line_is_dropped_counted_and_changes_nothing(
    model: Model, bad: dict[str, Any], reason: str, stay: str | None
) -> None:
    ward, undisturbed = Ward(model), Ward(model)
    before, after = [admit(0, demographics={"age": 70}), sample(0.2, 100)], [sample(0.8, 90), discharge(2)]
    lines = told(ward, *before, bad, *after)
    assert [line for line in reasons(lines) if line[1] != "started"] == [(stay, reason, 1)]
    assert risks(lines) == risks(told(undisturbed, *before, *after))
    assert list(risks(lines)) == [1.0, 2.0]
    assert counts(ward) == {reason: 1}


def test_the_unit_of_the_catalogue_may_be_named(ward: Ward) -> None:
    named = told(ward, admit(0), sample(0.5, unit="/min"), discharge(1))
    assert counts(ward) == {}
    assert risks(named)[1.0] is not None


def test_an_impossible_sample_admits_nobody(ward: Ward) -> None:
    assert reasons(told(ward, sample(0.5, 5_000))) == [(None, "impossible", 1)]
    assert ward._beds.bed_of == {}


def test_lines_after_a_discharge_are_dropped_also_in_the_same_block(ward: Ward) -> None:
    lines = told(ward, admit(0), sample(0.5), discharge(1), sample(1.5), admit(1), discharge(3), sample(4))
    assert list(risks(lines)) == [1.0]
    assert counts(ward) == {"discharged": 4}


def test_who_is_admitted_after_the_discharge_begins_a_new_life(model: Model) -> None:
    """However the lines are cut: nothing of the first life is known in the second, and no id comes twice."""
    lines = [admit(0), sample(0.5), discharge(2), sample(2.5), admit(1.5), sample(1.7), discharge(3.5), sample(3.6)]
    lines[4] = admit(2.1)
    seen = [told(Ward(model), *lines), [out for ward in [Ward(model)] for line in lines for out in told(ward, line)]]
    for lives in seen:
        said = [line for line in lives if isinstance(line, Risk)]
        assert [line.time[11:16] for line in said] == ["01:00", "02:00", "03:06"]
        assert len({line.id for line in said}) == 3
        assert ("p1", "readmitted", 1) in reasons(lives)
    assert [line.id for line in seen[0] if isinstance(line, Risk)] == [
        line.id for line in seen[1] if isinstance(line, Risk)
    ]
    alone = told(Ward(model), admit(2.1, "p2"), sample(2.5, stay="p2"), discharge(3.5, "p2"))
    assert list(risks(alone, "p2")) == [3.1]


def test_a_late_sample_is_counted_and_never_merged(model: Model) -> None:
    ward, without = Ward(model), Ward(model)
    stay = [admit(0), sample(0.5, 60), sample(1.5, 60)]
    lines = told(ward, *stay, sample(0.6, 180), discharge(2))
    assert ("p1", "late", 1) in reasons(lines)
    assert risks(lines) == risks(told(without, *stay, discharge(2)))


def test_a_duplicate_has_one_effect(model: Model) -> None:
    ward, once = Ward(model), Ward(model)
    lines = told(ward, admit(0), sample(0.5, 60), sample(0.5, 60), discharge(1))
    assert ("p1", "duplicate", 1) in reasons(lines)
    assert risks(lines) == risks(told(once, admit(0), sample(0.5, 60), discharge(1)))


def test_a_discharge_that_cannot_be_true_empties_the_bed_without_rows(ward: Ward) -> None:
    lines = told(ward, admit(0), sample(0.5), {"kind": "discharge", "stay": "p1", "time": "8000-01-01T00:00:00Z"})
    assert risks(lines) == {}
    assert ("p1", "ahead", 1) in reasons(lines)
    assert ward._beds.bed_of == {}


def test_the_end_of_the_stream_closes_what_is_certainly_over(ward: Ward) -> None:
    assert list(risks(told(ward, admit(0), sample(0.5), sample(2.0), admit(0, "p2"), sample(0.5, stay="p2")))) == [1.0]
    lines = ward.close()
    assert list(risks(lines)) == [2.0]  # within the grace until now; nothing can follow any more
    assert risks(lines, "p2") == {}


def test_a_signal_training_never_saw_gives_finite_risks(ward: Ward) -> None:
    etco2 = [sample(0.6, 35, signal="etco2"), sample(1.5, 30, signal="etco2")]
    lines = told(ward, admit(0), sample(0.5), *etco2, discharge(2))
    assert all(risk is not None and 0 < risk < 1 for risk in risks(lines).values())
    assert len(risks(lines)) == 2
    assert counts(ward) == {"signal_not_trained": 2}


def test_a_model_that_gives_no_number_is_noticed(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "score_rows", lambda model, hidden, rows: np.full(len(rows), np.nan, np.float32))
    ward = Ward(model, AlertPolicy(0.0))
    lines = told(ward, admit(0), sample(0.5), discharge(1))
    assert [(line.risk, line.reason) for line in lines if isinstance(line, Risk)] == [(None, NO_NUMBER)]
    assert not any(isinstance(line, Alert) for line in lines)
    assert counts(ward) == {NO_NUMBER: 1}


def test_alerts_fire_and_are_held_back_with_a_reason(model: Model) -> None:
    ward = Ward(model, AlertPolicy(0.0, silence=Duration.parse("2h")))
    lines = told(ward, admit(0), sample(0.5), discharge(3))
    alerts = [line for line in lines if isinstance(line, Alert)]
    assert [line.suppressed_by for line in alerts] == [None, "silence", None]
    assert len({line.id for line in alerts}) == 3
    again = told(Ward(model, AlertPolicy(0.0, silence=Duration.parse("2h"))), admit(0), sample(0.5), discharge(3))
    assert [line.id for line in again if isinstance(line, Alert)] == [line.id for line in alerts]


def test_alerting_forgets_the_stay_before(model: Model) -> None:
    ward = Ward(model, AlertPolicy(0.0, silence=Duration.parse("9h")), beds=1)
    told(ward, admit(0), sample(0.5), discharge(1))
    lines = told(ward, admit(1, "p2"), sample(1.5, stay="p2"), discharge(2, "p2"))
    assert [line.suppressed_by for line in lines if isinstance(line, Alert)] == [None]


def alerts(lines: list[Output]) -> list[tuple[int, str, str | None]]:
    """Hour, tier and what held back each alert."""
    found = [line for line in lines if isinstance(line, Alert)]
    return [(((read_time(line.time) or 0) - T0) // HOUR, line.tier, line.suppressed_by) for line in found]


def test_red_alerts_have_an_id_of_their_own(model: Model) -> None:
    def ids(policy: AlertPolicy) -> dict[str, str]:
        lines = told(Ward(model, policy), admit(0), sample(0.5), discharge(2))
        return {line.tier: line.id for line in lines if isinstance(line, Alert)}

    red = AlertPolicy(0.0, red=0.0)
    found = told(Ward(model, red), admit(0), sample(0.5), discharge(2))
    assert alerts(found) == [(1, "red", None), (2, "red", "silence")]
    assert set(ids(red).values()).isdisjoint(ids(AlertPolicy(0.0)).values())


def test_an_acknowledgement_holds_alerts_back_and_is_confirmed(model: Model) -> None:
    ward = Ward(model, AlertPolicy(0.0, silence=Duration(0), max_snooze=Duration.parse("2h")))
    lines = told(ward, admit(0), sample(0.5), sample(1.2), said("acknowledge", 1.5), sample(2.2), discharge(5))
    assert alerts(lines) == [
        (1, "amber", None), (2, "amber", "acknowledged"), (3, "amber", "acknowledged"), (4, "amber", None),
        (5, "amber", None),
    ]  # fmt: skip
    (confirmed,) = [line for line in lines if isinstance(line, Technical) and line.reason == "acknowledged"]
    assert (confirmed.stay, confirmed.time, confirmed.until) == ("p1", "2026-01-01T01:30:00Z", "2026-01-01T03:30:00Z")


def test_an_acknowledgement_may_name_its_end(model: Model) -> None:
    ward = Ward(model, AlertPolicy(0.0, silence=Duration(0)))
    lines = told(ward, admit(0), sample(0.5), said("acknowledge", 0.6, until=at(1.5)), sample(1.2), discharge(3))
    assert alerts(lines) == [(1, "amber", "acknowledged"), (2, "amber", None), (3, "amber", None)]


def test_an_acknowledgement_for_the_whole_stay_has_an_end_that_can_be_written(model: Model) -> None:
    ward = Ward(model, AlertPolicy(0.0, silence=Duration(0), max_snooze=Duration.parse("stay")))
    lines = told(ward, admit(0), sample(0.5), said("acknowledge", 0.6), discharge(2))
    assert alerts(lines) == [(1, "amber", "acknowledged"), (2, "amber", "acknowledged")]
    assert [line.until for line in lines if isinstance(line, Technical)][-1] == "9000-01-01T00:00:00Z"


def test_a_red_alert_is_not_held_back_by_an_acknowledgement(model: Model) -> None:
    ward = Ward(model, AlertPolicy(0.0, red=0.0, silence=Duration(0)))
    lines = told(ward, admit(0), sample(0.5), said("acknowledge", 0.6), discharge(2))
    assert alerts(lines) == [(1, "red", None), (2, "red", None)]


def test_nothing_alerts_in_an_event_and_for_the_reset_after_it(model: Model) -> None:
    policy = AlertPolicy(0.0, silence=Duration.parse("9h"), reset=Duration.parse("25min"))
    ward = Ward(model, policy)
    lines = told(
        ward, admit(0), sample(0.5), sample(1.2), said("event", 1.5), sample(2.2), sample(3.2),
        said("event_end", 3.6), sample(4.2), discharge(6),
    )  # fmt: skip
    assert alerts(lines) == [
        (1, "amber", None), (2, "amber", "event"), (3, "amber", "event"), (4, "amber", "event"), (5, "amber", None),
        (6, "amber", "silence"),
    ]  # fmt: skip
    confirmed = [(line.reason, line.time, line.until) for line in lines if isinstance(line, Technical)][1:]
    assert confirmed == [
        ("event_began", "2026-01-01T01:30:00Z", None),
        ("event_ended", "2026-01-01T03:36:00Z", "2026-01-01T04:01:00Z"),
    ]


def test_red_alerts_are_held_back_in_an_event_too(model: Model) -> None:
    ward = Ward(model, AlertPolicy(0.0, red=0.0, silence=Duration(0)))
    lines = told(ward, admit(0), sample(0.5), said("event", 0.6), discharge(2))
    assert alerts(lines) == [(1, "red", "event"), (2, "red", "event")]


@pytest.mark.parametrize(
    ("before", "wrong", "reason"),
    [
        ([("event", 0.6)], ("event", 0.7), "event_is_open"),
        ([("event", 0.6)], ("event", 0.5), "event_is_open"),
        ([("event", 0.6), ("event_end", 0.8)], ("event", 0.7), "begins_before_the_last_ended"),
        ([], ("event_end", 0.7), "no_event_is_open"),
        ([("event", 0.6), ("event_end", 0.8)], ("event_end", 0.9), "no_event_is_open"),
        ([("event", 0.6)], ("event_end", 0.5), "ends_before_it_begins"),
        ([], ("event", 24 * 31), "ahead"),
        ([], ("event_end", 24 * 31), "ahead"),
        ([], ("acknowledge", 24 * 31), "ahead"),
    ],
)
def test_a_word_that_cannot_be_true_is_counted_and_changes_nothing(
    model: Model, before: list[tuple[str, float]], wrong: tuple[str, float], reason: str
) -> None:
    policy = AlertPolicy(0.0, silence=Duration.parse("2h"), reset=Duration.parse("90min"))
    start = [admit(0), sample(0.5), *(said(*word) for word in before)]
    ward, undisturbed = Ward(model, policy), Ward(model, policy)
    lines = told(ward, *start, said(*wrong), discharge(5))
    (news,) = [line for line in lines if isinstance(line, Technical) and line.reason == reason]
    assert (news.stay, news.count, news.time) == ("p1", 1, time_text(at(wrong[1])))
    assert [line for line in lines if line is not news] == told(undisturbed, *start, discharge(5))
    assert counts(ward) == {reason: 1}


def test_wrong_words_do_not_flood(model: Model) -> None:
    ward = Ward(model, AlertPolicy(0.0))
    lines = told(ward, admit(0), sample(0.5), *(said("event_end", 0.6 + i / 100) for i in range(30)))
    assert reasons(lines)[1:] == [("p1", "no_event_is_open", 1)]
    assert counts(ward) == {"no_event_is_open": 30}


def test_a_word_acts_on_no_score_before_it_however_late_that_is_judged(model: Model) -> None:
    """The second acknowledgement comes while the score at 2 is still open: the first one holds for it."""
    ward = Ward(model, AlertPolicy(0.0, silence=Duration(0)))
    lines = told(
        ward, admit(0), sample(0.5), said("acknowledge", 1.5, until=at(2.2)), said("acknowledge", 2.5, until=at(5.5)),
        discharge(3),
    )  # fmt: skip
    assert [by for _, _, by in alerts(lines)] == [None, "acknowledged", "acknowledged"]
    ends = [line.until for line in lines if isinstance(line, Technical) and line.reason == "acknowledged"]
    assert ends == ["2026-01-01T02:12:00Z", "2026-01-01T05:30:00Z"]


def test_two_events_before_any_score_of_theirs_is_judged(model: Model) -> None:
    ward = Ward(model, AlertPolicy(0.0, silence=Duration(0)))
    words = [("event", 0.6), ("event_end", 1.5), ("event", 2.5), ("event_end", 2.6), ("event", 2.8)]
    lines = told(ward, admit(0), sample(0.5), *(said(*word) for word in words), discharge(3))
    assert [(hour, by) for hour, _, by in alerts(lines)] == [(1, "event"), (2, None), (3, "event")]


def test_what_waits_of_one_patient_is_not_heard_of_the_next(model: Model) -> None:
    ward = Ward(model, AlertPolicy(0.0, silence=Duration(0)), beds=1)
    told(ward, admit(0), sample(0.5), said("event", 0.6), said("acknowledge", 5, until=at(9)), discharge(0.7))
    lines = told(ward, admit(4, "p2"), sample(4.5, stay="p2"), said("event", 5.5, "p2"), discharge(7, "p2"))
    assert [(hour, by) for hour, _, by in alerts(lines)] == [(5, None), (6, "event"), (7, "event")]


def test_a_report_of_unknown_stays_names_the_first_few(ward: Ward) -> None:
    lines = told(ward, *(discharge(0.5 + i / 100, f"x{i % 9}") for i in range(40)), discharge(1.6, "y" * 200))
    found = [(line.count, line.named) for line in lines if isinstance(line, Technical) and line.stay is None]
    assert found == [(1, ["x0"]), (40, ["x1", "x2", "x3", "x4", "x5"])]
    more = told(ward, sample(3, None, stay="z"), sample(3, signal="sbp", stay="z"))
    named = [(line.reason, line.named) for line in more if isinstance(line, Technical)]
    assert named == [("not_a_number", ["z"]), ("signal_not_used", None)]


def test_a_long_name_that_nobody_knows_is_cut(ward: Ward) -> None:
    (news,) = [line for line in told(ward, discharge(0.5, "y" * 999)) if isinstance(line, Technical) and line.named]
    assert news.named == ["y" * 100]


def test_what_is_said_of_one_patient_holds_for_nobody_else(model: Model) -> None:
    ward = Ward(model, AlertPolicy(0.0, silence=Duration(0)))
    told(ward, admit(0), admit(0, "p2"), sample(0.5), sample(0.5, stay="p2"))
    lines = told(ward, said("acknowledge", 0.6), discharge(1), discharge(1, "p2"))
    held = {line.stay: line.suppressed_by for line in lines if isinstance(line, Alert)}
    assert held == {"p1": "acknowledged", "p2": None}


def test_without_a_policy_nothing_is_acknowledged(ward: Ward) -> None:
    lines = told(ward, admit(0), sample(0.5), said("acknowledge", 0.6), said("event", 0.7), discharge(1))
    assert list(risks(lines)) == [1.0]
    assert not reasons(lines)
    assert counts(ward) == {}


def test_beds_without_a_valid_score_are_told_of_once(model: Model) -> None:
    ward = Ward(model, AlertPolicy(1.0, stale=Duration.parse("2h")))
    lines = told(ward, admit(0), sample(0.5), *(clock(h + 0.5) for h in range(1, 9)), sample(8.6), discharge(9))
    valid = {hour for hour, risk in risks(lines).items() if risk is not None}
    assert valid == {1, 2, 3, 9}  # a heart rate is carried for three hours
    news = [(line.stay, line.reason, line.time) for line in lines if isinstance(line, Technical)][1:]
    assert news == [
        ("p1", "no_valid_score", "2026-01-01T05:00:00Z"), ("p1", "valid_score_again", "2026-01-01T09:00:00Z"),
    ]  # fmt: skip


def test_a_policy_of_another_model_is_refused_with_the_cure(model: Model) -> None:
    policy = AlertPolicy(0.5, model_digest=model.digest)
    Ward(model, policy)
    with pytest.raises(ModelError, match=r"another model.*vitals tune"):
        Ward(model, dataclasses.replace(policy, model_digest="f" * 64))


def test_made_up_stays_do_not_fill_the_memory(ward: Ward) -> None:
    for i in range(200):
        told(ward, sample(0.5, None, stay=f"x{i}"))
    assert len(ward._tally._entries) == 1
    assert ward._beds.bed_of == {}


@pytest.mark.parametrize("size", [1, 2, 7, 1000])
def test_reports_after_a_date_far_ahead_are_the_same_however_the_stream_is_cut(model: Model, size: int) -> None:
    century = 100 * 365 * 24
    lines = [admit(0), sample(9), sample(century), sample(century, signal="no_such_signal")]
    for n in range(40):
        lines += [sample(n / 10), sample(9 + n / 10, 900), sample(9 + n / 10, signal="no_such_signal")]
    ward = Ward(model)
    said = [line for first in range(0, len(lines), size) for line in told(ward, *lines[first : first + size])]
    found: dict[str, list[tuple[float, int | None]]] = {}
    for line in said:
        if isinstance(line, Technical) and line.time is not None:
            hours = ((read_time(line.time) or 0) - T0) / HOUR
            found.setdefault(line.reason, []).append((hours, line.count))
    assert found == {
        "ahead": [(century, 1)],
        "unknown_signal": [(century, 1), (9, 1), (10, 10), (11, 10), (12, 10)],
        "impossible": [(9, 1), (10, 10), (11, 10), (12, 10)],
        "late": [(0, 1), (1, 10), (2, 10), (3, 10)],
    }
