"""All figures of a benchmark as plain tables, with the sentences and warnings that belong to them."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import vitals
from vitals.flows.benchmark_cohort import CHALLENGES, Ground
from vitals.flows.benchmark_files import read_facts, read_json, write_json
from vitals.flows.benchmark_lines import warnings_of
from vitals.flows.benchmark_plan import Line, Options, Plan
from vitals.flows.benchmark_truth import KNOWN
from vitals.report.benchmark_page import benchmark_markdown, benchmark_page
from vitals.report.published import published
from vitals.report.words import known, percent, score
from vitals.spec.settings import Settings

_TITLES = {
    "main": "Cross-validation by patient",
    "hospitals": "From one hospital to another",
    "inputs": "With less, and with the clock",
    "kinds": "Kinds of networks",
    "baselines": "Beside learners without a memory, and bedside scores",
    "ablations": "One setting changed",
}
_PACKAGES = ("numpy", "numba", "torch", "onnx", "onnxruntime", "scikit-learn")


def stem(quick: bool) -> str:
    """What the three files are called: those of a trial never take the place of those that count.

    Example:
        >>> stem(False), stem(True)
        ('benchmark', 'benchmark-quick')
    """
    return "benchmark-quick" if quick else "benchmark"


def summary(challenge: str, ground: Ground, settings: Settings, options: Options, plan: Plan) -> dict[str, Any]:
    """What was benchmarked, on which data, with what."""
    facts = [read_facts(ground.runs / run.name) for run in plan.runs]
    return {
        "challenge": challenge,
        "title": CHALLENGES[challenge].title,
        "rows": CHALLENGES[challenge].rows,
        "recipe": settings.name,
        "quick": options.quick,
        "folds": options.folds,
        "seeds": options.seeds,
        "parts": {"validation": KNOWN.validation, "tuning": KNOWN.tuning},
        "data": {name: ground.facts[name] for name in ("data_digest", "stays", "patients", "rows", "onsets", "sites")},
        "seconds": sum(one.get("seconds") or 0.0 for one in facts),
        "versions": {
            "vitals": vitals.__version__, "python": platform.python_version(),
            **{name: version(name) for name in _PACKAGES},
        },
        "published": published(challenge),
    }  # fmt: skip


def publish(
    out: Path, found: dict[str, Any], judged: Sequence[tuple[Line, dict[str, Any]]], failed: dict[str, str]
) -> dict[str, Any]:
    """Write the three files, with the other challenge's section where there is one.

    Args:
        out: the folder.
        found: what :func:`summary` gives.
        judged: lines with their figures.
        failed: why runs or lines failed, by name.

    Returns:
        Everything of this challenge, with the files written.
    """
    tables = [
        {"name": name, "title": title, "lines": [
            {"name": line.name, "runs": len(line.runs), "site": line.site, **figures}
            for line, figures in judged if line.table == name
        ]}
        for name, title in _TITLES.items()
    ]  # fmt: skip
    found |= {"tables": [table for table in tables if table["lines"]], "failed": failed}
    found["warnings"] = _warnings(found)
    found["headline"] = headline(found)
    page, text, results = (out / f"{stem(found['quick'])}.{ending}" for ending in ("html", "md", "json"))
    whole = read_json(results)
    whole[found["challenge"]] = found
    write_json(results, whole)
    whole = read_json(results)  # as a reader finds it: what is no number has become null
    text.write_text(benchmark_markdown(whole), "utf-8")
    page.write_text(benchmark_page(whole), "utf-8")
    return {**found, "files": [str(page), str(text), str(results)]}


def _warnings(found: dict[str, Any]) -> list[str]:
    told = [f"{name} was not finished: {why.strip().splitlines()[-1]}" for name, why in found["failed"].items()]
    if found["quick"]:
        told.insert(0, "A quick trial on a few stays with tiny networks: these figures mean nothing.")
    flagged = [
        words for table in found["tables"] for line in table["lines"] for words in warnings_of(line["name"], line)
    ]
    return told + list(dict.fromkeys(flagged))


def headline(found: dict[str, Any]) -> list[str]:
    """The main figures in sentences; what was not run is not said."""
    main: list[dict[str, Any]] = next((table["lines"] for table in found["tables"] if table["name"] == "main"), [])
    first = next((line for line in main if not _scored_otherwise(line["name"])), None)
    told = []
    if first is not None:
        told.append(_ranks(first))
        told += _beside_news2(first)
    clock = next((line for line in main if line["name"].startswith("the clock")), None)
    if clock is not None and "utility" in clock:
        told.append(
            f"Counting hours alone reaches a utility of {score(clock['utility'][0])}: what a leak would look like."
        )
    return told


def _scored_otherwise(name: str) -> bool:
    return name.startswith("the clock") or name in ("NEWS2", "MEWS", "qSOFA", "SIRS")


def _ranks(line: dict[str, Any]) -> str:
    words = f"{line['name']}: AUROC {score(line['auroc'][0])}, AUPRC {score(line['auprc'][0])}"
    utility = line.get("utility")
    if utility and known(utility[0]):
        words = (
            f"{line['name']}: utility {score(utility[0])} ({score(utility[1])} to {score(utility[2])}), "
            + words.partition(": ")[2]
        )
    return f"{words}, on {line['patients']:,} patients no run had seen."


def _beside_news2(line: dict[str, Any]) -> list[str]:
    alarms = line.get("alarms") or {}
    return [
        f"With no more alarms than NEWS2 ≥ {points} raises ({theirs['alarms_per_100_patient_days']:.0f} per 100 patient-days) it "
        f"warns of {percent(alarms[f'at_news2_{points}']['recall'][0])} of the onsets; NEWS2 of {percent(theirs['recall'][0])}."
        for points in (5, 7)
        if (theirs := alarms.get(f"news2_{points}"))
    ]  # fmt: skip
