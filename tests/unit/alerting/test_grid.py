"""Thousands of policies counted at once are each what judging it alone counts; and the fast way, bent line by line."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import pytest

from tests.naive import naive_decide
from tests.unit.alerting.plain import plain_grid
from vitals.alerting.curve import Ledger
from vitals.alerting.evaluation import evaluate
from vitals.alerting.families import families_of
from vitals.alerting.grid import count
from vitals.alerting.measures import COUNTS
from vitals.alerting.stays import Risks, Stays
from vitals.alerting.tune import at
from vitals.spec.duration import Duration
from vitals.spec.policy import REARM, AlertPolicy
from vitals.spec.settings import Alerting

HOUR = 3_600_000_000
LEVELS = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.9, 1.0, np.nan)


class Case(NamedTuple):
    """A ward and the policies to count on it."""

    risks: Risks
    stays: Stays
    search: Alerting
    shapes: list[AlertPolicy]
    thresholds: Any

    @property
    def ledger(self) -> Ledger:
        return Ledger(self.risks, self.stays, self.search)


def shapes_of(draw: np.random.Generator, many: int) -> list[AlertPolicy]:
    """Any policies of one tier, with up to three silences each."""
    silences = [
        Duration.parse("stay") if draw.random() < 0.1 else Duration(int(n) * HOUR // 2)
        for n in draw.integers(0, 19, many)
    ]
    return [
        dataclasses.replace(one, silence=silence) for one, silence in zip(_kinds(draw, many), silences, strict=True)
    ]


def _kinds(draw: np.random.Generator, many: int) -> list[AlertPolicy]:
    return [kind for kind in (_kind(draw) for _ in range((many + 2) // 3)) for _ in range(3)][:many]


def _kind(draw: np.random.Generator) -> AlertPolicy:
    return AlertPolicy(
        threshold=1.0,
        clear=float(draw.choice([1, 0.8, 0.5, 0])),
        persistence=[(1, 1), (1, 1), (2, 3), (3, 5), (1, 2)][draw.integers(5)],
        rearm=REARM[draw.integers(4)],
        rise=float(draw.choice([0.3, 0.7, 2])),
        max_per_day=int(draw.choice([0, 0, 1, 2, 3])),
    )


def case(seed: int, longest: int, shapes: int) -> Case:
    """Up to five stays of up to so many rows: hourly or irregular, some lost, some with an onset, some without a row."""
    draw = np.random.default_rng(seed)
    length = draw.integers(0, longest + 1, draw.integers(1, 6))
    length[0] = min(longest, (64, longest, 63, 65)[seed % 4])  # on and beside the border of a word
    stays = len(length)
    gaps = [draw.integers(1, 4, n) if seed % 3 else np.full(n, draw.integers(1, 3)) for n in length]
    time = np.concatenate([np.cumsum(gap) for gap in gaps]) * HOUR // 2
    risk = draw.choice(LEVELS, length.sum())
    if seed % 5 == 0:
        risk = np.where(np.isnan(risk), risk, draw.random(len(risk)).round(3))
    onset_stay = np.flatnonzero(draw.random(stays) < 0.5)
    onset = draw.integers(1, longest + 4, len(onset_stay)) * HOUR // 2
    latest = int(draw.integers(3, 30)) * HOUR // 2 + HOUR + int(draw.integers(0, 2))
    search = Alerting(Duration(int(draw.integers(0, 3)) * HOUR), Duration(latest))
    return Case(
        Risks.of(np.repeat(np.arange(stays), length), time, risk),
        Stays.of(draw.integers(0, 3, stays), np.zeros(stays), length * 2 * HOUR, onset_stay, onset, draw.random(stays) < 0.4),
        search,
        shapes_of(draw, shapes),
        np.unique(draw.choice([0.0, 0.1, 0.2, 0.3, 0.33, 0.45, 0.5, 0.6, 0.9, 1.0], 5))[::-1].copy(),
    )  # fmt: skip


def cases(many: int, longest: tuple[int, ...], shapes: int) -> Iterator[Case]:
    """Those with a risk at all while somebody is at risk."""
    for seed in range(many):
        made = case(seed, longest[seed % len(longest)], shapes)
        at_risk = made.risks.time <= made.stays.onset[made.risks.stay]
        if made.stays.seconds_at_risk.sum() and not np.isnan(made.risks.risk[at_risk]).all():
            yield made


def test_every_count_of_the_grid_is_what_the_policy_alone_does() -> None:
    policies, total = 0, np.zeros(len(COUNTS))
    for made in cases(36, (6, 40, 150), shapes=9):
        ledger = made.ledger
        curves = ledger.curves(made.shapes, made.thresholds)
        for one, curve in zip(made.shapes, curves, strict=True):
            by_patient = ledger.by_patient(one, made.thresholds)
            for index, threshold in enumerate(made.thresholds):
                policy = at(one, float(threshold))
                seen = evaluate(made.risks, made.stays, policy, made.search).by_patient
                assert np.array_equal(by_patient[:, index], seen), policy
                assert np.array_equal(curve.counts[index], seen.sum(axis=0)), policy
                policies, total = policies + 1, total + seen.sum(axis=0)
    assert policies >= 1_000
    assert (total > 100).all(), dict(zip(COUNTS, total, strict=True))  # every kind of alert came often


def test_policies_are_counted_the_same_beside_others_and_in_any_order() -> None:
    made = next(cases(1, (80,), shapes=9))
    curves = made.ledger.curves(made.shapes, made.thresholds)
    for order in ([3], [8, 0, 4, 4], list(range(8, -1, -1))):
        again = made.ledger.curves([made.shapes[i] for i in order], made.thresholds)
        assert all(np.array_equal(curve.counts, curves[i].counts) for i, curve in zip(order, again, strict=True))
    for index in range(len(made.thresholds)):
        alone = made.ledger.curves(made.shapes, made.thresholds[index : index + 1])
        assert all(np.array_equal(one.counts[0], curve.counts[index]) for one, curve in zip(alone, curves, strict=True))


def test_a_silence_of_every_length_around_the_gaps_between_alerts() -> None:
    """A longer silence that all gaps exceed is not counted anew; one microsecond decides."""
    stays = Stays.of([0], [0], [99 * HOUR])
    risks = Risks.of([0] * 70, HOUR * np.arange(70), [0.9, 0.1] * 35)
    lengths = [HOUR * 2 * n + nudge for n in (1, 2, 3, 40) for nudge in (-1, 0, 1)]
    shapes = [AlertPolicy(0.5, silence=Duration(length)) for length in lengths]
    counts = [curve.counts[0, 0] for curve in Ledger(risks, stays).curves(shapes, np.array([0.5]))]
    wanted = [evaluate(risks, stays, one).count("alerts") for one in shapes]
    assert counts == wanted
    assert len(set(counts)) > 3


def test_risks_of_exactly_0_and_1_escalate_in_the_grid_as_in_the_machine_and_the_oracle() -> None:
    draw = np.random.default_rng(6)
    thresholds, alerts = np.array([1.0, 0.5, 0.0]), []
    shapes = [
        AlertPolicy(1.0, clear=clear, rearm="escalate", rise=rise, silence=Duration(silence * HOUR), max_per_day=most)
        for clear in (0.0, 1.0) for rise in (1e-18, 0.7, 20.0) for silence in (0, 1, 3) for most in (0, 2)
    ]  # fmt: skip
    for rows, zeros in ((3, 2), (20, 5), (20, 0), (80, 9)):  # an alert at 0 is the first of a stay
        risk = draw.choice([0.0, 0.0, 0.0, 5e-324, 0.5, np.nextafter(1.0, 0.0), 1.0, 1.0, np.nan], rows)
        risk[:zeros] = 0.0
        stays, time = Stays.of([0], [0], [99 * HOUR]), HOUR * np.arange(rows)
        risks = Risks.of([0] * rows, time, risk)
        for one, curve in zip(shapes, Ledger(risks, stays).curves(shapes, thresholds), strict=True):
            for index, threshold in enumerate(thresholds.tolist()):
                policy = at(one, threshold)
                plain = naive_decide(policy, list(zip(time.tolist(), risk.tolist(), strict=True)))
                wanted = sum(outcome == "FIRED" for _, outcome in plain)
                assert evaluate(risks, stays, policy).count("alerts") == curve.counts[index, 0] == wanted, policy
                alerts.append(wanted)
    assert len(set(alerts)) > 6


# ---- sabotage --------------------------------------------------------------------------------------------------------

BENT = {
    "a window lacks its last score": ("for i in range(begin, end):\n        words[i >> 6]", "for i in range(begin, end - 1):\n        words[i >> 6]"),
    "alerts outside the window are true": ("one[w] & other[w]", "one[w] | other[w]"),
    "the silence ends late where steps are uneven": (">= moment:\n        guess -= 1", "> moment:\n        guess -= 1"),
    "everything re-arms by the timer": ("or rearm == TIMER", "or rearm != FIRST_ONLY"),
    "the timer waits for the end of the episode": ("or rearm == TIMER", ""),
    "first only alerts again": ("if rearm == FIRST_ONLY:", "if False:"),
    "an end of the episode within the silence is lost": ("next_bit(low, at + 1, words)", "next_bit(low, earliest, words)"),
    "alerts before the end of the episode": ("j if j >= over else next_bit(due, over, words)", "j"),
    "any rise is an escalation": ("risk[begin + j] < wanted", "risk[begin + j] <= risk[begin + at]"),
    "certainty rises": ("risk[begin + j] < wanted", "risk[begin + j] < min(wanted, 1.0)"),
    "no rise is an escalation": ("if rearm == ESCALATE:", "if False:"),
    "an escalation only where no episode ends": ("if after < 0 or 0 <= risen < after else after", "if after < 0 else after"),
    "the day ends a row late": ("time[begin + at] - day >= _DAY", "time[begin + at] - day > _DAY"),
    "one alert a day too many": ("0 < most <= today", "0 < most < today"),
    "the bound of a day lasts longer": ("after, day + _DAY)", "after, day + _DAY + 1)"),
    "the day has one alert": ("today += 1", "today = 1"),
    "longer silences change nothing": ("gap = min(gap, time[begin + after] - time[begin + at])", "pass"),
    "the last bit of a word is out of reach": ("if at + leap > 63", "if at + leap > 62"),
    "an end of the episode within a word's silence is lost": ("low & (ALL << np.uint64(at + 1))", "low & (ALL << np.uint64(at + leap))"),
    "longer silences change nothing in a word": ("min(gap, after - at), after", "gap, after"),
    "a word waits for no end of the episode": ("if waits and rest", "if False"),
    "a word always waits": ("if waits and rest", "if rest"),
    "a level knows its own scores only": ("masks[r, w] |= masks[r - 1, w]", "pass"),
    "a missing score may alert": ("if (valid[i >> 6] >> bit) & ONE and", "if"),
    "persistence looks at all scores": ("set_bits(recent & window)", "set_bits(recent)"),
    "one high score more is needed": (">= k:", "> k:"),
    "an alert at the onset does not count": ("time[end - 1] > history.onset[s]", "time[end - 1] >= history.onset[s]"),
    "alerts after the onset count": ("time[end - 1] > history.onset[s]", "False"),
    "the earliest true alert is false": ("- 1] >= history.first_hit[s]", "- 1] > history.first_hit[s]"),
    "the latest true alert is late": ("- 1] > history.last_hit[s]", "- 1] >= history.last_hit[s]"),
    "the first indeterminate alert is false": ("- 1] >= history.unknown_from[s]", "- 1] > history.unknown_from[s]"),
    "a true alert is false as well": ("unknown = min(unknown, first)", "pass"),
    "uneven steps are taken for even ones": ("step = step if time[i] - time[i - 1] == step else np.int64(0)", "pass"),
    "a silence is cut to whole rows": ("(silence[g] + step - 1) // step", "silence[g] // step"),
    "the shortest silence speaks for all": ("if gap >= silence[g]", "if gap >= 0"),
    "an onset is detected once for each alert": ("int(true > 0)", "int(true)"),
    "an onset is detected once for each alert of a word": ("int(hits > 0)", "hits"),
    "indeterminate alerts are false": ("mark(windows[1], 0, unknown)", "mark(windows[1], 0, first)"),
    "another threshold's alerts are due": ("if r != before:", "if r == 0:"),
    "clear stays where it was": ("until = min(until, clear[levels[q + 1]]) if q + 1 < found else until", "pass"),
    "a missing score ends the episode": ("valid[w] & ~masks[q, w]", "~masks[q, w]"),
    "escalate never clears": ("if rearm in (BELOW_CLEAR, ESCALATE):", "if rearm == BELOW_CLEAR:"),
    "short stays have no bound of a day": ("and not families.most[f]", ""),
    "short stays do not escalate": ("rearm <= BELOW_CLEAR and", "rearm <= ESCALATE and"),
    "silences are not added up": ("out[:, g] += out[:, g - 1]", "pass"),
    "thresholds are not added up": ("out[:, :, t] += out[:, :, t - 1]", "pass"),
    "everybody is one patient": ("out[history.group[s]]", "out[0]"),
    "a risk at the threshold is below it": ('side="right"', 'side="left"'),
    "a missing score is a low one": ("len(rising) + 1, level)", "len(rising), level)"),
    "another hysteresis": ("np.searchsorted(-np.array(ways), -share)", "np.zeros(len(share), np.int64)"),
}  # fmt: skip


@pytest.fixture(scope="module")
def small() -> list[tuple[Case, Any, Any]]:
    """Small wards, their history by patient, and what is to be counted there."""
    made = []
    for one in itertools.islice(cases(150, (12, 64, 70, 64), shapes=12), 120):
        history = one.ledger.history._replace(group=one.stays.patient)
        families, _ = families_of(one.shapes, one.thresholds, history.risk)
        made.append((one, history, count(families, history, len(one.thresholds), 3)))
    return made


def agrees(bent: Any, one: Case, history: Any, wanted: Any) -> bool:
    with np.errstate(all="ignore"):
        families, _ = bent.families_of(one.shapes, one.thresholds, history.risk)
        return np.array_equal(bent.count(families, history, len(one.thresholds), 3), wanted)


def test_the_plain_grid_agrees_with_the_compiled_one(small: list[tuple[Case, Any, Any]]) -> None:
    assert all(agrees(plain_grid(), *one) for one in small[:40])


@pytest.mark.parametrize("bend", BENT, ids=lambda name: name.replace(" ", "_"))
def test_every_bent_line_of_the_grid_is_caught(bend: str, small: list[tuple[Case, Any, Any]]) -> None:
    bent = plain_grid(*BENT[bend])
    assert not all(agrees(bent, *one) for one in small)


def test_a_shape_at_its_own_threshold_is_the_policy_itself() -> None:
    policy = AlertPolicy(0.3, clear=0.15, rearm="below_clear")
    assert at(policy, 0.3) == policy
    assert at(policy, 0.6) == dataclasses.replace(policy, threshold=0.6, clear=0.3)
