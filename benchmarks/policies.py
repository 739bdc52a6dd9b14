"""Tuning: 20,000 alert policies counted at once, against counting them one by one; and intervals for a whole curve.

    python benchmarks/policies.py [--data COHORT] [--risk model|news2|made-up] [--model MODEL] [--rounds 3]

The grid: 200 thresholds taken from the risks, 10 hystereses and 10 silences, one alert an episode (``below_clear``).
What is timed begins with risks and stays and ends with the counts of every policy. The others (plain Python, numpy over
all stays, a compiled loop for such policies alone, the package's own alert rule) are timed on some of the policies and
their seconds multiplied; on those policies every one must give the very counts of the grid. Then 1,000 resamples of patients for the curve of 100
thresholds of 20,000 stays: counts by patient, sums, and the bounds of recall, precision and burden.

Risks are those of a model or of NEWS2 (whose few levels are told apart by a little noise) for every hour of the 2019
challenge (of VITALS_DATA, imported first, or a cohort folder), or made up where there is neither.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path

import _timing  # first: it allows one thread
import numpy as np
from _folds import COUNTED, Prepared, all_of, prepare
from _timing import Spread

from vitals.alerting.bootstrap import resample
from vitals.alerting.curve import Ledger, OperatingCurve, Point
from vitals.alerting.measures import measure
from vitals.alerting.stays import Risks, Stays
from vitals.alerting.tune import at
from vitals.spec.policy import AlertPolicy
from vitals.spec.settings import HOUR, Alerting

ROOT = Path(__file__).parent.parent
SEARCH = Alerting(rearm=("below_clear",))
TRIED = {"plain Python": 2, "numpy over stays": 3, "compiled loop": 30, "the alert rule itself": 1}
THRESHOLDS = 200
RESAMPLED_STAYS, CURVE_POINTS, REPLICATES = 20_000, 100, 1_000
ASKED = {"grid": 1.0, "intervals": 5.0}


def made_up(stays: int, hours: int, seed: int = 7) -> tuple[Risks, Stays]:
    """Risks that wander, and rise before the onsets of one stay in fourteen."""
    rng = np.random.default_rng(seed)
    length = np.clip(rng.geometric(1 / hours, stays), 8, 10 * hours)
    stay = np.repeat(np.arange(stays), length)
    hour = np.arange(len(stay)) - np.repeat(np.cumsum(length) - length, length)
    logit = np.cumsum(rng.standard_normal(len(stay)) * 0.3)
    logit -= np.repeat(logit[np.cumsum(length) - length], length) + 2.5 + rng.standard_normal(stays)[stay]
    sick = np.flatnonzero(rng.random(stays) < 1 / 14)
    onset = np.full(stays, 10**6)
    onset[sick] = (length[sick] * rng.uniform(0.3, 1, len(sick))).astype(np.int64)
    logit += 2 * np.clip(1 - np.abs(onset[stay] - hour - 4) / 12, 0, 1)
    stays_of = Stays.of(np.arange(stays), np.zeros(stays), length * HOUR, sick, onset[sick] * HOUR)
    return Risks.of(stay, (hour + 1) * HOUR, 1 / (1 + np.exp(-logit))), stays_of


def of_cohort(cohort: Path, risk: str, model: Path) -> tuple[Risks, Stays]:
    """The risk of every hour of every stay."""
    from vitals.bedside.risk import bedside_risk
    from vitals.flows.study import open_study
    from vitals.scoring.model import open_model
    from vitals.scoring.ward_step import score_rows

    opened = open_model(model)
    study = open_study(opened.settings, [cohort])
    if risk == "model":
        values = score_rows(opened, opened.initial_hidden(len(study.stay_id)), study.rows).astype(np.float64)
    else:
        values = bedside_risk("news2", study.rows, opened.settings.channels).astype(np.float64)
        values = 0.95 * values + 0.04 * np.random.default_rng(7).random(len(values))
    return study.spells(values)


def real(source: Path, risk: str, model: Path) -> tuple[Risks, Stays]:
    """Both hospitals of the 2019 challenge, imported into a folder that is thrown away."""
    from vitals.flows.importing import import_challenge2019

    with tempfile.TemporaryDirectory() as folder:
        import_challenge2019(sorted(source.glob("hospital_*.parquet")) or [source], Path(folder) / "cohort")
        return of_cohort(Path(folder) / "cohort", risk, model)


def shapes() -> list[AlertPolicy]:
    """Every hysteresis with every silence."""
    return [
        AlertPolicy(1.0, clear=clear, silence=silence, rearm="below_clear")
        for clear in SEARCH.clear
        for silence in SEARCH.silence
    ]


def grid(risks: Risks, stays: Stays, thresholds: np.ndarray) -> list[OperatingCurve]:
    """What is measured: from risks to the counts of every policy."""
    return Ledger(risks, stays, SEARCH).curves(shapes(), thresholds)


def require_same(work: Prepared, thresholds: np.ndarray, curves: list[OperatingCurve]) -> dict[str, list[AlertPolicy]]:
    """Stop unless every way gives the counts of the grid; the policies it was asked for."""
    rng, forms, asked = np.random.default_rng(3), shapes(), {}
    for way, many in TRIED.items():
        chosen = list(zip(rng.integers(0, len(forms), many), rng.integers(0, len(thresholds), many), strict=True))
        asked[way] = [at(forms[i], float(thresholds[j])) for i, j in chosen]
        ours = np.array([curves[i].counts[j, : len(COUNTED)] for i, j in chosen])
        if not np.array_equal(all_of(way, work, asked[way]), ours):
            sys.exit(f"{way} counts otherwise than the grid: the comparison would mean nothing")
    return asked


def curve_intervals(ledger: Ledger, thresholds: np.ndarray) -> dict[str, np.ndarray]:
    """Bounds of 95 % for recall, precision and burden at every threshold, ``(2, T)`` each."""
    by_patient = ledger.by_patient(AlertPolicy(1.0), thresholds)
    sums = resample(by_patient.reshape(len(by_patient), -1), REPLICATES).reshape(REPLICATES, *by_patient.shape[1:])
    with np.errstate(all="ignore"):
        return {name: np.nanquantile(measure(name, sums), [0.025, 0.975], axis=0) for name in Point._fields[1:]}


def first_stays(risks: Risks, stays: Stays, many: int) -> tuple[Risks, Stays]:
    """The first of the stays alone."""
    keep = risks.stay < many
    columns = (
        stays.patient, stays.admitted, stays.discharged, stays.onset, stays.lost, stays.whole, stays.weight,
    )  # fmt: skip
    some = Stays(*(column[:many] for column in columns))
    return Risks(risks.stay[keep], risks.time[keep], risks.risk[keep]), some


def report(what: str, seconds: np.ndarray, asked: float) -> None:
    """One line: what was asked, what was measured, whether it holds."""
    spread = Spread.of(seconds)
    print(f"{what:44} asked < {asked:g} s, measured {spread} s: {'yes' if spread.median < asked else 'NO'}")


def measured(risks: Risks, stays: Stays, rounds: int) -> None:
    """Check that everybody counts the same, then time it."""
    ledger = Ledger(risks, stays, SEARCH)
    thresholds = ledger.thresholds()
    thresholds = thresholds[np.linspace(0, len(thresholds) - 1, min(THRESHOLDS, len(thresholds))).round().astype(int)]
    policies = len(shapes()) * len(thresholds)
    curves = grid(risks, stays, thresholds)
    work = prepare(risks, ledger.history)
    asked = require_same(work, thresholds, curves)
    print(f"{sum(map(len, asked.values()))} policies counted the other ways give the same counts")
    ways = {way: lambda way=way: all_of(way, work, asked[way]) for way in asked}
    parts = {"ready": lambda: Ledger(risks, stays, SEARCH), "counted": lambda: ledger.curves(shapes(), thresholds)}
    seconds = _timing.race({"grid": lambda: grid(risks, stays, thresholds), **parts, **ways}, rounds)
    report(f"{policies} policies over {len(risks)} scores", seconds["grid"], ASKED["grid"])
    print(f"{'of them making ready':28} {Spread.of(seconds['ready'])} s, counting {Spread.of(seconds['counted'])} s")
    for way, policies_of in asked.items():
        whole = seconds[way] * policies / len(policies_of)
        print(f"{way:28} {Spread.of(whole)} s, {Spread.of(whole / seconds['grid'])} times as long")
    some = Ledger(*first_stays(risks, stays, RESAMPLED_STAYS), SEARCH)
    few = some.thresholds()
    few = few[np.linspace(0, len(few) - 1, min(CURVE_POINTS, len(few))).round().astype(int)]
    seconds = _timing.race({"intervals": lambda: curve_intervals(some, few)}, rounds)
    what = f"{REPLICATES} resamples of {min(len(stays), RESAMPLED_STAYS)} stays, {len(few)} thresholds"
    report(what, seconds["intervals"], ASKED["intervals"])


def main(arguments: list[str] | None = None) -> None:
    """Find risks, then measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, metavar="COHORT", help="a cohort folder instead of both hospitals")
    parser.add_argument("--risk", choices=["model", "news2", "made-up"], default="model")
    parser.add_argument("--model", type=Path, default=ROOT / "models" / "sepsis-icu")
    parser.add_argument("--stays", type=int, default=32_000, help="made up")
    parser.add_argument("--hours", type=int, default=40, help="of a made-up stay, on average")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args(arguments)
    source = Path(os.environ.get("VITALS_DATA") or ROOT.parent / "shared" / "data") / "challenge2019"
    risk = options.risk
    if not (options.model.exists() and (options.data or source.is_dir())):
        risk = "made-up"
    if risk == "made-up":
        risks, stays = made_up(options.stays, options.hours)
    elif options.data:
        risks, stays = of_cohort(options.data, risk, options.model)
    else:
        risks, stays = real(source, risk, options.model)
    name = f"the model {options.model.name}" if risk == "model" else risk
    print(f"risks: {name}; {len(stays)} stays, {len(risks)} scores, {int(stays.has_onset.sum())} with an onset")
    measured(risks, stays, options.rounds)


if __name__ == "__main__":
    main()
