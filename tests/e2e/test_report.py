"""The report of a small simulated ward: one page that asks nobody for anything, and a twin that holds its numbers."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.examples import example_names
from vitals.alerting import guards
from vitals.cli.main import main
from vitals.cohort.store import open_cohort, write_cohort
from vitals.errors import SettingsError
from vitals.flows.evaluation import judge_model
from vitals.flows.importing import import_challenge2019
from vitals.flows.report_cohort import table_one
from vitals.flows.report_evidence import Evidence
from vitals.flows.report_groups import group_figures
from vitals.flows.report_pitfalls import pitfall_figures
from vitals.flows.report_stress import without
from vitals.flows.reporting import report_model
from vitals.flows.scores import score_frame
from vitals.flows.simulation import simulate_cohort
from vitals.labelling.labels import NO_ONSET
from vitals.report.charts import BURDENS
from vitals.report.words import known, number, percent, score
from vitals.scoring.ward_step import score_rows
from vitals.spec.duration import Duration
from vitals.spec.shipped import find_model

NUMBER = re.compile(r"[+−-]?\d[\d,]*(?:\.\d+)?(?:e-?\d+)?%?")
SECTIONS = (
    "Cohort flow", "Table 1", "Discrimination", "What each alarm burden buys", "Alerts", "How early", "Calibration",
    "Risks of each class", "Decision curve", "Net benefit of the alerts", "Subgroups", "Sites", "Cases", "Missing inputs",
    "Pitfalls", "To get these figures again",
)  # fmt: skip


class Page(HTMLParser):
    """Tags with their attributes, and the cells of all tables outside the footer."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.cells: list[str] = []
        self.within: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag != "meta":
            self.within.append(tag)
        if tag == "td" or (tag == "th" and dict(attrs).get("scope") == "row"):
            self.cells.append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.within.pop() == tag

    def handle_data(self, data: str) -> None:
        if {"td", "th"} & set(self.within) and "tbody" in self.within and "footer" not in self.within:
            self.cells[-1] += data


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ward, a model trained and tuned on it, and another ward with enough patients to judge all of it."""
    home = tmp_path_factory.mktemp("report")
    example_names(home)
    simulate_cohort(home / "other", beds=90, hours=24, seed=6)
    return home


@pytest.fixture(scope="module")
def told(home: Path) -> dict[str, Any]:
    """What the flow gave back; the files lie in ``home``."""
    return report_model(home / "model", home / "other", home / "report.html", "all")


@pytest.fixture(scope="module")
def text(home: Path, told: dict[str, Any]) -> str:
    assert [Path(file).name for file in told["files"]] == ["report.html", "report.json"]
    return (home / "report.html").read_text("utf-8")


@pytest.fixture(scope="module")
def evidence(home: Path) -> Evidence:
    return Evidence(judge_model(home / "model", home / "other", "all"), open_cohort(home / "other"))


def test_holds_every_section_and_the_notice(text: str) -> None:
    headings = re.findall(r"<h2>(.*?)</h2>", text)
    assert [heading for heading in headings if heading in SECTIONS] == list(SECTIONS)
    assert "Research use only: not a medical device." in text


def test_of_few_patients_little_is_said(home: Path, tmp_path: Path) -> None:
    told = report_model(home / "model", home / "ward", tmp_path / "few.html")
    text = (tmp_path / "few.html").read_text("utf-8")
    assert told["calibration"] == {}
    assert told["ranking"]["step"]["auroc"] is None
    assert "Calibration is not given" in text
    assert "<td>fewer than 10 patients</td>" in text
    assert "<td>&lt;10</td>" in text
    assert "None" not in text


def test_is_one_small_file_that_fetches_nothing(home: Path, text: str) -> None:
    assert (home / "report.html").stat().st_size < 1_000_000
    page = Page(text)
    assert {"script", "link", "img", "iframe", "object", "base", "form"}.isdisjoint(tag for tag, _ in page.tags)
    attributes = [(name, value) for _, attrs in page.tags for name, value in attrs.items()]
    assert all(value and value.startswith("#") for name, value in attributes if name in ("href", "src", "srcset"))
    assert not [name for name, _ in attributes if name.startswith("on")]
    assert re.findall(r"https?://[^\"\s]+", text.replace("http://www.w3.org/2000/svg", "")) == []
    assert "url(" not in text
    assert "@import" not in text


def test_contents_lead_to_sections(text: str) -> None:
    tags = Page(text).tags
    links = [str(attrs["href"])[1:] for tag, attrs in tags if tag == "a"]
    assert len(links) > 12
    assert set(links) <= {str(attrs.get("id")) for _, attrs in tags}
    assert len(set(links)) == len(links)


def test_every_figure_has_alt_text_and_its_numbers(text: str) -> None:
    figures = re.findall(r"<figure>(.*?)</figure>", text, re.DOTALL)
    assert len(figures) >= 10
    for drawing in figures:
        assert re.search(r'role="img" aria-label="[^"]{20,}"', drawing)
        assert re.search(r"<details><summary>.*?</summary>.*<td>", drawing, re.DOTALL)


def numbers_of(value: Any) -> Iterator[float]:
    """Every number in nested tables, those inside texts too."""
    if isinstance(value, dict):
        for item in value.values():
            yield from numbers_of(item)
    elif isinstance(value, list):
        for item in value:
            yield from numbers_of(item)
    elif isinstance(value, str):
        yield from (float(word.replace(",", "")) for word in re.findall(r"\d[\d,]*(?:\.\d+)?", value))
    elif known(value):
        yield float(value)


def written(value: float) -> set[str]:
    """How a number may stand in a table, without its sign."""
    forms = {number(value), number(value, 2), number(value, 4), percent(value), score(value), f"{value:.2g}"}
    forms |= {number(round(value, 3)), number(round(100 * value, 3))}
    return {form.lstrip("+-−") for form in forms}


def test_the_twin_holds_every_number_of_the_tables(home: Path, text: str) -> None:
    twin = json.loads((home / "report.json").read_text("utf-8"))
    there = {form for value in set(numbers_of(twin)) for form in written(value)} | {str(burden) for burden in BURDENS}
    cells = [cell for cell in Page(text).cells if not re.search(r"[A-Za-z]{3,}", cell)]
    shown = {word.lstrip("+-−") for cell in cells for word in NUMBER.findall(cell)}
    assert len(shown) > 200
    assert sorted(shown - there) == []


def test_the_twin_is_what_the_flow_gave(home: Path, told: dict[str, Any]) -> None:
    twin = json.loads((home / "report.json").read_text("utf-8"))
    assert twin["figures"]["alerts"]["recall"] == told["alerts"]["recall"]
    assert twin["figures"]["cohort_flow"] == told["cohort_flow"]
    assert twin["in_words"]
    assert twin["provenance"]["command"].startswith("vitals report ")


def test_nothing_is_written_into_the_model_folder(home: Path, told: dict[str, Any]) -> None:
    assert told
    assert not (home / "model" / "report.html").exists()


def test_the_flow_adds_up(told: dict[str, Any]) -> None:
    flow, alerts = told["cohort_flow"], told["alerts"]
    assert flow["cohort_stays"] == flow["stays"] + flow["other_parts"]
    assert flow["stays"] == flow["with_onset"] + flow["without_onset"]
    assert flow["onsets"] == flow["predictable"] + flow["unpredictable"] == alerts["onsets"] >= flow["with_onset"]
    assert flow["predictable"] == alerts["predictable_onsets"]
    assert alerts["amber_alerts"] + alerts["red_alerts"] == alerts["alerts"]


def test_cases_are_what_they_are_called(told: dict[str, Any], evidence: Evidence) -> None:
    stays = {name: i for i, name in enumerate(evidence.judged.study.stay_id)}
    lead_max = evidence.judged.model.settings.alerting.lead_max.hours
    kinds = [case["kind"] for case in told["cases"]]
    assert kinds == sorted(kinds, key=["missed", "false alarms", "caught"].index)
    assert 1 <= len(kinds) <= 6
    for case in told["cases"]:
        onset = case["onset"]
        assert (onset is not None) == bool(evidence.stays.has_onset[stays[case["stay"]]])
        early, late = (0.0, -1.0) if onset is None else (onset - lead_max - 1e-3, onset + 1e-3)
        in_time = [alert["hour"] for alert in case["alerts"] if early <= alert["hour"] <= late]
        assert bool(in_time) == (case["kind"] == "caught")
        assert bool(case["alerts"]) or case["kind"] == "missed"


def test_a_group_of_everybody_is_the_whole(evidence: Evidence) -> None:
    everybody = Evidence(evidence.judged, evidence.cohort)
    everybody.__dict__["frame"] = pd.DataFrame({"site": ["here"] * len(evidence.stays)})
    (group,) = group_figures(everybody)
    whole = evidence.judged.figures
    if evidence.stays.has_onset.sum() < 10:
        assert group["shown"] is False
        assert not {"recall", "onsets", "step_auroc"} & set(group)
    else:
        assert group["recall"] == pytest.approx(whole["alerts"]["intervals"]["recall"])
        assert group["step_auroc"][0] == pytest.approx(whole["step_auroc"])


def test_no_difference_tells_the_onsets_of_a_small_group(evidence: Evidence) -> None:
    some = Evidence(evidence.judged, evidence.cohort)
    with_onset = np.flatnonzero(evidence.stays.has_onset)
    sites = np.full(len(evidence.stays), "large")
    sites[with_onset[:3]] = "small"
    some.__dict__["frame"] = pd.DataFrame({"site": sites})
    large, small = group_figures(some)
    assert (large["shown"], large["onsets"], small["shown"]) == (True, None, False)
    assert "onsets" not in small
    assert large["recall"][0] is not None


def test_a_dropped_signal_is_one_that_never_came(home: Path, tmp_path: Path) -> None:
    """The stress test against the honest way: a cohort from which the samples were taken away, scored from the start."""
    cohort, judged = open_cohort(home / "ward"), judge_model(home / "model", home / "ward")
    names = cohort.stays["stay_id"].astype(str).to_numpy()
    frames = [
        pd.DataFrame(
            {
                "stay_id": names[part.stay], "time": part.time, "signal": np.array(part.names)[part.signal],
                "value": part.value, **({} if part.arrival is None else {"arrival": part.arrival}),
            }
        )
        for part in cohort.samples()
    ]  # fmt: skip
    events = pd.concat(frames, ignore_index=True)
    left = events[events["signal"] != "spo2"]
    assert 0 < len(left) < len(events)
    bare = cohort.stays.drop(columns="samples")
    write_cohort(tmp_path / "c", left, bare, cohort.outcomes, source="-", licence="-", onset_slack=cohort.onset_slack)
    honest = score_frame(home / "model", tmp_path / "c")
    mine = honest[honest["stay_id"].isin(judged.study.stay_id)]["risk"].to_numpy(np.float32)
    rows = without(judged.model.settings, judged.study.rows, ["spo2"])
    quick = score_rows(judged.model, judged.model.initial_hidden(len(judged.study.stay_id)), rows)
    assert np.array_equal(mine, quick, equal_nan=True)
    assert not np.array_equal(quick, judged.risk, equal_nan=True)


def results(evidence: Evidence) -> dict[str, str]:
    return {one["pitfall"]: one["result"] for one in pitfall_figures(evidence)}


def test_the_checklist_sees_a_trap_that_is_set(evidence: Evidence) -> None:
    judged = evidence.judged
    before = results(evidence)
    assert len(before) == 14
    assert set(before.values()) <= {"pass", "warn", "not applicable", "not known"}
    clock = guards.clock(judged.judgement.risks, judged.judgement.spells, uses_clock=True)
    assert judged.policy is not None
    careless = guards.cadence(replace(judged.policy, cadence=Duration.parse("3h")), judged.judgement.risks)
    told = [clock.to_dict(), careless.to_dict()]
    others = [one for one in judged.figures["guards"] if one["guard"] not in {"clock", "cadence"}]
    figures = {**judged.figures, "guards": [*others, *told], "observed_to_expected": 0.4}
    after = results(Evidence(replace(judged, figures=figures), evidence.cohort))
    turned = {name for name in before if (before[name], after[name]) == ("pass", "warn")}
    assert turned >= {"the clock in place of the patient", "another cadence than the policy was tuned for"}
    assert after["class weights or oversampling"] == "warn"


def test_table_one_hides_few_patients_and_what_would_tell_them(evidence: Evidence) -> None:
    some = Evidence(evidence.judged, evidence.cohort)
    has = np.zeros(len(evidence.stays), bool)
    has[:20] = True
    onset = np.where(has, evidence.stays.admitted + 1, NO_ONSET)
    some.__dict__["stays"] = replace(evidence.stays, onset=onset, patient=np.arange(len(has)))
    sites = np.where(np.arange(len(has)) < 9, "small", "large")
    some.__dict__["frame"] = evidence.frame.assign(site=sites).drop(columns="sex", errors="ignore")
    rows = {row["name"]: row for row in table_one(some)}
    assert rows["site: small"] == {
        "name": "site: small", "kind": "share", "all": [9, 9 / len(has)], "with_onset": ["<10", None],
        "without_onset": [None, None],
    }  # fmt: skip
    assert rows["site: large"]["with_onset"] == [None, None]  # 20 less it would be 9
    assert rows["stays"]["with_onset"] == [20]
    some.__dict__["stays"] = replace(evidence.stays, onset=onset, patient=np.arange(len(has)) // 3)
    rows = {row["name"]: row for row in table_one(some)}
    assert rows["stays"]["with_onset"] == ["<10"]  # 20 stays of seven patients
    assert rows["onset, hours after admission"]["all"] == [None, None, None]


def test_lost_stays_are_seen(evidence: Evidence) -> None:
    lost = Evidence(evidence.judged, evidence.cohort)
    before = results(lost)["records that end too early"]
    ended = np.array(["lost"] * len(evidence.stays), object)
    known = replace(evidence.judged, study=replace(evidence.judged.study, ended=ended))
    assert before == "not known"
    assert results(Evidence(known, evidence.cohort))["records that end too early"] == "pass"


def test_without_a_policy_there_is_a_report_too(home: Path, tmp_path: Path) -> None:
    shutil.copytree(home / "model", tmp_path / "model")
    (tmp_path / "model" / "policy.toml").unlink()
    told = report_model(tmp_path / "model", home / "other", tmp_path / "report.html", "all")
    text = (tmp_path / "report.html").read_text("utf-8")
    assert not {"alerts", "alert_net_benefit"} & set(told)
    assert told["cases"] == []
    assert "No alert policy was given" in text
    assert "<h2>Calibration</h2>" in text
    assert "<h2>Cases</h2>" not in text


@pytest.mark.parametrize("with_policy", [True, False])
def test_a_sample_is_weighted_or_its_figures_are_withheld(home: Path, tmp_path: Path, with_policy: bool) -> None:
    model = tmp_path / "model"
    shutil.copytree(home / "model", model)
    if not with_policy:
        (model / "policy.toml").unlink()
    reports = {}
    for name, given in (("weighted", 0.05), ("unknown", "unknown")):
        report_model(model, home / "other", tmp_path / f"{name}.html", "all", prevalence=given)
        text = (tmp_path / f"{name}.html").read_text("utf-8")
        assert "These stays are a sample" in text
        assert "None" not in text
        assert "<h2>Calibration</h2>" not in text
        assert ("<h2>What each alarm burden buys</h2>" in text) == (with_policy and name == "weighted")
        reports[name] = json.loads((tmp_path / f"{name}.json").read_text("utf-8"))["figures"]
    assert reports["weighted"]["prevalence_given"] == 0.05
    assert reports["weighted"]["calibration"] == {}
    assert reports["unknown"]["observed_to_expected"] is None
    if with_policy:
        assert reports["weighted"]["alerts"]["precision"] is not None
        unknown = reports["unknown"]
        assert unknown["alerts"]["recall"] == reports["weighted"]["alerts"]["recall"] is not None
        assert set(figures_called("precision", unknown)) == {None}
        assert set(figures_called("alarms_per_100_patient_days", unknown)) == {None}


def figures_called(name: str, value: Any) -> Iterator[Any]:
    """Every number that stands under a name, however deep."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from flat(item) if key == name else figures_called(name, item)
    elif isinstance(value, list):
        for item in value:
            yield from figures_called(name, item)


def flat(value: Any) -> Iterator[Any]:
    if isinstance(value, list):
        for item in value:
            yield from flat(item)
    else:
        yield value


def test_the_band_is_that_of_the_curve(told: dict[str, Any], text: str) -> None:
    found = told["curve_intervals"]
    assert len(found["threshold"]) == len(found["recall"]) > 20
    assert all(low <= value <= high for value, low, high in found["recall"])
    assert any(low < value < high for value, low, high in found["recall"])
    assert text.count('class="band"') == 1


def test_a_report_is_an_html_file(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SettingsError, match=r"ends in \.html"):
        report_model(home / "model", home / "ward", home / "report.txt")
    command = ["report", str(home / "model"), "--data", str(home / "ward"), "--out", str(home / "report.txt"), "--json"]
    assert main(command) == 1
    assert json.loads(capsys.readouterr().out)["error"]["kind"] == "SettingsError"


def browse(page: Path, profile: Path) -> subprocess.CompletedProcess[str]:
    """What a real browser makes of a page, and what it says while doing so."""
    browser = shutil.which("chromium") or shutil.which("chromium-browser")
    if browser is None:
        pytest.skip("no Chromium on this machine")
    options = ("--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr", "--virtual-time-budget=2000")
    command = [browser, *options, f"--user-data-dir={profile}", "--dump-dom", page.as_uri()]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, check=True)


def test_a_browser_finds_nothing_to_complain_of(home: Path, text: str, tmp_path: Path) -> None:
    shown = browse(home / "report.html", tmp_path)
    assert shown.stdout.count("<svg") == text.count("<svg") > 10
    assert [line for line in shown.stderr.splitlines() if "CONSOLE" in line] == []


def test_the_shipped_model_is_reported_on_patients_it_never_saw(vitals_data: Path, tmp_path: Path) -> None:
    """The page of ``sepsis-icu`` on the held-out patients of both hospitals, in a browser; its figures are the card's."""
    sources = sorted((vitals_data / "challenge2019").glob("hospital_*.parquet"))
    import_challenge2019(sources, tmp_path / "icu")
    told = report_model(find_model("sepsis-icu"), tmp_path / "icu", tmp_path / "report.html")
    card = json.loads((find_model("sepsis-icu") / "card.json").read_text("utf-8"))["evaluation"]
    for name in ("recall", "precision", "alarms_per_100_patient_days"):
        assert told["alerts"][name] == card["alerts"][name], name
    page = (tmp_path / "report.html").read_text("utf-8")
    assert len(page.encode()) < 1_000_000
    asked = [
        value for _, given in Page(page).tags for name, value in given.items() if name in ("src", "href", "srcset")
    ]
    assert [value for value in asked if value and not value.startswith("#")] == []
    shown = browse(tmp_path / "report.html", tmp_path / "profile")
    assert shown.stdout.count("<svg") == page.count("<svg") > 10
    assert [line for line in shown.stderr.splitlines() if "CONSOLE" in line] == []
