"""The headline: the verdict follows the interval, not the figure."""

from __future__ import annotations

import copy

import pytest

from vitals.report.headline import headline
from vitals.report.record import Record


def spoilt(record: Record, path: tuple[str, ...], value: object) -> Record:
    """The record with one figure replaced."""
    figures = copy.deepcopy(dict(record.figures))
    place = figures
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return Record(record.model, figures)


def test_first_sentence_holds_recall_interval_and_burden(record: Record) -> None:
    figures = copy.deepcopy(dict(record.figures))
    figures["alerts"].update(detected_onsets=71, predictable_onsets=100, alarms_per_100_patient_days=4.02)
    figures["alerts"]["intervals"]["recall"] = [0.71, 0.64, 0.77]
    assert headline(Record(record.model, figures))[0] == (
        "The model warned of 71% (64% to 77%) of the onsets that could be predicted (71 of 100), "
        "at 4.02 alarms per 100 patient-days."
    )


@pytest.mark.parametrize(
    ("gap", "words"),
    [
        ([0.13, 0.04, 0.21], "the model catches more: +13 percentage points (+4 to +21)"),
        ([-0.13, -0.21, -0.04], "the model catches less: −13 percentage points (−21 to −4)"),
        ([0.13, -0.04, 0.21], "no difference between the two is proven: +13 percentage points (−4 to +21)"),
        ([0.13, 0.0, 0.21], "no difference between the two is proven: +13 percentage points (0 to +21)"),
    ],
)
def test_verdict_follows_the_interval(record: Record, gap: list[float], words: str) -> None:
    told = headline(spoilt(record, ("news2", "at_equal_burden", "difference", "recall"), gap))
    assert sum(words in sentence for sentence in told) == 1


def test_no_verdict_without_an_interval(record: Record) -> None:
    told = headline(spoilt(record, ("news2", "at_equal_burden", "difference", "recall"), [0.1, float("nan"), 0.2]))
    assert not any("catches" in sentence or "proven" in sentence for sentence in told)


def test_news2_that_cannot_keep_to_the_burden_is_said_so(record: Record) -> None:
    silent = {"recall": 0.0, "alarms_per_100_patient_days": 0.0, "threshold": None}
    assert "NEWS2 cannot keep to so few alarms at any of its thresholds." in headline(
        spoilt(record, ("news2", "at_equal_burden"), silent)
    )


def test_few_onsets_are_said_to_be_few(record: Record) -> None:
    few = spoilt(record, ("alerts", "predictable_onsets"), 9)
    many = spoilt(record, ("alerts", "predictable_onsets"), 900)
    assert headline(few)[-1].startswith("With 9 onsets")
    assert not any("says more than" in sentence for sentence in headline(many))


def test_burden_is_told_as_a_ward_feels_it(record: Record) -> None:
    told = headline(spoilt(record, ("alerts", "alarms_per_100_patient_days"), 5.0))
    assert any("On a ward of 20 beds that is about one alarm a day." in sentence for sentence in told)


def test_a_model_that_was_not_evaluated_says_so(record: Record) -> None:
    assert headline(Record(record.model)) == ["This model has not been evaluated yet."]


def test_a_sample_is_said_to_be_weighted(record: Record) -> None:
    told = headline(spoilt(record, ("prevalence_given",), 0.05))
    assert told[1].startswith(
        "These stays are a sample: precision, burden and benefit are weighted to a prevalence of 5%"
    )
    assert len(told) == len(headline(record)) + 1


def test_what_is_withheld_is_not_told_and_said_so(record: Record) -> None:
    figures = copy.deepcopy(dict(record.figures))
    figures["guards"] = [
        {"guard": "sampling", "level": "refused", "said": "50.0% of the stays have an onset", "cure": ""}
    ]
    figures["alerts"]["alarms_per_100_patient_days"] = None
    first, second, *others = headline(Record(record.model, figures))
    assert first.endswith(f"({figures['alerts']['detected_onsets']} of 30).")
    assert "alarms" not in first
    assert "nobody said how common the outcome is" in second
    assert not any("NEWS2" in sentence for sentence in others)
    del figures["alerts"]
    assert "No alert policy was given" in headline(Record(record.model, figures))[0]
