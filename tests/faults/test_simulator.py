"""A ward lives through faults of every kind in virtual time, and every law holds; the same seed gives the same bits."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.faults.kinds import KINDS, NONE, Faults
from tests.faults.patients import MINUTE
from tests.faults.simulator import POLICY, Outcome, Trial, simulate_faults, simulated_settings
from tests.live import model_folder

ROOT = Path(__file__).parents[2]
SMALL = Trial(seed=1, beds=3, hours=8, alone=1)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model with random weights."""
    return model_folder(tmp_path_factory.mktemp("model"), simulated_settings())


def of(folder: Path, **change: object) -> Outcome:
    """What comes of a trial like the small one."""
    return simulate_faults(Trial(**{**vars(SMALL), **change}), folder, POLICY)  # type: ignore[arg-type]


@pytest.mark.parametrize("numbered", [False, True], ids=["content", "seq"])
@pytest.mark.parametrize("seed", range(3))
def test_every_law_holds_whatever_goes_wrong(folder: Path, seed: int, numbered: bool) -> None:
    outcome = of(folder, seed=seed, beds=6, hours=12, numbered=numbered)
    assert outcome.deaths > 5
    assert min(outcome.compared.values()) > 20
    assert outcome.repeated > 0
    assert set(outcome.counts) >= {"late", "duplicate", "impossible"}
    assert ("gap_in_seq" in outcome.counts) == numbered


LEADS_TO = {
    "doubled": "duplicate", "late": "late", "garbled": "not_json", "impossible": "impossible", "ahead": "future",
    "link_lost": "gap_in_seq",
}  # fmt: skip
HARMLESS = {"crashes", "failures", "unsaid", "link_doubled", "overtaken"}
DEADLY = {"crashes", "failures", "unsaid"}


@pytest.fixture(scope="module")
def calm(folder: Path) -> dict[bool, Outcome]:
    """What comes of no faults, with and without numbers."""
    return {numbered: of(folder, faults=NONE, numbered=numbered) for numbered in (False, True)}


def test_every_law_holds_where_nobody_says_that_it_is_now(folder: Path) -> None:
    outcome = of(folder, beds=6, hours=12, running=False)
    assert not {"silent_bed", "stale_channel", "future"} & {*outcome.told, *outcome.counts}
    assert min(outcome.compared.values()) > 20


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_of_fault_alone(folder: Path, calm: dict[bool, Outcome], kind: str) -> None:
    """It leads to what it should lead to, and those that may change nothing change no bit."""
    usual, numbered = getattr(Faults(), kind), kind.startswith("link")
    often = min(0.1, 20 * usual) if usual < 1 else 5 * usual
    outcome = of(folder, faults=Faults(**{**vars(NONE), kind: often}), numbered=numbered)
    assert kind not in LEADS_TO or LEADS_TO[kind] in outcome.counts
    assert (outcome.deaths > 0) == (kind in DEADLY)
    assert (outcome.digest == calm[numbered].digest) == (kind in HARMLESS)


def test_without_faults_nothing_is_left_out(folder: Path) -> None:
    outcome = of(folder, faults=NONE)
    assert set(outcome.counts) <= {"late", "admitted_by_sample", "already_admitted"}  # of before the admission
    assert outcome.deaths == outcome.repeated == sum(outcome.disk.values()) == 0


def test_the_same_seed_gives_the_same_bits_in_any_process_and_another_seed_others(folder: Path) -> None:
    one = of(folder)
    assert of(folder) == one
    assert of(folder, seed=2).digest != one.digest
    code = (
        "import sys; from pathlib import Path; from tests.faults.simulator import *;"
        "trial = Trial(seed=1, beds=3, hours=8, alone=1);"
        "sys.stdout.write(simulate_faults(trial, Path(sys.argv[1]), POLICY).digest)"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONHASHSEED": "7"}
    ran = subprocess.run(
        [sys.executable, "-c", code, str(folder)], env=environment, cwd=ROOT, capture_output=True, check=True
    )
    assert ran.stdout.decode() == one.digest


def test_what_fails_says_how_to_see_it_again(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.faults.oracle.Oracle.closed", lambda _: [])
    with pytest.raises(AssertionError) as caught:
        of(folder, cadence=2 * MINUTE)
    assert "make soak SEED=1 BEDS=3 DAYS=0.333333 CADENCE=120 ALONE=1" in "".join(caught.value.__notes__)
