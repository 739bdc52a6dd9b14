"""What a benchmark runs and what it prints: every run by name, and every line of a table by the runs it is made of."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Literal

from vitals.errors import SettingsError, nearest
from vitals.flows.benchmark_variants import (
    ABLATIONS,
    BASELINES,
    BEDSIDE,
    COST,
    KINDS,
    kind_of,
    named,
    quick,
    switched,
    variant,
)
from vitals.spec.settings import Settings

FIRST = ("clock", "news2")
"""Learners whose lines are never left out: what counting hours gains, and the score whose alarm burden is the measure."""


@dataclass(frozen=True)
class Options:
    """How much of a benchmark is wanted.

    Attributes:
        kinds: of networks, ``"gru+boosting"`` for several in one file; the first is the main one. Without any, that of
            the recipe, then every other.
        folds: parts of the patients for cross-validation.
        seeds: networks in the ensemble of one file.
        all_folds: judge every line on all folds, not only those of the main table.
        full: all folds, and ensembles for every kind and ablation too.
        quick: few stays and small networks: the figures mean nothing.
        only: a pattern of run names, such as ``"cv-gru*"``.
        processes: runs at a time; 0 is one a core, as far as the memory allows.
        settings: another recipe than the challenge's shipped one.
        keep: take over finished runs though the program has changed since.
    """

    kinds: tuple[str, ...] = ()
    folds: int = 5
    seeds: int = 3
    all_folds: bool = False
    full: bool = False
    quick: bool = False
    only: str = "*"
    processes: int = 0
    settings: Path | None = None
    keep: bool = False

    def __post_init__(self) -> None:
        """Refuse what cannot be run."""
        for kind in (kind for word in self.kinds for kind in word.split("+")):
            if kind not in KINDS:
                raise SettingsError("--kinds", f'"{kind}"', "one of " + ", ".join(KINDS), nearest(kind, KINDS))
        if len(set(self.kinds)) < len(self.kinds):
            raise SettingsError("--kinds", ",".join(self.kinds), "each once", "name them once")
        for name, value, low, high in (("--folds", self.folds, 2, 50), ("--seeds", self.seeds, 1, 64)):
            if not low <= value <= high:
                raise SettingsError(name, str(value), f"a number from {low} to {high}", "change it")
        if self.processes < 0:
            raise SettingsError("--processes", str(self.processes), "at least 1, or 0 for one a core", "change it")


@dataclass(frozen=True)
class Run:
    """One learner taught by some patients and asked about others.

    Attributes:
        name: its folder.
        learner: ``"network"``, or the name of a baseline or of a bedside score.
        site: where the patients it learns from were; None everywhere.
        fold: the part of them that it never sees.
        rows: whether every hour is judged, or the last row of each stay.
        settings: of the network; of the others the channels, the objective and the seed.
    """

    name: str
    learner: str
    site: str | None
    fold: int
    rows: Literal["hourly", "last"]
    settings: Settings

    @property
    def cost(self) -> float:
        """About how long it takes, compared with one GRU on the patients of one hospital."""
        shape = self.settings.network
        members = [shape.kind] * shape.members + [*shape.beside]
        each = sum(COST[kind] for kind in members) if self.learner == "network" else COST[self.learner]
        return each * (1 if self.site else 2) * (0.3 + len(self.settings.channels) / 40)


@dataclass(frozen=True)
class Line:
    """One line of one table.

    Attributes:
        table: which table.
        name: what is judged, in words.
        runs: names of the runs whose judged patients are pooled.
        site: only patients of this site are judged; None all that the runs have not seen.
    """

    table: str
    name: str
    runs: tuple[str, ...]
    site: str | None = None


@dataclass(frozen=True)
class Plan:
    """Runs in the order in which they are started, and the lines that come of them."""

    runs: tuple[Run, ...]
    lines: tuple[Line, ...]

    def chosen(self, only: str) -> tuple[Run, ...]:
        """The runs that a pattern names, and those that are never left out.

        Raises:
            SettingsError: a pattern that fits no run.
        """
        fits = [run for run in self.runs if fnmatchcase(run.name, only)]
        if not fits:
            some = ", ".join(dict.fromkeys(run.name for run in self.runs[:: max(len(self.runs) // 6, 1)]))
            raise SettingsError("--only", f'"{only}"', "a pattern of run names", f"these are some: {some}")
        return tuple(run for run in self.runs if run in fits or run.learner in FIRST)


class Planner:
    """Gathers lines, and each run once however many lines it serves."""

    def __init__(self, settings: Settings, options: Options, rows: Literal["hourly", "last"]) -> None:
        self._options, self._rows = options, rows
        self._settings = quick(settings) if options.quick else settings
        self._kinds = options.kinds or tuple(dict.fromkeys((kind_of(settings), *KINDS)))
        self._runs: dict[str, Run] = {}
        self._lines: list[Line] = []

    def plan(self, sites: Sequence[str]) -> Plan:
        """Every line: the main table first, so that what matters most is there first."""
        self._main()
        if len(sites) > 1 and self._rows == "hourly":
            self._hospitals(sites)
            self._inputs()
        self._every_kind()
        self._baselines()
        self._ablations(len(sites))
        runs = sorted(self._runs.values(), key=lambda run: run.learner not in FIRST)  # stable: the rest keeps its order
        return Plan(tuple(runs), tuple(self._lines))

    @property
    def _some(self) -> range:
        """Folds of the lines outside the main table."""
        return range(self._options.folds if self._options.all_folds or self._options.full else 1)

    @property
    def _few(self) -> int:
        """Networks in one file outside the main table."""
        return self._options.seeds if self._options.full else 1

    def _main(self) -> None:
        whole, seeds = range(self._options.folds), self._options.seeds
        self._add("main", named(self._kinds[0], seeds), self._networks(whole, self._kinds[0], seeds))
        for learner, words in BEDSIDE.items():
            self._add("main", words, self._others(whole, learner))
        if self._rows == "hourly":  # where all are judged at one hour, the clock tells nothing
            self._add("main", "the clock alone (hours since admission)", self._others(whole, "clock"))

    def _hospitals(self, sites: Sequence[str]) -> None:
        kind, seeds = self._kinds[0], self._options.seeds
        together = self._networks(range(self._options.folds), kind, seeds)
        for site in sites:
            self._add("hospitals", f"all hospitals → {site}", together, site)
        self._between(sites, kind, seeds)
        parts = dict.fromkeys(kind.split("+")) if "+" in kind else {}
        for i, part in enumerate(parts):  # each alone: some travel, others do not
            many = 1 if i else seeds  # as many as stand in the one file
            self._between(sites, part, many, f", {named(part, many)}")

    def _between(self, sites: Sequence[str], kind: str, members: int, words: str = "") -> None:
        """Taught in each hospital, asked in all of them."""
        for home in sites:
            runs = self._networks(self._some, kind, members, site=home)
            for site in sites:
                # a hospital of other patients is asked once, by the first of the networks that were taught at home
                self._add("hospitals", f"{home} → {site}{words}", runs if site == home else runs[:1], site)

    def _inputs(self) -> None:
        for inputs, words in (("signals", "all signals"), ("vitals", "eight bedside vitals")):
            for clock in (False, True):
                runs = self._networks(self._some, self._kinds[0], self._options.seeds, inputs, clock)
                self._add("inputs", f"{words}, {'with' if clock else 'without'} the clock", runs)

    def _every_kind(self) -> None:
        kind, seeds, few = self._kinds[0], self._options.seeds, self._few
        if few < seeds:
            self._add("kinds", named(kind, seeds), self._networks(self._some, kind, seeds))
        for kind in self._kinds:
            self._add("kinds", named(kind, few), self._networks(self._some, kind, few))

    def _baselines(self) -> None:
        kind, seeds = self._kinds[0], self._options.seeds
        self._add("baselines", named(kind, seeds), self._networks(self._some, kind, seeds))
        self._add("baselines", "histogram gradient boosting", self._networks(self._some, "boosting", 1))
        for learner, words in {**BASELINES, **BEDSIDE}.items():
            self._add("baselines", words, self._others(self._some, learner))

    def _ablations(self, sites: int) -> None:
        # what is switched is mostly how a network learns, and trees have none of it
        kind = next((kind for word in self._kinds for kind in word.split("+") if kind != "boosting"), None)
        if kind is None:
            return
        seeds = self._few
        self._add("ablations", f"the recipe as it is ({kind})", self._networks(self._some, kind, seeds))
        for ablation in ABLATIONS:
            found = switched(self._settings, ablation)
            if found is None or (sites < 2 and ablation.key == "site_balance"):
                continue
            words, settings = found
            base = variant(settings, kind, seeds)
            tag = f"{kind}{seeds}-{'no-' if words.startswith('without') else ''}{ablation.key}"
            self._add("ablations", words, [self._run(tag, "network", fold, base) for fold in self._some])

    def _networks(
        self, folds: Iterable[int], kind: str, members: int, inputs: str = "signals", clock: bool = False,
        site: str | None = None,
    ) -> list[Run]:  # fmt: skip
        settings = variant(self._settings, kind, members, inputs, clock)
        tag = f"{kind}{members}-{inputs}" + ("-clock" if clock else "")
        return [self._run(tag, "network", fold, settings, site) for fold in folds]

    def _others(self, folds: Iterable[int], learner: str) -> list[Run]:
        return [self._run(learner, learner, fold, self._settings) for fold in folds]

    def _run(self, tag: str, learner: str, fold: int, settings: Settings, site: str | None = None) -> Run:
        name = f"{f'from-{site}' if site else 'cv'}-{tag}-fold{fold}"
        return self._runs.setdefault(name, Run(name, learner, site, fold, self._rows, settings))

    def _add(self, table: str, name: str, runs: Sequence[Run], site: str | None = None) -> None:
        self._lines.append(Line(table, name, tuple(run.name for run in runs), site))
