"""The guards as an evaluation asks them: what they find is told, and what they refuse stops it."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from tests.unit.flows.wards import write_ward
from vitals.alerting.evaluation import evaluate
from vitals.alerting.stays import Risks, patients_digest
from vitals.errors import SettingsError
from vitals.flows.evaluation import Judged, judge_model
from vitals.flows.guarding import at_prevalence, look_for_traps, refuse_tuning_patients
from vitals.spec.duration import Duration
from vitals.spec.policy import AlertPolicy
from vitals.spec.shipped import find_model


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> Judged:
    """A shipped model on sixty strangers, 24 of them with an onset after three hours."""
    path = tmp_path_factory.mktemp("guards") / "ward"
    write_ward(path, [f"p{i}" for i in range(60)], onsets=dict.fromkeys(range(24), 3))
    return judge_model(find_model("sepsis-vitals"), path, "all")


def levels(found: list[Any]) -> dict[str, str]:
    return {one.guard: one.level for one in found}


def test_an_evaluation_tells_what_each_guard_found(judged: Judged) -> None:
    told = {one["guard"]: one["level"] for one in judged.figures["guards"]}
    assert told.keys() == {
        "split_by_patient", "clock", "sampling", "tuning_patients", "hits_after_onset", "cadence",
    }  # fmt: skip
    assert told["sampling"] == "warning"  # 24 of 60
    assert told["split_by_patient"] == "ok"
    assert any(words.startswith("sampling: 40.0% of the stays") for words in judged.figures["warnings"])
    assert all(one["said"] for one in judged.figures["guards"])


def test_strangers_in_the_tuning_part_are_warned_of_and_acquaintances_refused(judged: Judged) -> None:
    assert judged.policy is not None
    assert (judged.study.part == "tuning").any()
    assert refuse_tuning_patients(judged.model, judged.study, judged.policy).level == "warning"
    acquainted: Any = SimpleNamespace(about={"cohort_digests": list(judged.study.cohorts)})
    with pytest.raises(SettingsError, match="tuned on patients it is to be judged by"):
        refuse_tuning_patients(acquainted, judged.study, judged.policy)
    held_out = judged.study.take("held_out")
    assert refuse_tuning_patients(acquainted, held_out, judged.policy).level == "ok"
    very = replace(judged.policy, tuned_on=patients_digest(held_out.subject_id))
    with pytest.raises(SettingsError, match="tuned on patients it is to be judged by"):
        refuse_tuning_patients(judged.model, held_out, very)


def look(judged: Judged, policy: AlertPolicy | None, **change: Any) -> dict[str, str]:
    whole = replace(judged.whole, **change)
    return levels(look_for_traps(judged.model, whole, judged.study, judged.risk, policy))


def test_traps_are_fallen_into(judged: Judged) -> None:
    assert look(judged, None).keys() == {"split_by_patient", "clock", "sampling"}
    minutes = AlertPolicy(threshold=0.5, cadence=Duration.parse("5min"))
    assert look(judged, minutes)["cadence"] == "warning"
    hours = (judged.study.rows.time - judged.study.admitted[judged.study.rows.bed]) / 3.6e9
    clock = look_for_traps(judged.model, judged.whole, judged.study, (hours / 100).astype(np.float32), None)
    assert levels(clock)["clock"] == "warning"
    shuffled = np.where(np.arange(60) % 2, "train", "held_out")
    with pytest.raises(SettingsError, match="in more than one part"):
        look(judged, None, part=shuffled, subject_id=np.repeat(judged.whole.subject_id[::2], 2))


def test_a_sample_is_weighted_to_the_prevalence_of_the_ward(judged: Judged) -> None:
    """At the sample's own prevalence nothing changes; where the event is rarer, precision falls and recall stays."""
    eager = AlertPolicy(threshold=0.0)
    own, rare = (at_prevalence(judged.model, judged.study, judged.risk, eager, share) for share in (0.4, 0.04))
    stays = judged.study.alert_stays()
    risks = Risks.of(judged.study.rows.bed, judged.study.rows.time, judged.risk)
    plain = evaluate(risks, stays, eager, judged.model.settings.alerting)
    assert own["precision"][0] == pytest.approx(plain.measure("precision"))
    assert rare["recall"][0] == own["recall"][0] == plain.measure("recall")
    true, false = plain.count("true"), plain.count("false")
    assert rare["precision"][0] == pytest.approx(true / (true + 16 * false))  # 24 · 0.96 / (0.04 · 36) = 16
    assert rare["precision"][1] <= rare["precision"][0] <= rare["precision"][2]
    with pytest.raises(SettingsError, match="a share between 0 and 1"):
        at_prevalence(judged.model, judged.study, judged.risk, eager, 4.0)
