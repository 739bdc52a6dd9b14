"""The sections that only a report has: what they show, where it is drawn, and what they keep to themselves."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from tests.unit.report.made_up import report_figures
from tests.unit.report.test_page import Reader, nothing
from vitals.report import benefit, groups, patients, ranking, reliability, robustness, sections, timelines
from vitals.report.markup import Markup
from vitals.report.page import page
from vitals.report.record import Record
from vitals.report.twin import twin

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def whole(record: Record) -> Record:
    return Record(record.model, {**record.figures, **report_figures()}, record.run, record.metrics)


def drawings(part: Markup | None) -> list[ET.Element]:
    return [ET.fromstring(found) for found in re.findall(r"<svg.*?</svg>", str(part), re.DOTALL)]


def rows_of(part: Markup | None) -> dict[str, list[str]]:
    """Cells of every table row by the row's name, without markup."""
    found = re.findall(r'<tr><th scope="row">(.*?)</th>(.*?)</tr>', str(part), re.DOTALL)
    plain = re.compile(r"<[^>]+>")
    return {plain.sub("", name): [plain.sub(" ", cell).strip() for cell in re.findall(r"<td>(.*?)</td>", rest)]
            for name, rest in found}  # fmt: skip


def test_every_figure_of_the_page_has_words_and_numbers(whole: Record) -> None:
    text = str(page(whole))
    found = re.findall(r"<figure>(.*?)</figure>", text, re.DOTALL)
    assert len(found) == 11
    for drawing in found:
        assert re.search(r'role="img" aria-label="[^"]{20,}"', drawing)
        assert "<desc>" in drawing
        assert "<td>" in drawing
    assert len(text.encode()) < 1_000_000


def test_contents_name_every_section_once(whole: Record) -> None:
    text = str(page(whole))
    links = re.findall(r'<a href="#([^"]+)">(.*?)</a>', text)
    assert [words for _, words in links] == re.findall(r'<section id="[^"]+"><h2>(.*?)</h2>', text)
    assert len({name for name, _ in links}) == len(links) > 15


def test_order_of_a_reader(whole: Record) -> None:
    text = Reader(page(whole)).text
    order = ("The model warned of", "Cohort flow", "per step: rows, model", "recall of predictable onsets", "ICI",
             "Net benefit of the alerts", "age: under 50", "Missed: stay s17", "without heart rate", "✓ pass",
             "patients evaluated")  # fmt: skip
    places = [text.rindex(words) for words in order]
    assert places == sorted(places)


def test_a_small_group_is_named_and_not_judged(whole: Record) -> None:
    shown = rows_of(groups.subgroups(whole))
    assert shown["age: under 50"] == ["25", "fewer than 10 patients", "–", "–", "–", "–", "–"]
    assert [" ".join(cell.split()) for cell in shown["sex: female"][1:4]] == [
        "14", "0.820 (0.780 to 0.860)", "50% (31% to 69%)",
    ]  # fmt: skip
    assert all("under 50" not in "".join(drawing.itertext()) for drawing in drawings(groups.subgroups(whole)))


def test_sites_stand_beside_their_alerts(whole: Record) -> None:
    shown = rows_of(groups.sites(whole))
    assert [" ".join(cell.split()) for cell in shown["A"][-2:]] == ["60% (40% to 80%)", "10 (7 to 14)"]
    assert shown["B"] == ["fewer than 10 patients", *["–"] * 5]


def test_a_site_with_few_onsets_is_named_and_not_judged(whole: Record) -> None:
    few = {"kind": "site", "name": "A", "stays": 20, "shown": False, "fewer_onsets_than": 10}
    shown = rows_of(groups.sites(Record(whole.model, {**whole.figures, "groups": [few]})))
    assert shown["A"] == ["fewer than 10 patients", *["–"] * 5]
    assert shown["all"][0] == "0.831"


def test_ranking_calls_each_unit_by_its_name(whole: Record) -> None:
    shown = rows_of(ranking.discrimination(whole))
    assert list(shown) == ["per step: rows, model", "per step: rows, NEWS2", "per event: onsets, model",
                           "per stay: its peak, model", "per stay: its peak, NEWS2"]  # fmt: skip
    assert shown["per step: rows, model"] == ["0.831 (0.810 to 0.850)", "0.100 (0.080 to 0.120)", "5,760", "120"]
    assert shown["per step: rows, NEWS2"] == ["fewer than 10 patients", "–", "5,760", "120"]
    assert shown["per stay: its peak, NEWS2"] == ["–"] * 4
    assert shown["per event: onsets, model"][1] == "0.234"


def test_auprc_of_a_sample_is_left_out_and_said_so(whole: Record) -> None:
    figures = copy.deepcopy(dict(whole.figures)) | {"prevalence_given": 0.05}
    figures["ranking"]["step"]["auprc"] = None
    part = ranking.discrimination(Record(whole.model, figures))
    assert rows_of(part)["per step: rows, model"][:2] == ["0.831 (0.810 to 0.850)", "–"]
    assert "AUPRC depends on how common the outcome is" in str(part)
    assert "AUPRC depends" not in str(ranking.discrimination(whole))


def test_a_group_in_which_nothing_came_true_is_below_a_logarithmic_axis(whole: Record) -> None:
    (drawing,) = drawings(reliability.calibration(whole))
    # one mark in the chart and one in its key
    assert len(list(drawing.iter(f"{SVG}circle"))) == 2
    assert "0%" in rows_of(reliability.calibration(whole))["0.4%"]


def test_marks_of_one_name_have_one_line_in_the_key(whole: Record) -> None:
    _, second = drawings(timelines.cases(whole))
    texts = ["".join(text.itertext()) for text in second.iter(f"{SVG}text")]
    assert (texts.count("alert"), texts.count("red alert"), texts.count("onset")) == (1, 1, 0)
    first, _ = drawings(timelines.cases(whole))
    assert "onset" in ["".join(text.itertext()) for text in first.iter(f"{SVG}text")]


def test_a_case_says_what_happened(whole: Record) -> None:
    text = Reader(timelines.cases(whole) or Markup()).open
    assert text == []
    words = re.sub("<[^>]+>", " ", str(timelines.cases(whole)))
    assert "Onset 4 hours after admission. No alert." in words
    assert "No onset. 2 alerts, 1 of them red. Alerts at hour 2, 3." in words


def test_minus_signs_of_net_benefit(whole: Record) -> None:
    assert " ".join(rows_of(benefit.alert_benefit(whole))["5"][0].split()) == "−3.2 (−5.1 to −1)"


def test_decision_curve_says_what_a_decision_is(whole: Record) -> None:
    assert "One decision for each patient and 12-hour shift" in str(benefit.decisions(whole))
    assert rows_of(benefit.decisions(whole))["0.5%"] == ["18.4", "18.1", "12", "8", "5.97"]


def test_flow_diagram_names_every_number(whole: Record) -> None:
    words = "".join(drawings(patients.flow(whole))[0].itertext())
    for value in ("1,200 stays", "1,080 stays in other parts", "120 stays judged", "30 with an onset",
                  "33 onsets, some stays several", "32 onsets"):  # fmt: skip
        assert value in words


def test_table_one_shows_a_dash_where_nothing_is_known(whole: Record) -> None:
    assert rows_of(patients.table_one(whole))["age, years"] == ["64 (51.5 to 73)", "66 (55 to 74)", "–"]
    assert rows_of(patients.table_one(whole))["sex: female"][0] == "60 (50%)"


def test_table_one_does_not_count_few_patients_with_an_onset(whole: Record) -> None:
    assert rows_of(patients.table_one(whole))["site: B"] == ["40 (33%)", "&lt;10", "–"]
    assert "fewer than 10 patients had an onset" in str(patients.table_one(whole))


def test_the_curve_has_a_band_with_its_numbers(whole: Record) -> None:
    part = sections.operating(whole)
    (drawing,) = drawings(part)
    (band,) = [path for path in drawing.iter(f"{SVG}path") if path.get("class") == "band"]
    # three of four thresholds: the third catches less with more alarms than the second
    assert len(re.findall(r"[ML]", str(band.get("d")))) == 2 * 3
    assert "The band around the model's curve is the 95% interval of its recall: 40% to 60% at 8 alarms" in str(
        drawing.get("aria-label")
    )
    shown = rows_of(part)
    assert shown["1"][:3] == ["–", "–", "–"]
    assert [shown["2"][:3], shown["10"][:3], shown["100"][:3]] == [
        ["10%", "5%", "20%"], ["50%", "40%", "60%"], ["80%", "70%", "90%"],
    ]  # fmt: skip


def test_no_band_without_known_bounds(whole: Record) -> None:
    figures = copy.deepcopy(dict(whole.figures))
    figures["curve_intervals"]["alarms_per_100_patient_days"] = [[None] * 3] * 4
    part = sections.operating(Record(whole.model, figures))
    assert 'class="band"' not in str(part)
    assert "shaded" not in str(part)
    assert len(rows_of(part)["10"]) == 2


def test_calibration_of_an_evaluation_has_no_groups_to_draw(whole: Record) -> None:
    figures = copy.deepcopy(dict(whole.figures))
    del figures["calibration"]["groups"]
    figures["calibration"]["observed_to_expected"] = 1.04
    part = reliability.calibration(Record(whole.model, figures))
    assert drawings(part) == []
    assert rows_of(part)["observed / expected"][0] == "1.04"


def test_guards_are_shown_without_a_checklist(whole: Record) -> None:
    guards = [{"guard": "tuning_patients", "level": "warning", "said": "one is shared", "cure": "tune elsewhere"}]
    figures = {**whole.figures, "pitfalls": [], "guards": guards}
    assert rows_of(robustness.pitfalls(Record(whole.model, figures)))["guard: tuning patients"] == [
        "▲ warn",
        "one is shared; tune elsewhere",
    ]


MAKERS = (
    patients.flow, patients.table_one, ranking.discrimination, reliability.calibration, reliability.distribution,
    benefit.decisions, benefit.alert_benefit, groups.subgroups, timelines.cases, robustness.stress, robustness.pitfalls,
)  # fmt: skip


@pytest.mark.parametrize("make", MAKERS, ids=lambda make: make.__name__)
def test_a_section_without_figures_is_left_out(make: Callable[[Record], Any], record: Record) -> None:
    assert make(Record(record.model, {"part": "held_out"})) is None


@pytest.mark.parametrize("name", ["table_one", "ranking", "groups", "stress", "cohort_flow"])
def test_numbers_that_could_not_be_computed_are_dashes(name: str, whole: Record) -> None:
    figures = copy.deepcopy(dict(whole.figures))
    figures[name] = nothing(figures[name], None)
    text = Reader(page(Record(whole.model, figures))).text
    assert "None" not in text
    assert "nan" not in text.lower().split()


def test_names_from_data_cannot_become_markup(whole: Record) -> None:
    attack = '</svg><script>alert("x")</script>'
    figures = copy.deepcopy(dict(whole.figures))
    figures["cases"][0]["stay"] = figures["groups"][1]["name"] = figures["stress"][1]["dropped"] = attack
    figures["pitfalls"][0]["reason"] = figures["table_one"][1]["name"] = figures["command"] = attack
    reader = Reader(page(Record(whole.model, figures)))
    assert "script" not in reader.names()
    assert reader.text.count('<script>alert("x")</script>') >= 6


def test_twin_is_plain_json_with_the_headline(whole: Record) -> None:
    found = json.loads(json.dumps(twin(whole)))
    assert found["figures"] == json.loads(json.dumps(dict(whole.figures)))
    assert found["in_words"][0].startswith("The model warned of")
    assert found["parity"]["onnx_step_bits"] == 0
    assert found["training_data"]["onsets"] == 30
