"""Look a cohort over before anything is trained on it; everything odd is told, nothing is repaired."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from vitals.cohort.endings import endings
from vitals.cohort.findings import Finding, Level
from vitals.cohort.leakage import leaks
from vitals.cohort.scan import HOUR, Oddity, Scan, scan
from vitals.cohort.store import Cohort, open_cohort
from vitals.cohort.tables import DEMOGRAPHICS, canonical_outcomes, canonical_stays
from vitals.errors import DataError, nearest
from vitals.signals import Signal, catalogue
from vitals.windowing.repair import possible
from vitals.windowing.rules import limits_of

_LEVELS = ("error", "warning", "note")
_SILENT = 12 * HOUR  # a stay without any sample for longer than this is told
_SUSPECT = 0.6  # an AUROC at or over this is a warning, below it a note
_ALWAYS, _NEVER = 0.9, 0.01


def check_cohort(path: str | Path) -> list[Finding]:
    """Everything odd about a cohort, errors first.

    Args:
        path: a cohort folder.

    Raises:
        DataError: the folder cannot be opened at all.

    Example:
        >>> check_cohort("no/such/folder")
        Traceback (most recent call last):
        vitals.errors.DataError: no/such/folder: came no such folder; wanted a cohort folder; make one with: ...
    """
    cohort = open_cohort(path)
    names, site = _sites(cohort)
    seen = scan(cohort, site, len(names))
    broken = list(_rules(cohort))
    found = [
        *broken,
        *_content(cohort, seen),
        *_samples(cohort, seen),
        *_values(seen, names),
        *_demographics(cohort),
        *_stays(cohort, seen),
        *_coverage(cohort, seen),
        *([] if broken else [*_leakage(cohort), *endings(cohort)]),
    ]
    return sorted(found, key=lambda finding: _LEVELS.index(finding.level))


def missing_by_site(cohort: Cohort, seen: Scan | None = None) -> pd.DataFrame:
    """How much is missing at each site: a row for each signal, two columns for each site.

    ``A: stays`` is the share of stays without any sample of the signal, ``A: hours`` the share of hours without one.
    """
    names, site = _sites(cohort)
    seen = scan(cohort, site, len(names)) if seen is None else seen
    stays = np.bincount(site, minlength=len(names))
    hours = np.bincount(site, weights=(cohort.discharged - cohort.admitted) // HOUR, minlength=len(names))
    there = seen.samples.sum(axis=1) > 0
    table = {}
    for i, name in enumerate(names):
        table[f"{name}: stays"] = 1 - seen.stays_with[there, i] / stays[i]
        table[f"{name}: hours"] = 1 - seen.hours_with[there, i] / max(hours[i], 1)
    return pd.DataFrame(table, index=[name for name, have in zip(catalogue(), there, strict=True) if have])


def _sites(cohort: Cohort) -> tuple[list[str], np.ndarray]:
    code, names = pd.factorize(cohort.stays["site"])
    return [str(name) for name in names], code.astype(np.int64)


def _rules(cohort: Cohort) -> Iterator[Finding]:
    """What no cohort can mean: the rules of writing, once more."""
    rules: tuple[Callable[[], object], ...] = (
        lambda: canonical_stays(cohort.stays),
        lambda: canonical_outcomes(cohort.outcomes, cohort.stays, cohort.onset_slack),
    )
    for rule in rules:
        try:
            rule()
        except DataError as error:
            yield Finding("error", error.where, error.came, error.wanted, error.cure)


def _content(cohort: Cohort, seen: Scan) -> Iterator[Finding]:
    """Whether the tables are those that were written, and of signals that are known."""
    digest = seen.digest.text(cohort.stays, cohort.outcomes)
    if digest != cohort.digest:
        came, wanted = f"content with digest {digest[:12]}…", f"{cohort.digest[:12]}…, as in the manifest"
        yield Finding("error", str(cohort.path), came, wanted, "the tables were changed after the import: import again")
    for name, count in seen.unknown.items():
        cure = nearest(name, catalogue())
        yield Finding("error", "events.signal", f'unknown signal "{name}"', "a signal of the catalogue", cure, count)


def _samples(cohort: Cohort, seen: Scan) -> Iterator[Finding]:
    """Order, repeats, places and numbers of the samples."""
    told: tuple[tuple[Level, Oddity, str, str, str], ...] = (
        ("error", seen.not_a_number, "values that are no number", "finite numbers", "leave out what was not measured"),
        ("error", seen.backwards, "times that run backwards, and no arrival to explain it", "times that run forwards",
         "sort each stay by time, or bring the arrival along"),
        ("warning", seen.twice, "a second value for a stay, time and signal", "one",
         "windowing counts the smaller one; find out which is right"),
        ("warning", seen.arrived_early, "samples that arrived before they were measured", "time first, then arrival",
         "compare the clocks of the two columns"),
        ("warning", seen.after, "samples after the discharge", "samples within the stay",
         "rows go on until the last of them, as live, but none after the discharge is judged; mend the discharge"),
        ("note", seen.before, "samples at or before the admission", "samples within the stay",
         "they count as history: a first value to carry forward"),
        ("note", seen.late, "samples that arrived after later ones", "arrival in the order of time",
         "set [window] grace to how late is worth waiting for"),
    )  # fmt: skip
    for level, oddity, came, wanted, cure in told:
        if oddity.count:
            where = f"stay {cohort.stays['stay_id'].iloc[oddity.stay]}, {oddity.signal} {oddity.came}, and others"
            where = where if oddity.count > 1 else where.removesuffix(", and others")
            yield Finding(level, where, f"{oddity.count:,} {came}", wanted, cure, oddity.count)


def _values(seen: Scan, sites: list[str]) -> Iterator[Finding]:
    """Values outside the limits, by signal and site, with the unit they may be in."""
    for number, entry in enumerate(catalogue().values()):
        for place, site in enumerate(sites):
            bad, total = int(seen.impossible[number, place]), int(seen.samples[number, place])
            if not bad:
                continue
            fits = {unit: n for unit, n in seen.refits[number, place].items() if n >= _ALWAYS * bad}
            came = f"{bad:,} of {total:,} values outside the limits, such as {seen.worst[number, place]:g}"
            cure = _treatment(bad, int(seen.repairable[number, place]))
            if fits:
                cure = f"they would fit as {' or '.join(fits)}: check the unit; {cure}"
            level: Level = "error" if bad > total / 2 else "warning"
            yield Finding(level, f"site {site}, {entry.name}", came, _limits(entry), cure, bad)


def _demographics(cohort: Cohort) -> Iterator[Finding]:
    for name in (name for name in DEMOGRAPHICS if name in cohort.stays):
        entry, values = catalogue()[name], cohort.stays[name].to_numpy(np.float64)
        bad = (values < entry.limits[0]) | (values > entry.limits[1])
        if bad.any():
            came = f"{int(bad.sum()):,} values outside the limits, such as {values[np.argmax(bad)]:g}"
            mended = possible(limits_of([name]), np.zeros(int(bad.sum()), np.int16), values[bad].astype(np.float32))
            cure = _treatment(int(bad.sum()), int(mended.sum()))
            yield Finding("warning", f"stays.{name}", came, _limits(entry), cure, int(bad.sum()))


def _treatment(bad: int, mended: int) -> str:
    others = "" if mended == bad else " and leaves the others out"
    repairs = f"windowing repairs {mended:,} of them (unless repair = false){others}"
    return repairs if mended else "windowing leaves them out and counts them"


def _limits(entry: Signal) -> str:
    unit = "" if entry.unit == "1" else f" {entry.unit}"
    return f"{entry.limits[0]:g} to {entry.limits[1]:g}{unit}"


def _stays(cohort: Cohort, seen: Scan) -> Iterator[Finding]:
    """Stays with next to nothing in them, and long silences."""
    ids = cohort.stays["stay_id"]
    told: tuple[tuple[Level, NDArray[np.bool_], str, str, str], ...] = (
        ("warning", seen.moments == 0, "stays without a sample", "samples in every stay",
         "their rows know nothing but demographics; leave them out, or set min_observed"),
        ("warning", seen.moments == 1, "stays with samples at one time only", "a course over time",
         "their risk rests on one look"),
        ("warning", cohort.discharged <= cohort.admitted, "stays that take no time", "an end after the beginning",
         "they have no row; mend the times"),
        ("note", (seen.silence > _SILENT) & (seen.moments > 1), "stays with a gap of more than 12 h without any sample",
         "samples throughout", "set max_age so that old values expire"),
    )  # fmt: skip
    for level, bad, came, wanted, cure in told:
        if bad.any():
            where = f"stay {ids.iloc[int(np.argmax(bad))]}" + (", and others" if bad.sum() > 1 else "")
            yield Finding(level, where, f"{int(bad.sum()):,} {came}", wanted, cure, int(bad.sum()))


def _coverage(cohort: Cohort, seen: Scan) -> Iterator[Finding]:
    """Signals that one site measures and another does not: a model can take their absence for the site."""
    table = missing_by_site(cohort, seen)
    hours = table[[name for name in table.columns if name.endswith(": hours")]]
    for name, row in hours.iterrows():
        worst, best = str(row.idxmax()).removesuffix(": hours"), str(row.idxmin()).removesuffix(": hours")
        if row.max() == 1 and row.min() < 1 - _NEVER:
            came = f"never measured at site {worst}, in {1 - row.min():.0%} of the hours at site {best}"
            cure = "a model of one site has never seen it; train on both, or leave the signal out"
            yield Finding("warning", str(name), came, "a signal that every site has", cure)
        elif row.max() - row.min() >= 0.3:
            came = f"missing in {row.max():.0%} of the hours at site {worst}, {row.min():.0%} at site {best}"
            cure = "what is missing tells the site: evaluate each site by itself"
            yield Finding("note", str(name), came, "much the same at every site", cure)


def _leakage(cohort: Cohort) -> Iterator[Finding]:
    if not len(cohort.outcomes):
        cure = "such a cohort can be scored, but not trained or judged on"
        yield Finding("note", "outcomes", "no outcome", "some stays with an outcome", cure)
    for leak in leaks(cohort):
        if leak.auroc >= 0.55:
            level: Level = "warning" if leak.auroc >= _SUSPECT else "note"
            came = f"tells {leak.kind} by itself with AUROC {leak.auroc:.2f}"
            cure = "keep it out of the model, and report what it alone can do"
            yield Finding(level, leak.what, came, "about 0.5", cure)
    for kind in dict.fromkeys(cohort.outcomes["kind"]):
        stay, onset = cohort.onsets(kind)
        over = cohort.discharged[stay] - onset <= 12 * HOUR
        if len(stay) and over.mean() >= _ALWAYS:
            came = f"{over.mean():.0%} of the records with an outcome end within 12 h of the onset"
            cure = "the length of a record tells the outcome: use nothing that knows the end"
            yield Finding("warning", f"outcomes, {kind}", came, "records that go on after it", cure, int(over.sum()))
        early = onset <= cohort.admitted[stay]
        if early.any():
            came = f"{int(early.sum()):,} onsets at or before the admission"
            cure = "nothing could have warned of them; count them apart"
            yield Finding("warning", f"outcomes, {kind}", came, "onsets within the stay", cure, int(early.sum()))
