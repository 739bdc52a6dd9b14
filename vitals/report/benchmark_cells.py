"""The columns of a benchmark's tables, as text with the interval apart, for a page and for Markdown alike."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from vitals.report.words import DASH, dig, known, number, percent, score

Line = Mapping[str, Any]


class Cell(NamedTuple):
    """A figure and, where it has one, its 95 % interval."""

    value: str
    interval: str = ""


@dataclass(frozen=True)
class Column:
    """One column.

    Attributes:
        title: its head.
        path: where a line keeps the figure.
        words: how a number is written.
    """

    title: str
    path: tuple[str, ...]
    words: Callable[[object], str] = score

    def cell(self, line: Line) -> Cell:
        """What stands in the column for a line.

        Example:
            >>> Column("utility", ("utility",)).cell({"utility": [0.4517, 0.44, 0.462]})
            Cell(value='0.452', interval='0.440–0.462')
        """
        found = dig(line, *self.path)
        if isinstance(found, Sequence) and not isinstance(found, str):
            value, low, high = found
            around = f"{self.words(low)}–{self.words(high)}" if known(low) and known(high) else ""
            return Cell(self.words(value), around)
        return Cell(self.words(found))


def _small(value: object) -> str:
    return f"{value:.4f}" if known(value) else DASH


_RANKS = (Column("AUROC", ("auroc",)), Column("AUPRC", ("auprc",)))
_CALIBRATION = (
    Column("slope", ("slope",), number), Column("intercept", ("intercept",), number), Column("ICI", ("ici",), _small),
)  # fmt: skip
_RECALL = tuple(
    Column(title, ("alarms", name, "recall"), percent)
    for title, name in (
        ("recall at NEWS2 ≥ 5", "at_news2_5"), ("at NEWS2 ≥ 7", "at_news2_7"), ("at 5", "at_5"), ("at 10", "at_10"),
        ("at 30", "at_30"),
    )
)  # fmt: skip
_BRIEF = {"recall at NEWS2 ≥ 5": "NEWS2≥5", "at NEWS2 ≥ 7": "NEWS2≥7", "at 5": "5/100pd", "at 10": "10/100pd",
          "at 30": "30/100pd"}  # fmt: skip
_LEAD = tuple(
    Column(title, ("alarms", name, "median_lead_hours"), number)
    for title, name in (("lead at NEWS2 ≥ 5, h", "at_news2_5"), ("at 30, h", "at_30"))
)
_GROUPS: dict[str, dict[str, tuple[Column, ...]]] = {
    "hourly": {
        "Every hour: utility, ranking, calibration": (Column("utility", ("utility",)), *_RANKS, *_CALIBRATION),
        "Event recall with no more alarms than NEWS2 raises, or than 5, 10, 30 per 100 patient-days": (
            *_RECALL,
            *_LEAD,
        ),
    },
    "last": {"One risk a stay: ranking, calibration": (*_RANKS, *_CALIBRATION)},
}


def groups(found: Mapping[str, Any]) -> dict[str, tuple[Column, ...]]:
    """The columns of a challenge's tables in groups that fit on a page, by what they tell."""
    return _GROUPS[found["rows"]]


def columns(found: Mapping[str, Any]) -> tuple[Column, ...]:
    """All the columns of a challenge's tables."""
    return tuple(column for group in groups(found).values() for column in group)


def brief(found: Mapping[str, Any], table: Mapping[str, Any]) -> list[str]:
    """A table as lines of text for a terminal, without intervals.

    Example:
        >>> lines = [{"name": "gru", "auroc": [0.86, 0.85, 0.87], "auprc": [0.55, 0.5, 0.6], "slope": 1.0}]
        >>> for line in brief({"rows": "last"}, {"title": "Kinds", "lines": lines}):
        ...     print(line)
        Kinds         AUROC  AUPRC  slope  intercept  ICI
          gru         0.860  0.550      1          –    –
    """
    names = [table["title"], *(f"  {line['name']}" for line in table["lines"])]
    parts = [
        (_BRIEF.get(column.title, column.title), column) for column in columns(found) if "lead" not in column.path[-1]
    ]
    rows = [
        [short for short, _ in parts],
        *([column.cell(line).value for _, column in parts] for line in table["lines"]),
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    wide = max(12, *map(len, names))
    return [
        f"{name:<{wide}}  " + "  ".join(f"{cell:>{width}}" for cell, width in zip(row, widths, strict=True))
        for name, row in zip(names, rows, strict=True)
    ]


def data_words(found: Mapping[str, Any]) -> str:
    """The data in one sentence."""
    data = found["data"]
    sites = ", ".join(f"{site} {number(stays)}" for site, stays in data["sites"].items())
    where = f" ({sites})" if len(data["sites"]) > 1 else ""
    return (
        f"{number(data['stays'])} stays of {number(data['patients'])} patients{where}, {number(data['onsets'])} onsets, "
        f"{number(data['rows'])} rows; {found['folds']} folds by patient; ensembles of {found['seeds']}; recipe {found['recipe']}."
    )


def _folds(judged: int, folds: int) -> str:
    return f"one fold of {folds}" if judged == 1 else f"all {folds} folds pooled"


def table_note(found: Mapping[str, Any], table: Mapping[str, Any]) -> str:
    """On whom a table was judged.

    Example:
        >>> table_note({"folds": 5}, {"name": "kinds", "lines": [{"runs": 1, "patients": 6402}]})
        'Judged on one fold of 5 (6,402 patients).'
    """
    lines, notes = table["lines"], []
    if table["name"] == "hospitals":
        home = max((line["runs"] for line in lines if line["name"].startswith(f"{line['site']} → ")), default=0)
        notes.append("A → B: taught by patients of A alone, threshold and calibration included, judged on all patients of B. "
                     "A → A: judged on patients of A that it has not seen"
                     + (f", {_folds(home, found['folds'])}. " if home else ". ")
                     + f"All hospitals → A: {_folds(found['folds'], found['folds'])}.")  # fmt: skip
    else:
        folds, patients = {line["runs"] for line in lines}, {line["patients"] for line in lines}
        if folds == {1}:
            notes.append(f"Judged on {_folds(1, found['folds'])} ({number(max(patients))} patients).")
        elif len(folds) == 1:
            notes.append(f"Judged on {_folds(found['folds'], found['folds'])} ({number(max(patients))} patients), each by the run that "
                         "had not seen it, with that run's own threshold and calibration.")  # fmt: skip
    if table["name"] == "ablations":
        notes.append("Each line changes one setting of the recipe; differences within the interval may be chance. Pretraining "
                     "may read rows of all patients that the run may know, but no label.")  # fmt: skip
    return " ".join(notes)


METHOD = (
    "Intervals hold 95 % of resampled patients: 1,000 draws for utility and recall, 200 for AUROC and AUPRC; "
    "calibration has none.",
)
METHOD_HOURLY = (
    "Every hour of every stay is judged. Utility is that of the challenge's own evaluator, at the threshold from which "
    "calling pays on the tuning part (of a bedside score the best one there). Recall is the share of all onsets with an alarm in the 12 hours before; onset is six hours after the first "
    "positive row; an alarm is a risk at or over the threshold, followed by six hours of silence; alarms count until the onset.",
    "Recall is that of the best threshold with no more alarms than NEWS2 ≥ 5 or ≥ 7 raises on the same patients, or than 5, 10 or "
    "30 alarms per 100 patient-days. NEWS2 takes each value for at most eight hours; what is missing counts 0.",
)
METHOD_LAST = (
    "One risk a stay is judged: that of its last row, 48 hours after admission.",
    "Networks are judged with the calibration in their file, which was chosen on every row of the tuning part; learners without a "
    "memory are fitted and recalibrated on last rows alone. So their slope, intercept and ICI are not earned alike.",
)


def method(found: Mapping[str, Any]) -> tuple[str, ...]:
    """How the figures were made."""
    stop, tune = (percent(dig(found, "parts", name)) for name in ("validation", "tuning"))
    known_patients = (
        f"Of the patients that a run may know, {stop} watch the training, {tune} choose calibration and threshold, the rest fit "
        "weights and normalisation; the learner is given no row of a judged patient. Networks are judged by their exported ONNX "
        "file."
    )
    return (known_patients, *METHOD, *(METHOD_HOURLY if found["rows"] == "hourly" else METHOD_LAST))
