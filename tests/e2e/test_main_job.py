"""The main job on a small simulated ward: train, export, tune, evaluate, replay, watch."""

from __future__ import annotations

import dataclasses
import io
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import vitals
from vitals.alerting.decide import AlertState, decide
from vitals.cohort.store import open_cohort
from vitals.errors import DataError, ModelError, SettingsError
from vitals.flows import demonstration
from vitals.flows.demonstration import differing_risks
from vitals.flows.scores import score_frame
from vitals.flows.watching import find_policy
from vitals.scoring.model import open_model
from vitals.spec.reader import plain, to_toml
from vitals.spec.settings import Settings
from vitals.spec.shipped import shipped_models
from vitals.ward.outputs import alert_id, policy_digest

BUDGET = "60/100pd"


def _settings() -> Settings:
    """The shipped ward settings, coarser and smaller, with parts large enough for a small ward."""
    tables = Settings.from_toml("settings/ward.toml").to_tables()
    tables["window"] |= {"step": "10min"}
    tables["network"] |= {"embed": 16, "hidden": 16, "head": 8}
    tables["training"] |= {"epochs": 4, "batch_stays": 16}
    tables["split"] = {"seed": 2, "train": 0.4, "validation": 0.2, "tuning": 0.2, "held_out": 0.2}
    return Settings.from_tables(tables)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A simulated cohort with a model trained, tuned and judged on it."""
    home = tmp_path_factory.mktemp("job")
    vitals.flows.simulate(home / "ward", beds=90, hours=24, seed=5)
    vitals.flows.train(_settings(), [home / "ward"], home / "model")
    vitals.flows.tune(home / "model", home / "ward", BUDGET)
    vitals.flows.evaluate(home / "model", home / "ward", "held_out")
    return home


@pytest.fixture(scope="module")
def output(home: Path) -> bytes:
    """What watch says to the replay of the whole cohort."""
    feed, out = io.BytesIO(), io.BytesIO()
    vitals.flows.replay(home / "ward", feed)
    feed.seek(0)
    vitals.flows.watch(home / "model", feed, out)
    return out.getvalue()


def test_the_folder_holds_what_it_should(home: Path) -> None:
    """Model, run, metrics, policy, report, card; nothing pickled."""
    names = {path.name for path in (home / "model").iterdir()}
    assert names >= {"model.onnx", "run.json", "metrics.json", "policy.toml", "report.html", "card.md", "card.json"}
    run, metrics = (json.loads((home / "model" / name).read_text()) for name in ("run.json", "metrics.json"))
    assert run["model_digest"] == open_model(home / "model").digest
    assert Settings.from_tables(run["settings"]) == _settings()
    assert metrics["parity"]["onnx_step_bits"] == 0
    assert metrics["parity"]["torch_onnx"] <= 1e-5
    assert metrics["left_out"].keys() >= {"late", "duplicate", "impossible"}
    assert metrics["evaluation"]["held_out"]["alerts"]["onsets"] > 0


def test_the_same_seed_gives_the_same_file(home: Path, tmp_path: Path) -> None:
    """Training again gives the same bytes."""
    vitals.flows.train(_settings(), [home / "ward"], tmp_path / "again")
    assert (tmp_path / "again" / "model.onnx").read_bytes() == (home / "model" / "model.onnx").read_bytes()


def test_live_risks_are_the_offline_ones(home: Path, output: bytes, tmp_path: Path) -> None:
    """Every row of score is a line of watch and the other way round, bit for bit, late and doubled samples included."""
    file = tmp_path / "output.ndjson"
    file.write_bytes(output)
    assert differing_risks(home / "model", home / "ward", file) == 0
    lines = output.splitlines(keepends=True)
    place = next(i for i, line in enumerate(lines) if b'"kind":"risk"' in line and b"null" not in line)
    changed = json.loads(lines[place])
    changed["risk"] = float(np.nextafter(np.float32(changed["risk"]), np.float32(1)))
    lines[place] = json.dumps(changed).encode() + b"\n"
    file.write_bytes(b"".join(lines))
    assert differing_risks(home / "model", home / "ward", file) == 1  # one bit in one risk is seen


def test_live_alerts_are_the_offline_ones_byte_for_byte(home: Path, output: bytes) -> None:
    """Alerts, held-back ones with their reason included, from decide folded over the offline risks."""
    model, policy = open_model(home / "model"), find_policy(home / "model")
    assert policy is not None
    risks = pd.DataFrame(score_frame(home / "model", home / "ward"))
    stays = open_cohort(home / "ward").stays["stay_id"].astype(str).tolist()
    bed = risks["stay_id"].astype(str).map({stay: i for i, stay in enumerate(stays)}).to_numpy(np.int32)
    time = risks["prediction_time"].dt.tz_localize(None).to_numpy().astype("datetime64[us]").astype(np.int64)
    _, due = decide(policy, AlertState.empty(len(stays)), bed, time, risks["risk"].to_numpy())
    expected = {
        (stays[bed[row]], int(time[row])): (outcome.suppressed_by, outcome.tier, float(risks["risk"].iloc[row]))
        for row, outcome in zip(due.row, map(_outcome, due.outcome), strict=True)
    }
    key = f"{model.digest}\0{policy_digest(policy)}"
    seen = {}
    for line in map(json.loads, output.splitlines()):
        if line["kind"] == "alert":
            at = int(np.datetime64(line["time"].rstrip("Z"), "us").astype(np.int64))
            seen[line["stay"], at] = (line["suppressed_by"], line["tier"], line["risk"])
            assert line["id"] == alert_id(key, line["stay"], at, line["tier"])
    assert seen == expected
    assert any(reason is None for reason, *_ in seen.values())
    assert any(reason is not None for reason, *_ in seen.values())


def _outcome(code: int):
    from vitals.alerting.decide import Outcome

    return Outcome(code)


def test_a_policy_is_not_judged_on_the_patients_it_was_tuned_on(home: Path) -> None:
    """A threshold chosen on a part says nothing when reported on it."""
    with pytest.raises(SettingsError, match="tuned"):
        vitals.flows.evaluate(home / "model", home / "ward", "tuning")


def test_a_policy_of_another_model_is_refused(home: Path, tmp_path: Path) -> None:
    """By evaluate and by watch."""
    policy = find_policy(home / "model")
    assert policy is not None
    other = tmp_path / "other.toml"
    other.write_text(to_toml(plain(dataclasses.replace(policy, model_digest="0" * 64))))
    with pytest.raises(ModelError, match="another model"):
        vitals.flows.evaluate(home / "model", home / "ward", "held_out", other)
    with pytest.raises(ModelError, match="another model"):
        vitals.flows.watch(home / "model", io.BytesIO(), io.BytesIO(), other)


def test_the_same_patients_twice_are_refused(home: Path) -> None:
    """A cohort given twice would put its patients in the data twice."""
    with pytest.raises(DataError, match="each in one cohort"):
        vitals.flows.train(_settings(), [home / "ward", home / "ward"], home / "twice")


def test_an_outcome_that_is_not_there_is_refused(home: Path) -> None:
    """The cure names the kinds that are."""
    tables = _settings().to_tables()
    tables["label"]["kind"] = "death"
    with pytest.raises(DataError, match=r"set \[label\] kind to one of: deterioration"):
        vitals.flows.train(Settings.from_tables(tables), [home / "ward"], home / "none")


def test_an_unknown_part_is_refused(home: Path) -> None:
    """The cure is the nearest part."""
    with pytest.raises(SettingsError, match='did you mean "held_out"'):
        vitals.flows.evaluate(home / "model", home / "ward", "heldout")


def test_training_does_not_overwrite_what_is_no_model(home: Path, tmp_path: Path) -> None:
    """A mistyped --out destroys nothing."""
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(SettingsError, match="no model folder"):
        vitals.flows.train(_settings(), [home / "ward"], tmp_path)
    assert (tmp_path / "thesis.txt").read_text() == "mine"


@pytest.mark.parametrize("with_stays", [True, False])
def test_a_plain_data_frame_is_scored_as_a_cohort_is(home: Path, with_stays: bool) -> None:
    """Stays given: the rows of score. Without them: those of a feed that sends no admissions."""
    cohort, model = open_cohort(home / "ward"), vitals.open_model(home / "model")
    frame = _samples(cohort)
    left_out = pytest.warns(UserWarning, match=r"samples left out: \d+ duplicate, \d+ impossible, \d+ late")
    if with_stays:
        with left_out:
            found = model.score(
                frame.sort_values("signal", kind="stable"), cohort.stays
            )  # as melting a table leaves it
        expected = score_frame(home / "model", home / "ward")
    else:
        with left_out:
            found = model.score(frame)
        expected = _watched_without_admissions(home, frame)
    assert list(found.columns) == ["stay_id", "prediction_time", "risk"]
    key = ["stay_id", "prediction_time"]
    one, two = (
        f.assign(stay_id=f.stay_id.astype(str), prediction_time=f.prediction_time.astype("datetime64[us]"))
        for f in (found, expected.assign(prediction_time=expected.prediction_time.dt.tz_localize(None)))
    )
    one, two = (f.sort_values(key).reset_index(drop=True)[[*key, "risk"]] for f in (one, two))
    pd.testing.assert_frame_equal(one, two, check_exact=True)


def _samples(cohort) -> pd.DataFrame:
    parts = []
    for samples in cohort.samples():
        stay = cohort.stays["stay_id"].astype(str).to_numpy()[samples.stay]
        signal = np.array(samples.names)[samples.signal]
        columns = {"stay_id": stay, "time": samples.time, "signal": signal, "value": samples.value}
        parts.append(pd.DataFrame({**columns, "arrival": samples.arrival}))
    return pd.concat(parts, ignore_index=True)


def _watched_without_admissions(home: Path, frame: pd.DataFrame) -> pd.DataFrame:
    lines = (
        json.dumps({"stay": s, "time": int(t), "signal": g, "value": float(v)}).encode()
        for s, t, g, v, _ in frame.sort_values("arrival", kind="stable").itertuples(index=False)
    )
    out = io.BytesIO()
    vitals.flows.watch(home / "model", io.BytesIO(b"\n".join(lines)), out)
    risks = [line for line in map(json.loads, out.getvalue().splitlines()) if line["kind"] == "risk"]
    return pd.DataFrame(
        {
            "stay_id": [line["stay"] for line in risks],
            "prediction_time": pd.to_datetime([line["time"] for line in risks]),
            "risk": np.array([np.nan if line["risk"] is None else line["risk"] for line in risks], np.float32),
        }
    )


@pytest.fixture
def small_demo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The demo with a small ward and small settings; where it goes."""
    settings = tmp_path / "ward.toml"
    tables = _settings().to_tables()
    tables["training"] |= {"epochs": 1}
    settings.write_text(to_toml(tables))
    for name, value in {"BEDS": 90, "HOURS": 24.0, "SEED": 5, "BUDGET": BUDGET}.items():
        monkeypatch.setattr(demonstration, name, value)
    monkeypatch.setattr(demonstration, "settings_file", lambda _: settings)
    return tmp_path / "demo"


def test_the_demo_lays_a_shipped_model_beside_its_own(small_demo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its figures and its parity, and that it was made for something else; nothing is written into its folder."""
    name, folder = next((name, folder) for name, folder in shipped_models().items() if name.startswith("sepsis"))
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    monkeypatch.setattr(demonstration, "SHIPPED", name)
    summary = vitals.flows.demo(small_demo)
    assert summary == json.loads((small_demo / "demo.json").read_text())
    found, words = summary["shipped"], " ".join(summary["headline"])
    assert found["model"] == name
    assert found["model_digest"] == open_model(folder).digest
    assert summary["risks_that_differ_offline"] == found["risks_that_differ_offline"] == 0
    assert 0 < found["risks_live"] < summary["risks_live"]  # hourly, and the whole ward
    assert found["patients"] > 60
    assert f"AUROC {found['step_auroc']:.2f} (NEWS2 {found['news2_step_auroc']:.2f})" in words
    assert "made for sepsis in adults in intensive care" in words
    assert "neither trained nor tuned for this ward" in words
    assert all(Path(file).exists() for file in summary["files"].values())
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_the_demo_does_without_a_shipped_model(small_demo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A checkout without models runs it too."""
    monkeypatch.setattr(demonstration, "shipped_models", dict)
    summary = vitals.flows.demo(small_demo)
    assert "shipped" not in summary
    assert len(summary["headline"]) == 5
    assert summary["risks_that_differ_offline"] == 0
