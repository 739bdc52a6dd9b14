"""The one way in which risks are judged, whoever brings them: tables in, every figure out, every trap looked for."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from vitals.alerting import guards, plausible
from vitals.alerting.benefit import alert_benefit, decisions
from vitals.alerting.beside import TRIGGERS, beside_news2, trigger
from vitals.alerting.bootstrap import Interval, interval, intervals, resample
from vitals.alerting.curve import OperatingCurve, operating_curve
from vitals.alerting.evaluation import Evaluation, comparable, evaluate
from vitals.alerting.findings import Finding, enforce
from vitals.alerting.frames import Tables
from vitals.alerting.judgement import Judgement
from vitals.alerting.measures import COUNTS, MEASURES
from vitals.alerting.ranks import Labelled, calibration, discrimination, event_auprc, rows_at_risk
from vitals.alerting.spells import recognised_at, spells
from vitals.alerting.stays import Risks, Stays
from vitals.alerting.weighting import weighted
from vitals.labelling.labels import NO_ONSET
from vitals.labelling.utility import hours_from_onset, utility
from vitals.spec.duration import HOUR, Duration
from vitals.spec.policy import AlertPolicy
from vitals.spec.settings import Alerting
from vitals.windowing.types import Float64

_DETECTED, _PREDICTABLE = COUNTS.index("detected"), COUNTS.index("predictable")


@dataclass(frozen=True)
class Terms:
    """On what terms risks are judged.

    Attributes:
        alerting: ``lead_min``, ``lead_max``, ``death`` and ``beds_per_nurse``; None takes 0 to 12 hours, unstated.
        horizon: what the risk is a probability of, an onset within this; None takes ``lead_max``.
        probability: whether the risk is one; without, nothing is said about calibration and decisions.
        subsampled: cases or controls were left out of the stays.
        prevalence: share of stays with an onset where nobody was left out; figures are weighted to it.
        replicates: of the resampling of patients.
        ranked: of the resampling for AUROC and AUPRC.
        uses_clock: whether the model is known to read the time since admission.
    """

    alerting: Alerting | None = None
    horizon: Duration | None = None
    probability: bool = True
    subsampled: bool = False
    prevalence: float | None = None
    replicates: int = 1000
    ranked: int = 1000
    uses_clock: bool = False

    @property
    def search(self) -> Alerting:
        """What a useful alert is."""
        return self.alerting or Alerting()


def judge_tables(tables: Tables, policy: AlertPolicy, terms: Terms, findings: Iterable[Finding] = ()) -> Judgement:
    """Judge a policy on risks.

    Args:
        tables: risks, stays, events, and what else is known.
        policy: the policy to judge.
        terms: on what terms.
        findings: of guards that were asked already.

    Raises:
        SettingsError: what a guard refuses, or a prevalence that is none.
        DataError: risks of stays that are not there, or no risk at all.
    """
    search, reset = terms.search, int(policy.reset)
    found = [*findings, *_guards(tables, policy, terms)]
    enforce(found)
    cut, whole = spells(tables.risks, tables.stays, tables.events, reset)
    rows = _rows(tables, cut, whole, terms)
    bedside = _Bedside.of(tables, rows, reset)
    # one denominator of recall for all that is shown: what any of the scores could warn of
    of = comparable(weighted(whole, terms.prevalence), [cut, *([bedside.cut] if bedside else [])], search)
    seen = evaluate(cut, of, policy, search)
    before, told = _before_recognition(tables, cut, of, seen, terms)
    curve = operating_curve(cut, of, policy, alerting=search)
    found += [told, plausible.few_events(of.patient[of.predictable] if of.predictable is not None else [])]
    return Judgement(
        evaluation=seen, intervals=_held_back(intervals(seen, terms.replicates), found), before_recognition=before,
        ranking=_ranking(rows, cut, of, terms) | _event(curve, terms), calibration=calibration(rows) if _means(terms) else None,
        decision_curve=decisions(rows, bedside.called if bedside else {}) if _means(terms) else {},
        alert_net_benefit=_worth(of, seen, bedside, terms), news2=_beside(cut, of, policy, bedside, terms),
        utility=None if _sampled(terms) else _utility(tables, policy), curve=curve, prevalence=terms.prevalence,
        findings=found, risks=cut, spells=of,
    )  # fmt: skip


def _guards(tables: Tables, policy: AlertPolicy, terms: Terms) -> list[Finding]:
    died = None if tables.died is None else int(tables.died.sum())
    with_onset = int(np.count_nonzero(tables.stays.has_onset))
    return [
        guards.hits_after_onset(tables.risks, tables.stays, policy, tables.events),
        guards.clock(tables.risks, tables.stays, terms.uses_clock),
        guards.cadence(policy, tables.risks),
        plausible.times(tables.stays),
        guards.competing_death(died, terms.alerting),
        guards.sampling(len(tables.stays), with_onset, terms.subsampled, terms.prevalence),
        *([plausible.horizon(terms.horizon)] if terms.probability else []),
    ]


def _rows(tables: Tables, cut: Risks, whole: Stays, terms: Terms) -> Labelled:
    """The rows as the model's own settings label them; else those at risk, by whether an onset comes within the horizon."""
    if tables.label is None or tables.usable is None:
        return rows_at_risk(cut, whole, int(terms.horizon or terms.search.lead_max), int(terms.search.lead_min))
    row = np.flatnonzero(tables.usable & ~np.isnan(tables.risks.risk))
    return Labelled(tables.risks, tables.stays, row, tables.label[row] == 1)


def _sampled(terms: Terms) -> bool:
    return terms.subsampled or terms.prevalence is not None


def _means(terms: Terms) -> bool:
    """Whether a risk means a probability in these stays, and of what: a sample of cases and controls has another base rate."""
    return terms.probability and terms.horizon is not None and not _sampled(terms)


def _ranking(rows: Labelled, cut: Risks, of: Stays, terms: Terms) -> dict[str, Any]:
    """AUPRC depends on how common the outcome is, so that of a sample's rows and stays is left out."""
    found = discrimination(rows, cut, of, terms.ranked)
    return found if not _sampled(terms) else {name: {**one, "auprc": None} for name, one in found.items()}


def _event(curve: OperatingCurve, terms: Terms) -> dict[str, Any]:
    hidden = terms.subsampled and terms.prevalence is None
    area = None if hidden else event_auprc(curve.measure("recall"), curve.measure("precision"))
    return {"event": {"auprc": area}}


class _Bedside(NamedTuple):
    """NEWS2 divided by its maximum, NaN where nothing of it is known: of the spells, and of the rows that are labelled."""

    cut: Risks
    rows: Labelled

    @classmethod
    def of(cls, tables: Tables, rows: Labelled, reset: int) -> _Bedside | None:
        if tables.news2 is None:
            return None
        whole = Risks(tables.risks.stay, tables.risks.time, tables.news2)
        cut = spells(whole, tables.stays, tables.events, reset)[0]
        points = whole if rows.risks is tables.risks else cut
        known = ~np.isnan(points.risk[rows.row])
        return cls(cut, Labelled(points, rows.stays, rows.row[known], rows.label[known]))

    @property
    def called(self) -> dict[str, Float64]:
        """Whether a ward would act by NEWS2, at each row, ``(R,)``; where it is not known it would not."""
        points = np.nan_to_num(self.rows.risks.risk)
        return {f"NEWS2 ≥ {n}": (points >= trigger(n).threshold).astype(np.float64) for n in TRIGGERS}


def _worth(of: Stays, seen: Evaluation, bedside: _Bedside | None, terms: Terms) -> dict[str, Any]:
    if terms.subsampled and terms.prevalence is None:
        return {}
    every = {"policy": seen}
    if bedside:
        every |= {f"NEWS2 ≥ {n}": evaluate(bedside.cut, of, trigger(n), terms.search) for n in TRIGGERS}
    return alert_benefit(every, terms.replicates)


def _beside(cut: Risks, of: Stays, policy: AlertPolicy, bedside: _Bedside | None, terms: Terms) -> dict[str, Any]:
    if bedside is None:
        return {}
    found = beside_news2(cut, bedside.cut, of, policy, terms.search, terms.replicates)
    return found | {"ranking": _ranking(bedside.rows, bedside.cut, of, terms)}


def _utility(tables: Tables, policy: AlertPolicy) -> dict[str, float] | None:
    """The utility of calling every row at or over the policy's threshold; it is defined for hourly scores only."""
    risks, stays = tables.risks, tables.stays
    gap = np.diff(risks.time)[np.diff(risks.stay) == 0]
    has = np.flatnonzero(stays.has_onset)
    if not len(gap) or not len(has) or np.median(gap) != HOUR:
        return None
    tau = hours_from_onset(risks.time, risks.stay, has, stays.onset[has])
    return {"threshold": policy.threshold, "utility": utility(tau, risks.risk >= policy.threshold)}


def _before_recognition(
    tables: Tables, risks: Risks, of: Stays, seen: Evaluation, terms: Terms
) -> tuple[Interval | None, Finding]:
    """Recall by alerts before the event was recognised, of all predictable onsets; and what the guard says of it."""
    when = recognised_at(of, tables.events)
    known = int((when != NO_ONSET).sum())
    if not known:
        return None, guards.recognition(0, 0, 0)
    # where nobody wrote it down nothing can be said, so those onsets are left out; an alert depends on nothing after it, so
    # leaving out later rows moves none
    timed = replace(of, onset=np.where(when == NO_ONSET, NO_ONSET, of.onset), predictable=None if of.predictable is None else (
        of.predictable & (when != NO_ONSET)))  # fmt: skip
    early = risks.time < when[risks.stay]
    ahead, all_of_them = (
        evaluate(Risks(risks.stay[rows], risks.time[rows], risks.risk[rows]), timed, seen.policy, terms.search)
        for rows in (early, np.ones(len(risks), bool))
    )
    counts = np.stack([ahead.by_patient[:, _DETECTED], all_of_them.by_patient[:, _PREDICTABLE]], axis=1)
    found = interval(float(_ratio(counts.sum(axis=0))), _ratio(resample(counts, terms.replicates)))
    unknown = int(np.count_nonzero(of.has_onset)) - known
    return found, guards.recognition(int(all_of_them.count("detected")), int(ahead.count("detected")), known, unknown)


def _ratio(counts: Float64) -> Any:
    above, below = counts[..., 0], counts[..., 1]
    return np.divide(above, below, out=np.full(np.shape(above), np.nan), where=below > 0)


def _held_back(found: dict[str, Interval], findings: list[Finding]) -> dict[str, Interval]:
    held = {name for finding in findings for name in finding.withholds}
    return {name: Interval(math.nan, math.nan, math.nan) if name in held else found[name] for name in MEASURES}
