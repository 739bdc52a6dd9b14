"""Laws 1, 2, 3, 5 and 7 on risks and alerts, from samples through a model file, for every kind of model."""

from __future__ import annotations

from concurrent.futures import Executor
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.laws.replaying import save
from tests.laws.running import join
from tests.laws.running import run as run_windowing
from tests.laws.scoring import Score, Trial, everything, finish, go_on, new_bedside, run, until
from tests.laws.test_bed import reordered
from tests.small import random_rows, small_network, small_settings
from tests.strategies import Ward, changed_futures, cuts, wards
from vitals.learning.export import export
from vitals.scoring.model import Model, read_model
from vitals.scoring.ward_step import score_rows
from vitals.spec.settings import Settings
from vitals.windowing.advance import advance
from vitals.windowing.types import Rows

# Every example runs a model for every kind; what aims at edges of windows and alerts is tested beside, without one.
few = settings(max_examples=max(10, settings().max_examples // 5))
PARITY = 1e-5


@st.composite
def cut_wards(draw: st.DrawFn, of: Settings) -> tuple[Ward, list[int]]:
    """A ward under the settings of a model, and where its stream is cut."""
    ward = draw(wards(settings=of))
    return ward, draw(cuts(ward))


def check_chunk(score: Score, case: tuple[Ward, list[int]], trial: Trial) -> None:
    """Law 1: cut anywhere, risks and alerts have the same bits."""
    ward, places = case
    whole, parts = run(score, trial, ward), run(score, trial, ward, places)
    for bed in range(len(ward.admitted)):
        assert everything(whole, bed) == everything(parts, bed)


def check_bed(score: Score, case: tuple[Ward, list[int]], trial: Trial) -> None:
    """Law 2: with other beds beside it, in another order, a bed has the same risks and alerts."""
    ward, order = case
    before, after = run(score, trial, ward), run(score, trial, reordered(ward, order))
    for place, bed in enumerate(order):
        assert everything(before, bed) == everything(after, place)


def check_causality(score: Score, case: tuple[Ward, int, Ward], trial: Trial) -> None:
    """Law 3: wards that are alike up to a time have the same risks and alerts up to that time."""
    ward, now, other = case
    one, two = run(score, trial, ward), run(score, trial, other)
    for bed in range(len(ward.admitted)):
        assert until(one, bed, now) == until(two, bed, now)


def check_replay(keep: Any, case: tuple[Ward, list[int], int], trial: Trial, other: Executor) -> None:
    """Law 5: stop, save, open the model in another process and go on: the same risks and alerts."""
    ward, places, stop = case
    calls = ward.calls(places)
    whole = run(score_rows, trial, ward, places)
    bedside = go_on(score_rows, trial, new_bedside(trial, ward.admitted), calls[:stop])
    hidden, alerting = keep(bedside.hidden, vars(bedside.alerting))
    later = other.submit(finish, trial.path, trial.policy, save(bedside.carry), hidden, alerting, calls[stop:]).result()
    for bed, after in enumerate(later):
        times, risks, alerts = everything(bedside, bed)
        assert everything(whole, bed) == (times + after[0], risks + after[1], alerts + after[2])


def four_ways(network: Any, model: Model, rows: Rows) -> list[np.ndarray[Any, Any]]:
    """Risks of the rows of one bed: PyTorch whole, PyTorch stepwise, ONNX Runtime whole, ONNX Runtime stepwise."""
    value, age = rows.value[None], rows.age[None]
    found: list[list[Any]] = [[], [], [], []]
    with torch.no_grad():
        for ways, steps in ((0, [slice(None)]), (1, [slice(t, t + 1) for t in range(len(rows))])):
            state, hidden = torch.zeros(1, network.hidden_size), model.initial_hidden(1)
            for step in steps:
                logit, state = network(torch.from_numpy(value[:, step]), torch.from_numpy(age[:, step]), state)
                risk, hidden = model.step(value[:, step], age[:, step], hidden)
                found[ways].append(network.risk(logit).numpy()[0])
                found[ways + 2].append(risk[0])
    return [np.concatenate(parts) for parts in found]


def check_parity(network: Any, ward: Ward, trial: Trial) -> None:
    """Law 7: the four ways agree, and the two of ONNX Runtime to the bit."""
    rows, _ = join(run_windowing(advance, ward))
    for bed in np.unique(rows.bed):
        of_bed = Rows(*(getattr(rows, name)[rows.bed == bed] for name in ("bed", "time", "value", "age", "reason")))
        torch_whole, torch_step, whole, step = four_ways(network, trial.model, of_bed)
        assert np.isfinite(whole).all(), "a risk that is no number"
        assert np.abs(torch_whole - whole).max() <= PARITY
        assert np.abs(torch_step - whole).max() <= PARITY
        assert whole.view(np.uint32).tolist() == step.view(np.uint32).tolist()


@few
@given(data=st.data())
def test_risks_do_not_depend_on_the_cut(trial: Trial, data: st.DataObject) -> None:
    check_chunk(score_rows, data.draw(cut_wards(trial.model.settings)), trial)


@few
@given(data=st.data())
def test_risks_do_not_depend_on_other_beds(trial: Trial, data: st.DataObject) -> None:
    ward = data.draw(wards(settings=trial.model.settings))
    check_bed(score_rows, (ward, data.draw(st.permutations(range(len(ward.admitted))))), trial)


@few
@given(data=st.data())
def test_risks_do_not_depend_on_the_future(trial: Trial, data: st.DataObject) -> None:
    check_causality(score_rows, data.draw(changed_futures(settings=trial.model.settings)), trial)


@few
@given(data=st.data())
def test_risks_after_a_restart(trial: Trial, data: st.DataObject, other_process: Executor) -> None:
    ward, places = data.draw(cut_wards(trial.model.settings))
    stop = data.draw(st.integers(0, len(ward.calls(places))))
    check_replay(lambda *kept: kept, (ward, places, stop), trial, other_process)


@few
@given(data=st.data())
def test_four_ways_to_a_risk_agree(trial: Trial, data: st.DataObject) -> None:
    check_parity(trial.network, data.draw(wards(settings=trial.model.settings)), trial)


def test_the_model_file_gives_back_its_settings(trial: Trial) -> None:
    """Law 9, through the file."""
    assert trial.model.settings == trial.settings


WARD = 251


def shipped_model(kind: str, width: int) -> Model:
    """A model as wide as a shipped one, with random weights."""
    tables = small_settings(kind).to_tables()
    shape = {"kind": kind, "embed": width, "hidden": width, "head": max(width // 2, 32), "attention_heads": 4}
    of = Settings.from_tables({**tables, "network": tables["network"] | shape})
    return read_model(export(small_network(of), of, {}))


@pytest.mark.parametrize("width", [32, 64, 128])
@pytest.mark.parametrize("kind", ["gru", "lstm", "grud", "tcn", "transformer", "boosting"])
def test_a_wide_model_scores_a_bed_alike_in_a_ward_of_any_size(kind: str, width: int) -> None:
    """Matrix products are cut into tiles by the number of beds; no tile may change a bit of a bed's risk."""
    model = shipped_model(kind, width)
    rows = random_rows(model.settings, [6] * WARD)
    risk = score_rows(model, model.initial_hidden(WARD), rows).reshape(WARD, 6).view(np.uint32)
    for beds in (1, 2, 3, 5, 7, 8, 9, 15, 16, 17, 31, 33, 100):
        for first in (0, WARD - beds):
            some = slice(6 * first, 6 * (first + beds))
            part = Rows(rows.bed[some] - first, rows.time[some], rows.value[some], rows.age[some], rows.reason[some])
            alone = score_rows(model, model.initial_hidden(beds), part).reshape(beds, 6).view(np.uint32)
            assert np.array_equal(alone, risk[first : first + beds]), f"{beds} beds"


# ---- sabotage --------------------------------------------------------------------------------------------------------


def forgets_between_calls(model: Model, hidden: Any, rows: Rows) -> Any:
    """The state is not carried on."""
    return score_rows(model, model.initial_hidden(len(hidden)), rows)


def looks_ahead(model: Model, hidden: Any, rows: Rows) -> Any:
    """A row is scored on the bed's next one, where it has come already."""
    nxt = np.minimum(np.arange(len(rows)) + 1, max(len(rows) - 1, 0))
    same = rows.bed[nxt] == rows.bed if len(rows) else np.zeros(0, bool)
    order = np.where(same, nxt, np.arange(len(rows)))
    return score_rows(model, hidden, Rows(rows.bed, rows.time, rows.value[order], rows.age[order], rows.reason))


def mixes_beds(model: Model, hidden: Any, rows: Rows) -> Any:
    """A gap is filled with what the rest of the ward has."""
    known = ~np.isnan(rows.value)
    mean = rows.value.sum(axis=0, where=known) / np.maximum(known.sum(axis=0), 1)
    value = np.where(known, rows.value, mean).astype(np.float32)
    age = np.where(known, rows.age, np.float32(0))
    return score_rows(model, hidden, Rows(rows.bed, rows.time, value, age, rows.reason))


def must_catch(check: Any, broken: Any, cases: st.SearchStrategy[Any], *rest: Any) -> None:
    """The checker raises for the broken function on some case of the law's own generator."""
    from tests.laws.test_sabotage import must_catch as catch

    catch(lambda function, case: check(function, case, *rest), broken, cases)


@pytest.mark.parametrize("trial", ["gru", "lstm 3h", "transformer 2 layers"], indirect=True)
def test_broken_scoring_is_caught(trial: Trial) -> None:
    of = trial.model.settings
    orders = wards(settings=of).flatmap(
        lambda ward: st.permutations(range(len(ward.admitted))).map(lambda order: (ward, order[:1]))
    )
    must_catch(check_chunk, forgets_between_calls, cut_wards(of), trial)
    must_catch(check_chunk, looks_ahead, cut_wards(of), trial)
    must_catch(check_causality, looks_ahead, changed_futures(settings=of), trial)
    must_catch(check_bed, mixes_beds, orders, trial)


def test_another_network_is_caught(trial: Trial) -> None:
    must_catch(check_parity, small_network(trial.model.settings, seed=2), wards(settings=trial.model.settings), trial)


def test_a_restart_without_the_state_is_caught(trial: Trial, other_process: Executor) -> None:
    of = trial.model.settings
    stopped = cut_wards(of).flatmap(
        lambda case: st.integers(0, len(case[0].calls(case[1]))).map(lambda stop: (*case, stop))
    )
    forgetful = lambda hidden, alerting: (np.zeros_like(hidden), alerting)  # noqa: E731
    must_catch(check_replay, forgetful, stopped, trial, other_process)
