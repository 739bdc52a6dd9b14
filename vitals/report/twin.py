"""The numbers of the page as JSON: everything a table or a figure shows is in it, in full."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from vitals.report.headline import headline
from vitals.report.page import NOTICE
from vitals.report.provenance import provenance
from vitals.report.record import Record

FORMAT = 1


def twin(record: Record) -> dict[str, Any]:
    """The report as plain tables.

    Args:
        record: what the page is made from.

    Returns:
        ``in_words`` (the headline), ``figures``, and what the page shows of the training: ``training_data``, ``parity``.
    """
    about = record.model.about
    return {
        "format": FORMAT,
        "notice": NOTICE,
        "name": record.settings.name,
        "outcome": record.outcome,
        "in_words": headline(record),
        "figures": dict(record.figures),
        "training_data": {name: about.get(name) for name in ("sites", "stays", "onsets", "part_digests")},
        "parity": _table(record.metrics.get("parity")),
        "provenance": dict(provenance(record)),
    }


def _table(found: Any) -> dict[str, Any]:
    return dict(found) if isinstance(found, Mapping) else {}
