"""A cohort scored a piece at a time, by whichever process has time for it, and how a scored piece travels.

A row's risk depends on its own stay alone, so neither where a cohort is cut nor who scores a piece changes a bit.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa

import vitals
from vitals.cohort.store import Cohort, open_cohort
from vitals.errors import DataError, ModelError, SettingsError
from vitals.flows.study import cohort_rows
from vitals.scoring.model import Model, open_model
from vitals.scoring.ward_step import score_rows
from vitals.spec.shipped import find_model
from vitals.windowing.types import Dropped, Float32, Int32, Int64, Rows

_SMALLEST = 256  # stays: fewer would not fill the calls of the network
_PIECES = 4  # for each process, so that none waits long for the last


@dataclass(frozen=True)
class Scored:
    """Some neighbouring stays, scored.

    Attributes:
        start: the first stay.
        bed: stay of each row, counted from ``start``, ``(R,)``.
        time: prediction times, ``(R,)`` microseconds UTC.
        risk: NaN where none could be given, ``(R,)``.
        left_out: samples left out or repaired, by reason.
    """

    start: int
    bed: Int32
    time: Int64
    risk: Float32
    left_out: dict[str, int]

    @classmethod
    def of(cls, start: int, rows: Rows, risk: Float32, dropped: Dropped) -> Scored:
        """What is kept of rows and risks."""
        return cls(start, rows.bed, rows.time, risk, dropped.counts())

    def message(self) -> bytes:
        """This as one Arrow stream, for another process."""
        about = {"start": str(self.start), "left_out": json.dumps(self.left_out)}
        table = pa.table({"bed": self.bed, "time": self.time, "risk": self.risk}).replace_schema_metadata(about)
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, table.schema, options=pa.ipc.IpcWriteOptions(compression="lz4")) as writer:
            writer.write_table(table)
        return bytes(sink.getvalue())

    @classmethod
    def read(cls, message: bytes | pa.Buffer) -> Scored:
        """What :meth:`message` wrote.

        Example:
            >>> one = Scored(4, *(np.array([n], kind) for n, kind in ((0, "i4"), (60, "i8"), (0.5, "f4"))), {"late": 2})
            >>> Scored.read(one.message()) == one
            True
        """
        table = pa.ipc.open_stream(message).read_all().combine_chunks()
        about = table.schema.metadata
        bed, time, risk = (np.asarray(table[name].to_numpy()) for name in ("bed", "time", "risk"))
        return cls(int(about[b"start"]), bed, time, risk, json.loads(about[b"left_out"]))


@dataclass(frozen=True)
class Plan:
    """What a process needs to know to score any piece of a cohort: plain data.

    Attributes:
        model: the model's folder, where every process finds it.
        data: the cohort's folder, likewise.
        model_digest: of the model that was meant.
        cohort_digest: of the cohort that was meant.
        version: of this package.
        stays: of the whole cohort.
        size: stays in a piece.
    """

    model: str
    data: str
    model_digest: str
    cohort_digest: str
    version: str
    stays: int
    size: int

    @classmethod
    def of(cls, path: Path, model: Model, cohort: Cohort, size: int) -> Plan:
        """For an opened model and cohort; ``size`` is the most stays at a time."""
        where = str(find_model(path).resolve()), str(cohort.path.resolve())
        return cls(*where, model.digest, cohort.digest, vitals.__version__, len(cohort), size)

    def cut(self, processes: int) -> Plan:
        """Pieces halved until every process has some of them, or they are too small to be worth it.

        Example:
            >>> Plan("m", "d", "", "", "", stays=10_000, size=4096).cut(2).pieces
            10
        """
        size = self.size
        while size > _SMALLEST and size % 2 == 0 and self.stays < _PIECES * processes * size:
            size //= 2
        return replace(self, size=size)

    @property
    def pieces(self) -> int:
        """How many there are."""
        return -(-self.stays // self.size)

    def span(self, piece: int) -> tuple[int, int]:
        """First stay of a piece, and the stay after its last."""
        return piece * self.size, min((piece + 1) * self.size, self.stays)

    def score(self, piece: int) -> Scored:
        """Score one piece; model and cohort are opened once a process.

        Raises:
            VitalsError: model, cohort or this package are not what the plan was made with.
        """
        model, cohort = _opened(self)
        start, stop = self.span(piece)
        return Scored.of(start, *score_stays(model, cohort, start, stop))


def score_stays(model: Model, cohort: Cohort, start: int, stop: int) -> tuple[Rows, Float32, Dropped]:
    """Rows of ``stays[start:stop]`` (``bed`` counts from ``start``), their risks ``(R,)``, and what was left out."""
    rows, dropped = cohort_rows(model.settings, cohort, start, stop)
    return rows, score_rows(model, model.initial_hidden(stop - start), rows), dropped


def joined(pieces: Iterable[Scored], stays: int) -> Iterator[Scored]:
    """Pieces in order put together again, to blocks of this many stays."""
    waiting: list[Scored] = []
    for piece in pieces:
        if waiting and piece.start % stays == 0:
            yield _join(waiting)
            waiting = []
        waiting.append(piece)
    if waiting:
        yield _join(waiting)


def _join(pieces: list[Scored]) -> Scored:
    start, left_out = pieces[0].start, dict[str, int]()
    for piece in pieces:
        for reason, n in piece.left_out.items():
            left_out[reason] = left_out.get(reason, 0) + n
    bed = np.concatenate([piece.bed + np.int32(piece.start - start) for piece in pieces])
    time, risk = (np.concatenate([getattr(piece, name) for piece in pieces]) for name in ("time", "risk"))
    return Scored(start, bed, time, risk, left_out)


@functools.lru_cache(maxsize=1)
def _opened(plan: Plan) -> tuple[Model, Cohort]:
    if plan.version != vitals.__version__:  # first: another version may read files in another way
        cure = "install the same version on every machine"
        raise SettingsError("a process of this run", f"vitals {vitals.__version__}", f"vitals {plan.version}", cure)
    model, cohort = open_model(plan.model), open_cohort(plan.data)
    cure = "give every machine the same files, and leave them alone while they are read"
    if model.digest != plan.model_digest:
        raise ModelError(plan.model, f"digest {model.digest[:12]}", f"{plan.model_digest[:12]}, as the run began", cure)
    if cohort.digest != plan.cohort_digest:
        came, wanted = f"digest {cohort.digest[:12]}", f"{plan.cohort_digest[:12]}, as the run began"
        raise DataError(plan.data, came, wanted, cure)
    return model, cohort
