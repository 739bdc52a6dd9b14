"""What makes figures about alerts look better than they are: each trap a guard that refuses, warns, or says it is well."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vitals.alerting.decide import AlertState, decide
from vitals.alerting.findings import Finding
from vitals.alerting.measures import MEASURES
from vitals.alerting.spells import ClinicalEvents
from vitals.alerting.stays import Risks, Stays, patients_digest
from vitals.labelling.labels import NO_ONSET
from vitals.spec.duration import Duration
from vitals.spec.policy import AlertPolicy
from vitals.spec.settings import Alerting
from vitals.windowing.types import Float64

OF_PREVALENCE = tuple(name for name in MEASURES if not name.startswith("recall"))
"""The measures that depend on how common the outcome is."""
_CLOCK = 0.9
_MANY = 0.4  # of the stays with an onset: more than any ward has, and about what balanced samples have
_FEW = 10


def hits_after_onset(risks: Risks, stays: Stays, policy: AlertPolicy, events: ClinicalEvents | None = None) -> Finding:
    """Whether alerts follow the events they should foresee. None of those after the onset is counted; this says so.

    Args:
        risks: of whole stays, with the rows after the onset where there are any.
        stays: with their first onsets.
        policy: the policy judged.
        events: all that happened to the stays; without them a stay is in its first event until its end.
    """
    _, due = decide(policy, AlertState.empty(len(stays)), risks.stay, risks.time, risks.risk)
    first = np.full(len(stays), NO_ONSET)
    np.minimum.at(first, risks.stay[due.fired], risks.time[due.fired])
    alerted = stays.has_onset & (first != NO_ONSET)
    inside = first > stays.onset
    if events is not None:
        inside = np.zeros(len(stays), bool)
        at = first[events.stay]
        inside[events.stay[(at > events.onset) & (at <= events.end)]] = True
    late = int((alerted & inside).sum())
    said = f"in {late} of {int(alerted.sum())} stays with an onset and an alert, the first alert comes when an event has set in"
    if 2 * late > alerted.sum():
        cure = "look at what the score follows; alerts after the onset are not counted"
        return Finding("hits_after_onset", "warning", said, cure)
    return Finding("hits_after_onset", "ok", f"{said}; such alerts are not counted")


def clock(risks: Risks, stays: Stays, uses_clock: bool = False) -> Finding:
    """Whether the risk is little more than the time since admission, which knows when records end and nothing else.

    Args:
        risks: of the stays.
        stays: with their admissions.
        uses_clock: whether the model reads the time since admission (``[network] clock``).
    """
    rows = ~np.isnan(risks.risk) & (risks.time <= stays.onset[risks.stay])
    hours = (risks.time - stays.admitted[risks.stay])[rows]
    like = rank_correlation(risks.risk[rows], hours)
    said = f"rank correlation of risk and time in the stay {like:.2f}"
    few = len(np.unique(risks.stay[rows])) < _FEW
    if abs(like) > _CLOCK and not few:
        cure = "leave out time since admission and counters of rows, and look at what remains"
        return Finding("clock", "warning", f"the risk is nothing but a clock: {said}", cure)
    if uses_clock:
        return Finding("clock", "warning", f"the model reads the time since admission; {said}", "compare one without")
    if few:
        return Finding("clock", "unknown", "too few stays to tell a clock from a risk", "bring more stays")
    return Finding("clock", "ok", said)


def rank_correlation(one: ArrayLike, other: ArrayLike) -> float:
    """Spearman's, with mean ranks for ties; NaN where one of the two never changes.

    Example:
        >>> round(rank_correlation([0.1, 0.4, 0.4, 0.9], [1, 2, 3, 4]), 3)
        0.949
    """
    ranks = []
    for column in (one, other):
        _, place, count = np.unique(np.asarray(column), return_inverse=True, return_counts=True)
        rank: Float64 = (np.cumsum(count) - (count - 1) / 2.0)[place]
        ranks.append(rank - rank.mean() if len(rank) else rank)
    spread = np.sqrt((ranks[0] ** 2).sum() * (ranks[1] ** 2).sum())
    return float((ranks[0] * ranks[1]).sum() / spread) if spread > 0 else float("nan")


def split_by_patient(subject_id: Sequence[Any] | NDArray[Any], part: Sequence[Any] | NDArray[Any]) -> Finding:
    """Whether a patient is in two parts, as when windows or stays were split at random.

    Args:
        subject_id: of each stay or row, ``(n,)``.
        part: its part, ``(n,)``.
    """
    pairs = set(zip(map(str, subject_id), map(str, part), strict=True))
    patients = len({name for name, _ in pairs})
    if len(pairs) > patients:
        said = f"{len(pairs) - patients} of {patients} patients in more than one part"
        return Finding("split_by_patient", "refused", said, "split by patient: vitals does so by a hash of subject_id")
    return Finding("split_by_patient", "ok", "every patient is in one part")


def tuning_patients(
    policy: AlertPolicy,
    subject_id: Sequence[Any] | NDArray[Any],
    tuning: NDArray[np.bool_] | None = None,
    same_cohort: bool = True,
) -> Finding:
    """Whether the policy was tuned on patients it is judged by.

    Args:
        policy: carries the digest of the whole set it was tuned on, and no names.
        subject_id: of each judged stay, ``(S,)``.
        tuning: which of them the split puts into the tuning part, ``(S,)``; None where nobody knows.
        same_cohort: whether that split's tuning part is known to be what the policy was tuned on; in a cohort of other
            patients the same hash means nothing, so then only the very set is refused and any overlap is warned of.
    """
    if not policy.tuned_on:
        said = "the policy was not tuned, or does not say on whom"
        return Finding("tuning_patients", "unknown", said, "vitals tune writes it into the policy")
    names = np.asarray(list(map(str, subject_id)))
    marked = np.zeros(len(names), bool) if tuning is None else np.asarray(tuning, bool)
    patients = len(set(names[marked].tolist()))
    theirs = policy.tuned_on in {patients_digest(names), patients_digest(names[marked])}
    cure = "judge it on the held-out part, or tune on another one"
    if theirs or (patients and same_cohort):
        return Finding("tuning_patients", "refused", "the policy was tuned on patients it is to be judged by", cure)
    if patients:
        said = f"{patients} patients would be in the tuning part of the model's split; right only if they are others"
        return Finding("tuning_patients", "warning", said, cure)
    if tuning is None:
        return Finding("tuning_patients", "unknown", "another set than the policy was tuned on; whether some of its patients "
                       "are among these, nobody says", "give part with each stay")  # fmt: skip
    return Finding("tuning_patients", "ok", "none of the patients is of the tuning part")


def nobody_named() -> Finding:
    """What arrays without names leave open."""
    said = "arrays name no patients, so whether the policy was tuned on some of them is not known"
    return Finding("tuning_patients", "unknown", said, "pass data frames")


def sampling(stays: int, onsets: int, subsampled: bool = False, prevalence: float | None = None) -> Finding:
    """Whether precision and burden would be those of a sample with more (or fewer) cases than the ward has.

    Args:
        stays: judged.
        onsets: of them with an onset.
        subsampled: somebody says that cases or controls were left out.
        prevalence: the share of stays with an onset where none was left out; None where it was not given.

    Example:
        >>> sampling(100, 50).level, sampling(100, 50, True).level, sampling(100, 50, True, 0.05).level
        ('warning', 'refused', 'ok')
    """
    share = onsets / stays if stays else 0.0
    said = f"{share:.1%} of the stays have an onset"
    cure = "give the prevalence of the ward it is meant for"
    if prevalence is not None:
        return Finding("sampling", "ok", f"{said}; precision and burden can be weighted to {prevalence:.1%}")
    if subsampled:
        return Finding("sampling", "refused", f"{said}, after cases or controls were left out", cure, OF_PREVALENCE)
    if share >= _MANY and onsets >= _FEW:
        return Finding("sampling", "warning", f"{said}, as in a sample of cases and controls", cure)
    return Finding("sampling", "ok", f"{said}; no stay is said to be left out")


def cadence(policy: AlertPolicy, risks: Risks) -> Finding:
    """Whether scores come as often as when the policy was tuned: k of n scores are other minutes otherwise."""
    gap = np.diff(risks.time)[np.diff(risks.stay) == 0]
    if not len(gap) or policy.cadence <= 0:
        said = "not known how often scores came when the policy was tuned"
        return Finding("cadence", "unknown", said, "vitals tune writes it into the policy")
    step = Duration(int(np.median(gap)))
    if abs(step - policy.cadence) > 0.01 * policy.cadence:
        said = f"a score every {step.text}, while the policy was tuned on one every {policy.cadence.text}"
        return Finding("cadence", "warning", said, "tune again at this cadence")
    return Finding("cadence", "ok", f"a score every {step.text}, as when the policy was tuned")


def recognition(detected: int, before: int, known: int, unknown: int = 0) -> Finding:
    """Whether alerts only tell clinicians what they have seen.

    Args:
        detected: onsets with a true alert, of those of which it is known when they were recognised.
        before: those of them whose first true alert came before the event was recognised.
        known: onsets of which it is known when they were recognised.
        unknown: onsets of which it is not.
    """
    if not known:
        return Finding(
            "recognition", "unknown", "not known when clinicians recognised the events, so alerts that only follow their "
            "suspicion are not told apart", "give recognised beside each onset",
        )  # fmt: skip
    said = f"of {detected} onsets caught, {before} were before clinicians recognised them"
    said += f" ({unknown} more onsets of which nobody knows when)" if unknown else ""
    if detected and 2 * before < detected:
        return Finding("recognition", "warning", said, "leave out what follows care: cultures, orders, treatment")
    return Finding("recognition", "ok", said)


def competing_death(died: int | None, alerting: Alerting | None) -> Finding:
    """What a death without an onset before it was taken for.

    Args:
        died: stays that ended by death; None where nobody says how stays ended.
        alerting: as stated; None where nobody stated it.
    """
    if died is None:
        said = "not known how stays ended: a patient who died without the event counts as never in danger"
        return Finding("competing_death", "unknown", said, "give ended with each stay")
    taken = {
        "event": "the event itself", "censor": "an end after which nothing is known", "no_event": "a stay without an event",
    }[(alerting or Alerting()).death]  # fmt: skip
    said = f"{died} stays ended by death, taken for {taken}"
    if died and alerting is None:
        return Finding("competing_death", "warning", f"{said}: an assumption", "state [alerting] death")
    return Finding("competing_death", "ok", said if died else "no stay is known to have ended by death")
