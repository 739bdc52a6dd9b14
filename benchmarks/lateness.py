"""What lateness does to scores: past stays replayed as they arrived, against the same stays had nothing been late.

    python benchmarks/lateness.py sepsis-vitals [more models] --data MIMIC3_DEMO [--graces 0h 15min 1h 4h 12h]

The data are a cohort folder that knows arrivals, or the folder of the MIMIC-III demo (chart events with charttime and
storetime). For each grace: which samples come too late, by signal; which rows and risks differ from those of a ward that got
everything in time; which alerts are gained and lost under the model's own policy; what --rescore corrects.
"""

from __future__ import annotations

import argparse
import dataclasses
import io
import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import _timing  # noqa: F401 (one thread)
import numpy as np
import pandas as pd

from vitals.cohort.store import Cohort, open_cohort, write_cohort
from vitals.feeds.lines import Alert, Output, Risk
from vitals.flows.replaying import replay
from vitals.flows.watching import find_policy
from vitals.scoring.model import Model, open_model
from vitals.spec.duration import Duration
from vitals.spec.policy import AlertPolicy
from vitals.ward.ward import Ward
from vitals.windowing.advance import advance
from vitals.windowing.carry import Carry
from vitals.windowing.types import Drop, Events

ITEMS = {
    "heart_rate": (211, 220045), "resp_rate": (618, 220210), "spo2": (646, 220277), "temperature": (676, 677, 223762),
    "sbp": (51, 455, 220050, 220179), "dbp": (8368, 8441, 220051, 220180), "map": (52, 456, 220052, 220181),
}  # fmt: skip
FAHRENHEIT = (678, 679, 223761)
MINUTE = 60_000_000


def mimic(folder: Path, out: Path) -> Cohort:
    """Bedside vitals of the MIMIC-III demo as a cohort: ``charttime`` is when, ``storetime`` when it reached the record."""
    chart = pd.read_parquet(folder / "chartevents_numeric.parquet")
    stays, people = (pd.read_parquet(folder / f"{name}.parquet") for name in ("icustays", "patients"))
    name_of = {item: name for name, items in ITEMS.items() for item in items} | dict.fromkeys(FAHRENHEIT, "temperature")
    chart = chart[chart["itemid"].isin(name_of) & chart["icustay_id"].notna() & (chart["error"].fillna(0) != 1)]
    value = chart["valuenum"].where(~chart["itemid"].isin(FAHRENHEIT), (chart["valuenum"] - 32) / 1.8)
    events = pd.DataFrame(
        {
            "stay_id": chart["icustay_id"].astype(int).astype(str), "time": pd.to_datetime(chart["charttime"]),
            "signal": chart["itemid"].map(name_of), "value": value, "arrival": pd.to_datetime(chart["storetime"]),
        }
    )  # fmt: skip
    table = stays.merge(people, on="subject_id")
    begin, end = pd.to_datetime(table["intime"]), pd.to_datetime(table["outtime"])
    years = begin.dt.year - pd.to_datetime(table["dob"]).dt.year
    table = pd.DataFrame(
        {
            "stay_id": table["icustay_id"].astype(int).astype(str), "subject_id": table["subject_id"].astype(str),
            "site": "MIMIC-III demo", "admitted": begin, "discharged": end, "age": years.clip(upper=90).astype(float),
            "sex": (table["gender"] == "M").astype(float),
        }
    )  # fmt: skip
    inside = events.merge(table[["stay_id", "admitted", "discharged"]], on="stay_id")
    inside = inside[(inside["time"] >= inside["admitted"]) & (inside["time"] <= inside["discharged"])]
    table = table[table["stay_id"].isin(inside["stay_id"])].reset_index(drop=True)
    none = pd.DataFrame({"stay_id": [], "kind": [], "onset": []}, dtype=object)
    # what was stored at one moment is taken as sent in order of time: the table has it in the order of its items
    wanted = inside[["stay_id", "time", "signal", "value", "arrival"]].sort_values(["arrival", "time"], kind="stable")
    return write_cohort(out, wanted, table, none, source="MIMIC-III Clinical Database Demo v1.4", licence="ODbL 1.0")


def in_time(cohort: Cohort, out: Path) -> Cohort:
    """The same stays had every sample arrived when it was measured."""
    parts = []
    for piece in cohort.samples():
        stay = cohort.stays["stay_id"].to_numpy()[piece.stay]
        name = np.array(piece.names, object)[piece.signal]
        parts.append(pd.DataFrame({"stay_id": stay, "time": piece.time, "signal": name, "value": piece.value}))
    none = pd.DataFrame({"stay_id": [], "kind": [], "onset": []}, dtype=object)
    stays = cohort.stays.drop(columns="samples", errors="ignore")
    return write_cohort(out, pd.concat(parts), stays, none, source="in time", licence="as the original")


def with_grace(model: Model, grace: str) -> Model:
    """The model under another grace."""
    window = dataclasses.replace(model.settings.window, grace=Duration.parse(grace))
    return dataclasses.replace(model, settings=dataclasses.replace(model.settings, window=window))


def watched(
    model: Model, policy: AlertPolicy | None, feed: bytes, rescore: bool
) -> tuple[list[Output], dict[str, int]]:
    """What a ward says to a feed, and what it left out."""
    ward = Ward(model, policy, rescore=rescore)
    lines = ward.feed(feed) + ward.close()
    return lines, ward.kept()["tally"]["total"]


def feed_of(cohort: Cohort) -> bytes:
    """The feed that the stays once were."""
    sink = io.BytesIO()
    replay(cohort.path, sink)
    return sink.getvalue()


def columns(model: Model, cohort: Cohort) -> Events:
    """The samples in order of arrival."""
    code = {name: i for i, name in enumerate(model.settings.channels)}
    parts = []
    for piece in cohort.samples():
        used = np.isin(piece.names, list(code))[piece.signal]
        signal = np.array([code.get(name, 0) for name in piece.names], np.int16)[piece.signal]
        parts.append(Events(piece.stay, piece.time, signal, piece.value).take(used))
    return Events(
        *(np.concatenate([getattr(part, name) for part in parts]) for name in ("bed", "time", "signal", "value"))
    )


def windowed(model: Model, cohort: Cohort) -> tuple[dict[tuple[int, int], bytes], np.ndarray, Events]:
    """Rows by stay and time, the samples that were late, and all samples."""
    events, carry = columns(model, cohort), Carry.empty(model.settings, len(cohort))
    carry.admit(np.arange(len(cohort)), cohort.admitted)
    _, rows, dropped = advance(model.settings, carry, events, cohort.discharged)
    keys = zip(rows.bed.tolist(), rows.time.tolist(), strict=True)
    late = dropped.event[(dropped.reason == Drop.LATE) & (dropped.event >= 0)]
    bits = np.ascontiguousarray(np.nan_to_num(rows.value, nan=-1e9))
    return dict(zip(keys, (row.tobytes() for row in bits), strict=True)), late, events


def judged(model: Model, policy: AlertPolicy | None, cohorts: tuple[Cohort, Cohort], rescore: bool) -> dict[str, Any]:
    """The figures of one model under one grace, on stays as they arrived and as they should have."""
    cohort, ideal = cohorts
    rows, late, events = windowed(model, cohort)
    wanted, _, _ = windowed(model, ideal)
    share = {
        name: float((events.signal[late] == c).sum() / max((events.signal == c).sum(), 1))
        for c, name in enumerate(model.settings.signals)
    }
    said, counts = watched(model, policy, feed_of(cohort), rescore)
    should, _ = watched(model, policy, feed_of(ideal), False)
    risk, wish = (
        {(r.stay, r.time): r.risk for r in lines if isinstance(r, Risk) and not r.corrected} for lines in (said, should)
    )
    both = [(risk[key], wish[key]) for key in wish if risk.get(key) is not None and wish[key] is not None]
    apart = np.array([abs(a - b) for a, b in both])
    rung, due = (
        {(a.stay, a.time, a.tier) for a in lines if isinstance(a, Alert) and a.suppressed_by is None}
        for lines in (said, should)
    )
    corrected = {(r.stay, r.time) for r in said if isinstance(r, Risk) and r.corrected}
    return {
        "grace": model.settings.window.grace.text, "samples": len(events), "late": len(late), "late_share": len(late) / len(events),
        "late_by_signal": {name: value for name, value in share.items() if value}, "rows": len(wanted),
        "rows_differ": sum(rows.get(key) != row for key, row in wanted.items()), "risks": len(both),
        "risks_differ": int((apart > 1e-6).sum()), "risks_apart_0.01": int((apart > 0.01).sum()),
        "median_apart": float(np.median(apart[apart > 1e-6])) if (apart > 1e-6).any() else 0.0,
        "largest_apart": float(apart.max(initial=0)), "alerts": len(due), "alerts_gained": len(rung - due),
        "alerts_lost": len(due - rung), "stays_alerted": len({stay for stay, *_ in due}),
        "stays_gained": len({stay for stay, *_ in rung} - {stay for stay, *_ in due}),
        "stays_lost": len({stay for stay, *_ in due} - {stay for stay, *_ in rung}),
        **({"steps_corrected": len(corrected), "not_corrected": counts.get("not_corrected", 0)} if rescore else {}),
    }  # fmt: skip


def delays(cohort: Cohort) -> dict[str, list[float]]:
    """Minutes from measured to recorded, by signal: quartiles, 95th and 99th hundredth; and the share recorded before its time."""
    parts = list(cohort.samples())
    found: dict[str, list[float]] = {}
    for name in ITEMS:
        late = np.concatenate(
            [(p.arrival - p.time)[np.array(p.names)[p.signal] == name] for p in parts if p.arrival is not None]
        )
        if len(late):
            early = float((late < -2 * MINUTE).mean())
            found[name] = [
                *(np.percentile(late / MINUTE, (25, 50, 75, 95, 99)).round(0).tolist()),
                round(early, 3),
                len(late),
            ]
    return found


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the figures as tables, and as JSON with --json."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="+")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--graces", nargs="+", default=["0h", "15min", "1h", "4h", "12h"])
    parser.add_argument("--rescore", action="store_true", help="count what --rescore corrects, too (much slower)")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        known = (asked.data / "chartevents_numeric.parquet").exists()
        cohort = mimic(asked.data, Path(folder) / "cohort") if known else open_cohort(asked.data)
        ideal = in_time(cohort, Path(folder) / "in-time")
        told: dict[str, Any] = {"stays": len(cohort), "delays": delays(cohort)}
        for name in asked.models:
            model, policy = open_model(name), find_policy(name)
            told[name] = [
                judged(with_grace(model, grace), policy, (cohort, ideal), asked.rescore) for grace in asked.graces
            ]
    if asked.json:
        print(json.dumps(told))
        return
    print(f"{told['stays']} stays; minutes from measured to recorded: 25 %, 50 %, 75 %, 95 %, 99 %; early; samples")
    for name, row in told["delays"].items():
        print(f"  {name:12} {row}")
    for name in asked.models:
        for row in told[name]:
            print(name, json.dumps(row))


if __name__ == "__main__":
    main()
