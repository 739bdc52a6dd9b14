"""What has to be said of figures of a sample: weighted to a prevalence, or held back because nobody knows it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from vitals.report.words import known, percent

Figures = Mapping[str, Any]


def given_prevalence(figures: Figures) -> float | None:
    """The prevalence that the figures are weighted to; None where they are of the stays as they are."""
    found = figures.get("prevalence_given")
    return found if known(found) else None


def withheld(figures: Figures) -> bool:
    """Whether figures that hang on the prevalence are held back."""
    found = figures.get("guards") or ()
    return any(one.get("guard") == "sampling" and one.get("level") == "refused" for one in found)


def of_a_sample(figures: Figures) -> bool:
    """Whether the stays are said to be a sample of cases and controls."""
    return withheld(figures) or given_prevalence(figures) is not None


def said_of_a_sample(figures: Figures) -> str | None:
    """One sentence for the headline and for the sections it concerns; None where nobody was left out."""
    share = given_prevalence(figures)
    if share is not None:
        return (
            f"These stays are a sample: precision, burden and benefit are weighted to a prevalence of {percent(share)} of the "
            "stays. Calibration, the decision curve and AUPRC of rows and stays are left out: they would be the sample's."
        )
    if withheld(figures):
        return (
            "These stays are a sample and nobody said how common the outcome is on the ward: precision, burden, benefit, "
            "calibration and AUPRC are withheld. With --prevalence P they can be weighted."
        )
    return None
