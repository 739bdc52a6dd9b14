"""Replay: past stays become the live feed they once were, line by line in the order of arrival."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import msgspec
import numpy as np
from numpy.typing import NDArray

from vitals.cohort.store import Cohort, open_cohort
from vitals.cohort.tables import DEMOGRAPHICS, Samples
from vitals.errors import DataError, SettingsError
from vitals.feeds.times import time_text
from vitals.windowing.types import Float32, Int32, Int64

Texts = NDArray[np.object_]

_LINES = 1 << 16  # formatted at once


def replay(cohort_path: str | Path, sink: BinaryIO, speed: float | None = None) -> dict[str, Any]:
    """Write a cohort as NDJSON in the order of arrival, each stay between its admission and its discharge.

    An admission comes before everything of its stay, a discharge after everything of it, even where a sample arrived
    later than the patient left; both lines carry their true time. Numbers are written with as many digits as bring
    back the same float32.

    Args:
        cohort_path: a cohort folder.
        sink: takes the lines.
        speed: this many times as fast as it happened; None for as fast as it can be read.

    Returns:
        How many ``admissions``, ``samples`` and ``discharges`` were written.

    Raises:
        DataError: a damaged cohort.
        SettingsError: a speed that is not above 0.

    Example:
        >>> import io
        >>> replay("no/such/cohort", io.BytesIO())
        Traceback (most recent call last):
        vitals.errors.DataError: no/such/cohort: came no such folder; wanted a cohort folder; make one with: ...
    """
    if speed is not None and not speed > 0:
        raise SettingsError("speed", str(speed), "a number above 0", "write --speed 60 for an hour a minute")
    cohort = open_cohort(cohort_path)
    feed = _Feed.of(cohort)
    began = time.monotonic()
    for text, due in _pieces(feed, paced=speed is not None):
        if speed is not None:
            time.sleep(max(0.0, began + (due - feed.begin) / 1e6 / speed - time.monotonic()))
        sink.write(text)
        sink.flush()
    return {"admissions": len(cohort), "samples": len(feed.samples), "discharges": len(cohort)}


@dataclass(frozen=True)
class _Feed:
    """Everything a replay writes. Lines are numbered: admissions first, then samples, then discharges.

    Attributes:
        samples: of the whole cohort.
        order: numbers of the lines in the order in which they are written.
        key: when each line is due, by number.
        admissions, discharges: their lines, by stay.
        heads: how a stay's sample begins, by stay.
        signals: how a sample of a signal goes on.
    """

    samples: Samples
    order: Int64
    key: Int64
    admissions: Texts
    discharges: Texts
    heads: Texts
    signals: Texts

    @property
    def begin(self) -> int:
        """When the first line is due."""
        return int(self.key[self.order[0]]) if len(self.order) else 0

    @classmethod
    def of(cls, cohort: Cohort) -> _Feed:
        """Bring a cohort's lines into the order of arrival: admissions first, then samples, then discharges."""
        samples = _all_samples(cohort)
        first, last = _bounds(samples, cohort)
        key = np.concatenate([first, samples.order, last])
        quoted = [msgspec.json.encode(stay).decode() for stay in cohort.stays["stay_id"]]
        return cls(
            samples,
            np.argsort(key, kind="stable"),
            key,
            _admissions(cohort),
            _texts(
                f'{{"kind":"discharge","stay":{stay},"time":"{time_text(at)}"}}\n'
                for stay, at in zip(quoted, cohort.discharged.tolist(), strict=True)
            ),
            _texts(f'{{"stay":{stay},"time":"' for stay in quoted),
            _texts(f'","signal":"{name}","value":' for name in samples.names),
        )


def _all_samples(cohort: Cohort) -> Samples:
    """The samples of the whole cohort in one piece."""
    names: dict[str, int] = {}
    pieces = []
    for piece in cohort.samples():
        code = np.array([names.setdefault(name, len(names)) for name in piece.names], np.int16)
        pieces.append((piece.stay, piece.time, code[piece.signal], piece.value, piece.arrival))
    if not pieces:
        none = np.empty(0, np.int64)
        return Samples(none.astype(np.int32), none, none.astype(np.int16), none.astype(np.float32), ())
    stay, time_, signal, value, arrival = zip(*pieces, strict=True)
    known = [column for column in arrival if column is not None]
    return Samples(
        np.concatenate(stay), np.concatenate(time_), np.concatenate(signal), np.concatenate(value), tuple(names),
        np.concatenate(known) if known else None,
    )  # fmt: skip


def _bounds(samples: Samples, cohort: Cohort) -> tuple[Int64, Int64]:
    """When each stay's admission and discharge are written: at their time, but around all of its samples."""
    order, stay = samples.order, samples.stay
    wrong = np.flatnonzero((np.diff(stay) == 0) & (np.diff(order) < 0))
    if len(wrong):
        name = cohort.stays["stay_id"].iloc[int(stay[wrong[0]])]
        raise DataError(
            str(cohort.path / "events.parquet"), f"a sample of stay {name} before one that arrived earlier",
            "samples in the order of arrival", "import again",
        )  # fmt: skip
    first, last = cohort.admitted.copy(), cohort.discharged.copy()
    begin = np.flatnonzero(np.r_[True, stay[1:] != stay[:-1]]) if len(stay) else np.empty(0, np.int64)
    end = np.r_[begin[1:], len(stay)] - 1 if len(stay) else begin
    there: Int32 = stay[begin]
    first[there] = np.minimum(first[there], order[begin])
    last[there] = np.maximum(last[there], order[end])
    return first, last


def _admissions(cohort: Cohort) -> Texts:
    """The admission line of every stay, with the demographics that are known."""
    names = [name for name in DEMOGRAPHICS if name in cohort.stays]
    columns = [cohort.stays[name].to_numpy(np.float32) for name in names]
    known = [
        [None if text == "null" else msgspec.Raw(text.encode()) for text in _numbers(column)] for column in columns
    ]
    ids = (cohort.stays[name] for name in ("stay_id", "subject_id", "site"))
    lines = []
    for stay, subject, site, at, *values in zip(*ids, cohort.admitted.tolist(), *known, strict=True):
        line: dict[str, Any] = {"kind": "admit", "stay": stay, "subject": subject, "site": site, "time": time_text(at)}
        line["demographics"] = {name: value for name, value in zip(names, values, strict=True) if value is not None}
        lines.append(msgspec.json.encode(line).decode() + "\n")
    return _texts(lines)


def _pieces(feed: _Feed, paced: bool) -> Iterator[tuple[bytes, int]]:
    """The lines in order, as large pieces, or one piece a moment; with each the moment it is due."""
    for begin in range(0, len(feed.order), _LINES):
        numbers = feed.order[begin : begin + _LINES]
        parts, key = _parts(feed, numbers), feed.key[numbers]
        cuts = np.flatnonzero(key[1:] > key[:-1]) + 1 if paced else np.empty(0, np.int64)
        for a, b in zip([0, *cuts.tolist()], [*cuts.tolist(), len(key)], strict=True):
            yield "".join(parts[a:b].ravel().tolist()).encode(), int(key[a])


def _parts(feed: _Feed, numbers: Int64) -> Texts:
    """Lines as texts to be joined, ``(n, parts)``; every distinct time and value is formatted once."""
    stays, n = len(feed.heads), len(feed.samples)
    parts = np.full((len(numbers), 6), "", object)
    admit, discharge = numbers < stays, numbers >= stays + n
    parts[admit, 0] = feed.admissions[numbers[admit]]
    parts[discharge, 0] = feed.discharges[numbers[discharge] - stays - n]
    sample = ~(admit | discharge)
    i, samples = numbers[sample] - stays, feed.samples
    parts[sample, 0] = feed.heads[samples.stay[i]]
    parts[sample, 1] = _each(samples.time[i], _times)
    if samples.arrival is not None:
        parts[sample, 2] = '","arrival":"'
        parts[sample, 3] = _each(samples.arrival[i], _times)
    parts[sample, 4] = feed.signals[samples.signal[i]]
    parts[sample, 5] = _each(samples.value[i], _values)
    return parts


def _each(column: NDArray[Any], text_of: Any) -> Texts:
    distinct, which = np.unique(column, return_inverse=True)
    return _texts(text_of(distinct))[which]


def _times(times: Int64) -> list[str]:
    return [time_text(at) for at in times.tolist()]


def _values(values: Float32) -> list[str]:
    return [text + "}\n" for text in _numbers(values)]


def _numbers(values: Float32) -> list[str]:
    """The shortest texts that read back as the same float32, also when they are read as float64 first.

    Example:
        >>> _numbers(np.array([83, 36.6, 1e-7, np.nan], np.float32))
        ['83', '36.6', '1e-07', 'null']
    """
    texts = values.astype("U32")
    again = texts.astype(np.float64).astype(np.float32)
    longer = np.flatnonzero(again != values)  # NaN among them
    out = [text.removesuffix(".0") for text in texts.tolist()]
    for i in longer.tolist():
        out[i] = repr(float(values[i]))
    return [text if np.isfinite(value) else "null" for text, value in zip(out, values, strict=True)]


def _texts(texts: Any) -> Texts:
    lines = list(texts)
    column = np.empty(len(lines), object)
    column[:] = lines
    return column
