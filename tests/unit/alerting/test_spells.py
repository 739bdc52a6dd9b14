"""Events with an end: by hand, as circEWS counts them, and equal to a live bed that is told of them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.strategies import Scores, scores
from vitals.alerting.curve import operating_curve
from vitals.alerting.decide import AlertState, Outcome, decide
from vitals.alerting.evaluation import evaluate
from vitals.alerting.spells import ClinicalEvents, recognised_at, spells
from vitals.alerting.stays import Risks, Stays
from vitals.errors import DataError
from vitals.labelling.labels import NO_ONSET
from vitals.spec.duration import Duration
from vitals.spec.policy import AlertPolicy
from vitals.spec.settings import Alerting

MINUTE = 60_000_000
HOUR = 60 * MINUTE
CIRCEWS = AlertPolicy(threshold=0.5, silence=Duration.parse("30min"), reset=Duration.parse("25min"))
WINDOW = Alerting(lead_max=Duration.parse("480min"))


def circews() -> tuple[Risks, Stays, ClinicalEvents]:
    """One stay on a grid of five minutes: an event from 600 to 660, and another from 1100 on.

    minute  100 110 130 600 605…655 660…680 685 690 715 1095 1105
    high     F   s   F   F   in it   reset   F   s   F   F   after
    """
    high = {100, 110, 130, 600, *range(605, 685, 5), 685, 690, 715, 1095, 1105}
    times = range(5, 1201, 5)
    risks = Risks.of([0] * len(times), [MINUTE * t for t in times], [0.9 if t in high else 0.1 for t in times])
    stays = Stays.of(["anna"], [0], [1200 * MINUTE])
    events = ClinicalEvents.of([0, 0], [1100 * MINUTE, 600 * MINUTE], end=[NO_ONSET, 660 * MINUTE])
    return risks, stays, events


def test_circews_by_hand() -> None:
    """480 minutes of window, 30 of silence, 25 of reset: 100 is too early, the silence ends at 130, the reset at 685."""
    cut, of = spells(*circews(), reset=int(CIRCEWS.reset))
    assert [(int(a) // MINUTE, int(o) // MINUTE) for a, o in zip(of.admitted, of.onset, strict=True)] == [
        (0, 600), (685, 1100),
    ]  # fmt: skip
    seen = evaluate(cut, of, CIRCEWS, WINDOW)
    counted = {name: seen.count(name) for name in ("alerts", "true", "false", "detected", "predictable", "onsets")}
    assert counted == {"alerts": 6, "true": 5, "false": 1, "detected": 2, "predictable": 2, "onsets": 2}
    assert (seen.lead * 60).round(6).tolist() == [470, 415]
    assert seen.count("seconds") == 60 * (600 + 1100 - 685)
    assert seen.suppressed["silence"] == 2
    assert seen.stays == 1
    assert seen.by_stay.tolist() == [6]


def test_without_an_end_the_stay_is_not_at_risk_again() -> None:
    risks, stays, events = circews()
    first = ClinicalEvents.of(events.stay, events.onset)
    cut, of = spells(risks, stays, first, reset=int(CIRCEWS.reset))
    assert of.onset.tolist() == [600 * MINUTE]
    assert cut.time.max() == 600 * MINUTE
    plain = evaluate(risks, Stays.of(["anna"], [0], [1200 * MINUTE], [0], [600 * MINUTE]), CIRCEWS, WINDOW)
    assert evaluate(cut, of, CIRCEWS, WINDOW).to_dict() == plain.to_dict()


def test_an_event_in_the_reset_of_another_puts_the_next_spell_off() -> None:
    events = ClinicalEvents.of([0, 0, 0], [20, 43, 90], end=[40, 50, 95])
    _, of = spells(Risks.of([], [], []), Stays.of(["anna"], [0], [98]), events, reset=5)
    assert of.admitted.tolist() == [0, 55]  # after the third there is nothing left of the stay
    assert of.onset.tolist() == [20, 90]
    inside = ClinicalEvents.of([0, 0], [20, 25], end=[60, 30])  # the longer one counts
    _, of = spells(Risks.of([], [], []), Stays.of(["anna"], [0], [98]), inside)
    assert of.admitted.tolist() == [0, 60]


def test_spells_keep_patient_stay_and_what_came_after() -> None:
    stays = Stays.of(["ben", "anna"], [0, 10], [100, 90], lost=[True, False])
    events = ClinicalEvents.of([0], [30], end=[50], recognised=[40])
    risks = Risks.of([0, 0, 0, 1], [30, 31, 50, 10], [0.1, 0.2, 0.3, math.nan])
    cut, of = spells(risks, stays, events)
    assert of.patient.tolist() == [1, 1, 0]
    assert of.whole.tolist() == [0, 0, 1]
    assert of.lost.tolist() == [True, True, False]
    assert of.discharged.tolist() == [100, 100, 90]
    assert cut.stay.tolist() == [0, 1, 2]
    assert cut.risk[:2].tolist() == [0.1, 0.3]
    assert recognised_at(of, events).tolist() == [40, NO_ONSET, NO_ONSET]


def test_tuning_and_curves_need_nothing_new() -> None:
    cut, of = spells(*circews(), reset=int(CIRCEWS.reset))
    curve = operating_curve(cut, of, CIRCEWS, thresholds=[0.5], alerting=WINDOW)
    assert curve.counts[0].tolist() == evaluate(cut, of, CIRCEWS, WINDOW).by_patient.sum(axis=0).tolist()


@pytest.mark.parametrize(
    ("columns", "says"),
    [
        ({"stay": [0, 0], "onset": [5]}, "equal columns"),
        ({"stay": [0], "onset": [5], "end": [4]}, "an end before its onset"),
        ({"stay": [1], "onset": [5]}, "stays 1 to 1"),
    ],
)
def test_events_that_cannot_be_meant_are_refused(columns: dict[str, Any], says: str) -> None:
    with pytest.raises(DataError, match=says):
        spells(Risks.of([], [], []), Stays.of(["anna"], [0], [98]), ClinicalEvents.of(**columns))


@st.composite
def eventful(draw: st.DrawFn) -> tuple[Scores, list[list[tuple[int, int]]], int]:
    """Scores with events one after the other, whose bounds lie on and beside the scores' times and the reset's end."""
    found = draw(scores())
    reset = draw(st.sampled_from([0, 1, HOUR, 5 * HOUR]))
    of_beds = []
    for rows in found.beds:
        marks = sorted({time + nudge for time, _ in rows for nudge in (-reset, -1, 0, 1)}) or [0]
        bounds = sorted(draw(st.lists(st.sampled_from(marks), max_size=6)))
        pairs = list(zip(bounds[::2], bounds[1::2], strict=False))
        of_beds.append([pair for i, pair in enumerate(pairs) if i == 0 or pairs[i - 1][1] < pair[0]])
    return found, of_beds, reset


def live(policy: AlertPolicy, rows: tuple[tuple[int, float], ...], events: list[tuple[int, int]]) -> list[Any]:
    """What a bed says that gets scores and lines about events in the order of their times, a line before a score."""
    state, said = AlertState.empty(1), []
    lines = sorted([(onset, "begins") for onset, _ in events] + [(end, "ends") for _, end in events])
    lines.sort(key=lambda line: line[0])
    for time, risk in rows:
        while lines and lines[0][0] <= time:
            when, what = lines.pop(0)
            if what == "begins":
                state.event_begins(0, when)
            else:
                state.event_ends(policy, 0, when)
        state, due = decide(policy, state, [0], [time], [risk])
        said += [(time, int(code)) for code in due.outcome if Outcome(code).suppressed_by != "event"]
    return said


@given(eventful())
def test_a_live_bed_that_is_told_alerts_as_spells_do(case: tuple[Scores, list[list[tuple[int, int]]], int]) -> None:
    found, of_beds, reset = case
    policy = AlertPolicy(**{**vars(found.policy), "reset": Duration(reset)})
    for rows, pairs in zip(found.beds, of_beds, strict=True):
        if not rows:
            continue
        times, risks = zip(*rows, strict=True)
        stays = Stays.of(["anna"], [times[0] - 1], [times[-1]])
        events = ClinicalEvents.of([0] * len(pairs), [a for a, _ in pairs], end=[b for _, b in pairs])
        cut, of = spells(Risks.of([0] * len(times), times, risks), stays, events, reset)
        _, due = decide(policy, AlertState.empty(len(of)), cut.stay, cut.time, cut.risk)
        folded = [(int(cut.time[row]), int(code)) for row, code in zip(due.row, due.outcome, strict=True)]
        assert folded == live(policy, rows, pairs)


@given(eventful())
def test_spells_are_disjoint_and_leave_out_only_events_and_resets(
    case: tuple[Scores, list[list[tuple[int, int]]], int],
) -> None:
    found, of_beds, reset = case
    for rows, pairs in zip(found.beds, of_beds, strict=True):
        times = [time for time, _ in rows] or [0]
        risks = Risks.of([0] * len(rows), [time for time, _ in rows], [risk for _, risk in rows])
        stays = Stays.of(["anna"], [times[0] - 1], [times[-1]])
        events = ClinicalEvents.of([0] * len(pairs), [a for a, _ in pairs], end=[b for _, b in pairs])
        cut, of = spells(risks, stays, events, reset)
        wanted = [time for time, _ in rows if not any(a < time < b + reset for a, b in pairs)]
        assert cut.time.tolist() == wanted
        assert (of.admitted[1:] >= of.onset[:-1]).all()
        assert np.all(np.diff(cut.stay) >= 0)
