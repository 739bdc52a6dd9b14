"""What is run and what is printed, before anything runs."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from tests.unit.flows.challenge import random_truth
from vitals.bedside.risk import BEDSIDE_SCORES
from vitals.errors import SettingsError
from vitals.flows.benchmark_files import run_digest
from vitals.flows.benchmark_plan import FIRST, Options, Plan, Planner
from vitals.flows.benchmark_truth import folds_of, parts_of
from vitals.flows.benchmark_variants import ABLATIONS, BASELINES, BEDSIDE, KINDS, VITALS, switched
from vitals.learning.baselines import BASELINES as LEARNERS
from vitals.spec.settings import Settings
from vitals.spec.shipped import settings_file

RECIPE = Settings.from_toml(settings_file("sepsis-icu"))


GRU = ("gru", "lstm", "transformer")


def plan(options: Options | None = None, sites: tuple[str, ...] = ("A", "B"), **changed: object) -> Plan:
    return Planner(RECIPE, options or Options(**{"kinds": GRU, **changed}), "hourly").plan(sites)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "options", [Options(), Options(all_folds=True), Options(full=True), Options(seeds=1), Options(quick=True)]
)
def test_every_line_has_its_runs_and_every_run_serves_a_line(options: Options) -> None:
    found = plan(options)
    names = [run.name for run in found.runs]
    assert len(set(names)) == len(names)
    assert {name for line in found.lines for name in line.runs} == set(names)
    assert len({(line.table, line.name) for line in found.lines}) == len(found.lines)


def test_the_main_table_pools_all_folds_and_the_others_take_one() -> None:
    found = plan(folds=4)
    assert {len(line.runs) for line in found.lines if line.table == "main"} == {4}
    assert {len(line.runs) for line in found.lines if line.table in ("kinds", "inputs", "baselines", "ablations")} == {
        1
    }
    every = plan(folds=4, all_folds=True)
    assert {len(line.runs) for line in every.lines if line.table != "hospitals"} == {4}


def test_hospitals_are_asked_by_those_taught_elsewhere() -> None:
    lines = {line.name: line for line in plan(all_folds=True).lines if line.table == "hospitals"}
    assert list(lines) == ["all hospitals → A", "all hospitals → B", "A → A", "A → B", "B → A", "B → B"]
    assert lines["A → B"].site == "B"
    assert len(lines["A → B"].runs) == 1  # once: all patients of B
    assert len(lines["A → A"].runs) == 5
    assert all(name.startswith("from-A") for name in lines["A → A"].runs)
    assert not any(line.table == "hospitals" for line in plan(sites=("A",)).lines)


def test_hospitals_ask_the_parts_of_a_mixture_alone() -> None:
    found = plan(kinds=("gru+boosting",), seeds=2)
    lines = {line.name: line for line in found.lines if line.table == "hospitals"}
    pairs = ["A → A", "A → B", "B → A", "B → B"]
    words = ("", ", gru, 2 in one file", ", boosting, one network")
    assert [*lines][2:] == [pair + part for part in words for pair in pairs]
    runs = {run.name: run for run in found.runs}
    for name, kind, members in ((words[1], "gru", 2), (words[2], "boosting", 1)):
        line = lines["B → A" + name]
        shape = runs[line.runs[0]].settings.network
        assert (shape.kind, shape.members, shape.beside) == (kind, members, ())
        assert (runs[line.runs[0]].site, line.site) == ("B", "A")
    assert lines["B → A"].runs == ("from-B-gru+boosting2-signals-fold0",)


def test_trees_alone_have_no_settings_to_switch() -> None:
    """What is switched is switched in the first kind that learns in epochs."""
    first = {
        kinds: [line.name for line in plan(kinds=kinds).lines if line.table == "ablations"][:1]
        for kinds in (("boosting",), ("boosting", "lstm"), ("boosting+gru",))
    }
    assert first == {
        ("boosting",): [],
        ("boosting", "lstm"): ["the recipe as it is (lstm)"],
        ("boosting+gru",): ["the recipe as it is (gru)"],
    }


def test_variants_are_what_their_names_say() -> None:
    runs = {run.name: run.settings for run in plan().runs}
    assert set(runs["cv-gru3-vitals-fold0"].signals) == set(VITALS)
    assert runs["cv-gru3-vitals-fold0"].demographics == runs["cv-gru3-signals-fold0"].demographics
    assert runs["cv-gru3-signals-clock-fold0"].network.clock
    assert not runs["cv-gru3-signals-fold0"].network.clock
    assert runs["cv-gru3-signals-fold0"].network.members == 3
    assert runs["cv-transformer1-signals-fold0"].network.kind == "transformer"


@pytest.mark.parametrize("ablation", ABLATIONS, ids=lambda ablation: ablation.key)
def test_an_ablation_changes_one_setting_and_back(ablation: object) -> None:
    words, changed = switched(RECIPE, ablation)  # type: ignore[misc, arg-type]
    one, other = RECIPE.to_tables(), changed.to_tables()
    assert {name for name in one if one[name] != other[name]} == {ablation.section}  # type: ignore[attr-defined]
    again, back = switched(changed, ablation)  # type: ignore[misc, arg-type]
    assert {words.partition(" ")[0], again.partition(" ")[0]} == {"with", "without"}
    off, on = (changed, back) if words.startswith("without") else (back, changed)
    assert off.to_tables()[ablation.section][ablation.key] == ablation.off  # type: ignore[attr-defined]
    assert on != off


def test_several_kinds_in_one_file_are_one_word() -> None:
    mixed = dataclasses.replace(RECIPE, network=dataclasses.replace(RECIPE.network, kind="lstm", beside=("boosting",)))
    found = Planner(mixed, Options(seeds=2), "hourly").plan(("A", "B"))
    assert found.lines[0].name == "lstm+boosting, 3 in one file"
    runs = {run.name: run.settings.network for run in found.runs}
    main = runs["cv-lstm+boosting2-signals-fold0"]
    assert (main.kind, main.members, main.beside) == ("lstm", 2, ("boosting",))
    alone = runs["cv-lstm1-noise-fold0"]  # what is switched is learnt by the network alone
    assert (alone.kind, alone.beside) == ("lstm", ())
    kinds = [line.name for line in found.lines if line.table == "kinds"]
    assert kinds[:2] == ["lstm+boosting, 3 in one file", "lstm+boosting, 2 in one file"]
    assert len(kinds) == 2 + len(KINDS)


def test_a_setting_that_does_not_exist_is_no_ablation() -> None:
    assert switched(RECIPE, dataclasses.replace(ABLATIONS[0], key="nothing")) is None


def test_learners_are_those_that_exist() -> None:
    assert {*BASELINES, "clock"} == set(LEARNERS)
    assert set(BEDSIDE) == set(BEDSIDE_SCORES)


def test_the_clock_and_news2_are_never_left_out() -> None:
    found = plan()
    names = [run.name for run in found.chosen("cv-lstm*")]
    assert "cv-lstm1-signals-fold0" in names
    assert {run.learner for run in found.chosen("cv-lstm*")} == {"network", *FIRST}
    with pytest.raises(SettingsError, match="these are some: cv-"):
        found.chosen("nothing*")


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"kinds": ("gru", "lsmt")}, 'did you mean "lstm"'), ({"kinds": ("gru+bosting",)}, 'did you mean "boosting"'),
        ({"kinds": ("gru", "gru")}, "each once"), ({"folds": 1}, "--folds: came 1"), ({"seeds": 0}, "--seeds: came 0"),
        ({"processes": -1}, "--processes"),
    ],
)  # fmt: skip
def test_what_cannot_be_run_is_refused(changed: dict[str, object], words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        Options(**changed)  # type: ignore[arg-type]


def test_a_run_of_other_settings_or_stays_has_another_digest() -> None:
    run = plan().runs[-1]
    other = dataclasses.replace(run, settings=dataclasses.replace(run.settings, name="other"))
    digests = {
        run_digest(run, "one"),
        run_digest(run, "two"),
        run_digest(other, "one"),
        run_digest(dataclasses.replace(run, fold=3), "one"),
    }
    assert len(digests) == 4
    assert run_digest(run, "one") == run_digest(plan().runs[-1], "one")


def test_folds_hold_each_patient_once_and_parts_never_share_one() -> None:
    truth = random_truth(stays=600, patients=300)
    assert set(folds_of([f"x{i}" for i in range(500)], 5)) == {0, 1, 2, 3, 4}
    times = np.zeros(len(truth), int)
    for fold in range(3):
        part = parts_of(truth, None, fold)
        times += part == "held_out"
        groups = [set(truth.subject_id[part == name]) for name in ("train", "validation", "tuning", "held_out")]
        assert sum(map(len, groups)) == len(set(truth.subject_id))
        assert len(groups[1]) < len(groups[0])
    assert (times == 1).all()


def test_a_patient_known_at_home_is_not_judged_elsewhere() -> None:
    """Patients with a stay in either hospital: those of A that are known must not come back as judged ones of B."""
    truth = random_truth(stays=600, patients=299)  # odd: both hospitals see each of them
    part = parts_of(truth, "A", 0)
    known = set(truth.subject_id[np.isin(part, ("train", "validation", "tuning"))])
    assert known
    assert not known & set(truth.subject_id[part == "held_out"])
    assert (part == "left_out").any()
    assert set(truth.site[np.isin(part, ("train", "validation", "tuning"))]) == {"A"}
    disjoint = parts_of(random_truth(stays=600), "A", 0)
    assert "left_out" not in disjoint
