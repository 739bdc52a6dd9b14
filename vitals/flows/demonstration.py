"""The main job from nothing: simulate a ward, train, tune, evaluate, then replay the ward as a live feed and compare."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np

from vitals.cohort.store import open_cohort
from vitals.errors import SettingsError
from vitals.flows.elsewhere import judge_elsewhere
from vitals.flows.evaluation import evaluate_model
from vitals.flows.replaying import replay
from vitals.flows.scores import scored_blocks
from vitals.flows.simulation import simulate_cohort
from vitals.flows.training import train
from vitals.flows.tuning import tune_model
from vitals.flows.watching import watch
from vitals.flows.writing import as_json
from vitals.scoring.model import open_model
from vitals.spec.settings import Settings
from vitals.spec.shipped import settings_file, shipped_models

Progress = Callable[[int, int, str], None]
BEDS, HOURS, SEED = 900, 36.0, 7
BUDGET = "15/100pd"
SHIPPED = "sepsis-vitals"
_MADE_FOR = "sepsis in adults in intensive care (2019 challenge)"
_MARK = "demo.json"


def demo(out: Path, progress: Progress | None = None) -> dict[str, Any]:
    """Run the main job on a simulated ward.

    Args:
        out: the folder to write: cohort, model with report and card, feed, alerts and summary.
        progress: told what is being done.

    Returns:
        One screen: event recall at the alarm budget with its interval, NEWS2 beside it, alarms per 100 patient-days,
        median lead time, offline/online parity, what a shipped model makes of the same ward, and the files written.

    Raises:
        SettingsError: ``out`` holds something that is no former demo.

    Example:
        >>> demo(Path("/tmp/ward"))  # doctest: +SKIP
    """
    if out.is_file() or (out.is_dir() and any(out.iterdir()) and not (out / _MARK).is_file()):
        raise SettingsError(f"--out {out}", "a folder with other things in it", "a new folder", "choose another name")
    out.mkdir(parents=True, exist_ok=True)
    (out / _MARK).write_bytes(as_json({"state": "not finished"}))
    ward, model, feed, output = (out / name for name in ("ward", "model", "feed.ndjson", "output.ndjson"))
    simulate_cohort(ward, BEDS, HOURS, SEED, progress)
    settings = Settings.from_toml(settings_file("ward.toml"))
    trained = train(settings, [ward], model, progress)
    tuned = tune_model(model, ward, BUDGET, progress)
    judged = evaluate_model(model, ward, "held_out", progress=progress)
    with feed.open("wb") as lines:
        replay(ward, lines)
    live = _watch(model, feed, output, progress)
    differing = differing_risks(model, ward, output)
    alerts = _alerts(output, out / "alerts.ndjson")
    files = {
        "cohort": ward, "model": model, "report": model / "report.html", "card": model / "card.md",
        "policy": model / "policy.toml", "feed": feed, "alerts": out / "alerts.ndjson", "output": output,
    }  # fmt: skip
    summary = _summary(trained, tuned, judged, live, differing, alerts)
    if SHIPPED in shipped_models():
        files["shipped_output"] = out / f"{SHIPPED}.ndjson"
        summary["shipped"] = shipped_on_ward(
            shipped_models()[SHIPPED], ward, settings, feed, files["shipped_output"], progress
        )
        summary["headline"] += shipped_words(summary["shipped"])
    summary["files"] = {name: str(path) for name, path in files.items()}
    (out / _MARK).write_bytes(as_json(summary))
    return summary


def shipped_on_ward(
    model: Path, ward: Path, question: Settings, feed: Path, output: Path, progress: Progress | None = None
) -> dict[str, Any]:
    """What a model that was made for other patients makes of the ward: its ranking, and its parity on the same feed.

    Args:
        model: the model folder.
        ward: the cohort folder.
        question: the ward's settings: its outcome and the alarms that count.
        feed: the replay of the cohort.
        output: takes what the model says to the feed.
        progress: told what is being done.

    Returns:
        The figures of :func:`vitals.flows.elsewhere.judge_elsewhere`, the live risks, and how many of them differ.
    """
    found = judge_elsewhere(model, ward, question, progress)
    live = _watch(model, feed, output, progress)
    differing = differing_risks(model, ward, output)
    return {"model": model.name, **found, "risks_live": live["risks"], "risks_that_differ_offline": differing}


def shipped_words(found: dict[str, Any]) -> list[str]:
    """The lines of the demo's screen about the shipped model."""
    return [
        f"For comparison the shipped {found['model']}, made for {_MADE_FOR}, neither trained nor tuned for this ward "
        f"(all {found['patients']} patients):",
        f"  hourly AUROC {found['step_auroc']:.2f} (NEWS2 {found['news2_step_auroc']:.2f}); at the alarms of NEWS2 of 5 or more "
        f"it catches {found['recall_at_news2_burden']:.0%} (NEWS2 {found['news2_recall']:.0%}); "
        f"{found['risks_that_differ_offline']} of {found['risks_live']:,} risks differ live",
    ]


def _watch(model: Path, feed: Path, output: Path, progress: Progress | None) -> dict[str, Any]:
    with feed.open("rb") as source, output.open("wb") as sink:
        counted = _Counted(source, feed.stat().st_size, f"{model.name} watching, MB", progress)
        return watch(model, cast(BinaryIO, counted), sink)


def _summary(
    trained: dict[str, Any],
    tuned: dict[str, Any],
    judged: dict[str, Any],
    live: dict[str, Any],
    differing: int,
    alerts: int,
) -> dict[str, Any]:
    recall, low, high = judged["alerts"]["intervals"]["recall"]
    beside = judged["news2"]["at_equal_burden"]
    burden = judged["alerts"]["alarms_per_100_patient_days"]
    lead = judged["alerts"]["lead_hours"]["median"]
    parity = trained["parity"]
    headline = [
        f"On {judged['patients']} patients the model never saw, {judged['alerts']['predictable_onsets']} of whom deteriorated:",
        f"  event recall {recall:.0%} ({low:.0%} to {high:.0%}) at {burden:.1f} alarms per 100 patient-days (tuned for {BUDGET})",
        _beside_words(beside),
        f"  median lead time {lead:.1f} h" if lead is not None else "  no onset was caught in time",
        f"  offline and live: {differing} of {live['risks']:,} risks differ; PyTorch and ONNX differ by at most "
        f"{max(parity['torch_onnx'], parity['torch_step']):.1g}",
    ]
    return {
        "headline": headline, "event_recall": recall, "event_recall_interval": [low, high],
        "alarms_per_100_patient_days": burden, "budget": BUDGET, "median_lead_hours": lead,
        "news2_recall_at_equal_burden": beside["recall"], "news2_alarms_per_100_patient_days":
        beside["alarms_per_100_patient_days"], "step_auroc": judged["step_auroc"], "risks_live": live["risks"],
        "risks_that_differ_offline": differing, "alerts_live": alerts, "parity": parity,
        "threshold": tuned["policy"]["threshold"],
    }  # fmt: skip


def _beside_words(beside: dict[str, Any]) -> str:
    words = f"  NEWS2 with no more alarms: {beside['recall']:.0%} at {beside['alarms_per_100_patient_days']:.1f}"
    return f"{words}, where the model has {beside['model']['recall']:.0%}" if "model" in beside else words


def differing_risks(model: Path, data: Path, output: Path) -> int:
    """Risks whose bits differ between scoring a cohort and watching its replay (one that is missing counts too)."""
    opened, cohort = open_model(model), open_cohort(data)
    name = cohort.stays["stay_id"].astype(str).to_numpy()
    live = {}
    with output.open("rb") as lines:
        for line in lines:
            entry = json.loads(line)
            if entry["kind"] == "risk":
                live[entry["stay"], entry["time"]] = np.nan if entry["risk"] is None else entry["risk"]
    differing = 0
    for start, rows, risk, _ in scored_blocks(opened, cohort):
        time = np.datetime_as_string(rows.time.astype("datetime64[us]"), unit="s")
        keys = zip(name[rows.bed + start].tolist(), np.char.add(time, "Z").tolist(), strict=True)
        seen = np.array([live.pop(key, -1.0) for key in keys], np.float32)
        differing += int((seen.view(np.uint32) != risk.view(np.uint32))[~(np.isnan(seen) & np.isnan(risk))].sum())
    return differing + len(live)


def _alerts(output: Path, alerts: Path) -> int:
    """The alerts that fired, on their own, for a person to read."""
    count = 0
    with output.open("rb") as lines, alerts.open("wb") as kept:
        for line in lines:
            if line.startswith(b'{"kind":"alert"') and b'"suppressed_by":null' in line:
                kept.write(line)
                count += 1
    return count


class _Counted:
    """A file that tells how much of it has been read."""

    def __init__(self, source: BinaryIO, size: int, label: str, progress: Progress | None) -> None:
        self._source, self._size, self._label, self._progress, self._done = source, size, label, progress, 0

    def read1(self, block: int) -> bytes:
        """The next bytes."""
        piece = self._source.read(block)
        self._done += len(piece)
        if self._progress:
            self._progress(self._done >> 20, self._size >> 20, self._label)
        return piece
