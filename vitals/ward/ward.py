"""The live ward: a stream of lines folded into risks and alerts, a block at a time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from vitals.alerting import machine
from vitals.alerting.decide import AlertState, decide
from vitals.feeds.lines import Line, Output, Technical
from vitals.feeds.ndjson import LineReader
from vitals.feeds.plain import PlainReader
from vitals.feeds.scan import Columns
from vitals.feeds.times import time_text
from vitals.scoring.model import Model
from vitals.scoring.ward_step import score_rows
from vitals.spec.policy import AlertPolicy
from vitals.ward.anew import astray, with_lives
from vitals.ward.batch import Batch
from vitals.ward.beds import Beds
from vitals.ward.counting import count_dropped, count_no_number, count_unseen
from vitals.ward.hearing import Word, hear_word
from vitals.ward.intake import Intake
from vitals.ward.keeping import fit
from vitals.ward.outputs import policy_digest, refuse_other_model, scored, with_ids
from vitals.ward.provisional import Provisional, one_a_bed
from vitals.ward.rescore import Rescore
from vitals.ward.silence import Silence
from vitals.ward.tally import Tally
from vitals.windowing.advance import advance
from vitals.windowing.carry import Carry, Pool, Slabs
from vitals.windowing.types import NEVER, Events, Float32, Int64, Rows

NOTICE = "research use only; not a medical device"
_NOTHING, _NO_RISK = Batch().events(), np.empty(0, np.float32)
_MOST_STEPS = 100_000  # that a discharge may close at once


class Ward:
    r"""Every bed of a ward, and what is known of each.

    However the stream is cut into blocks, each stay gets the same risks and alerts in the same order.

    Args:
        model: scores the rows.
        policy: decides which risks alert; None for risks alone.
        beds: rows to begin with; they double whenever all are taken.
        provisional: answer every sample at once with the risk its bed would get if the running step closed now.
        rescore: tell what the risks would have been, had a sample come in time that came too late.

    Raises:
        ModelError: a policy that was tuned on another model.

    Example:
        >>> from vitals.spec.settings import Settings
        >>> settings = Settings.from_tables({"name": "x", "signals": {"spo2": {}}, "window": {"step": "1h"},
        ...                                  "label": {"kind": "sepsis", "horizon": "6h"}})
        >>> ward = Ward(Model(settings, digest="0" * 64, hidden_size=1, about={}, session=None))
        >>> [line.reason for line in ward.feed(b'{"stay":"p1","time":0,"signal":"pulse","value":80}\n')]
        ['started', 'unknown_signal']
    """

    def __init__(
        self, model: Model, policy: AlertPolicy | None = None, beds: int = 64, provisional: bool = False,
        rescore: bool = False,
    ) -> None:  # fmt: skip
        refuse_other_model(model, policy)
        digest = policy_digest(policy)
        self._model, self._policy = model, policy
        self._key = f"{model.digest}\0{digest}"
        self._reader, self._beds, self._tally = LineReader(), Beds(beds), Tally()
        self._intake = Intake(model.settings, self._beds, self._tally)
        self._plain = PlainReader(self._reader, lambda: self._beds.names, model.settings.channels)
        self._carry, self._hidden = Carry.empty(model.settings, beds), model.initial_hidden(beds)
        self._unseen = np.isin(model.settings.channels, model.about.get("unseen", []))
        self._alerts, self._silence = AlertState.empty(beds), Silence(model.settings, beds)
        self._provisional = Provisional(model, beds) if provisional else None
        self._rescore = Rescore(model, beds, self._tally) if rescore else None
        self._parts: dict[str, Any] = {"reader": self._reader, "beds": self._beds, "tally": self._tally}
        self._parts |= {"intake": self._intake, "silence": self._silence}
        self._lines: list[Output] = [Technical(None, None, "started", model=model.digest, policy=digest, notice=NOTICE)]

    def feed(self, block: bytes) -> list[Output]:
        """Take in any piece of the stream; returns what it leads to.

        Args:
            block: NDJSON, cut anywhere.
        """
        self._fold(self._plain.feed(block))
        return self._give()

    def take(self, lines: list[Line]) -> list[Output]:
        """Take in lines that have been read already; returns what they lead to."""
        self._fold(iter(lines))
        return self._give()

    def close(self) -> list[Output]:
        """The stream is over: close every step that ends at or before the last sample of its bed, and sum up.

        Steps that end later stay open: what would have happened until their end is not known.
        """
        self._fold(iter(self._reader.close()))
        self._step(_NOTHING, self._carry.slabs.watermark.copy())
        now = self._intake.now
        self._tally.forget_all(now)
        self._lines += self._tally.news()
        counts = dict(sorted(self._tally.total.items()))
        self._lines.append(Technical(None, None if now is None else time_text(now), "summary", counts=counts))
        return self._give()

    def kept(self) -> dict[str, Any]:
        """All that the ward remembers between two calls, as plain values and arrays; a copy is a snapshot."""
        return {
            **{name: part.kept() for name, part in self._parts.items()},
            "slabs": self._carry.slabs._asdict(), "pool": self._carry.pool._asdict(), "hidden": {"hidden": self._hidden},
            "alerts": self._alerts.ward._asdict(), "words": self._alerts.words.kept(),
        }  # fmt: skip

    @classmethod
    def restored(cls, model: Model, policy: AlertPolicy | None, kept: dict[str, Any], answers: bool = False) -> Ward:
        """A ward that goes on from what :meth:`kept` gave, with the same bits; it takes the arrays over.

        Raises:
            StateError: what was kept is of another form than this ward's.
        """
        ward = cls(model, policy, len(kept["beds"]["stay"]), answers)
        fit(kept, ward.kept())
        for name, part in ward._parts.items():
            part.restore(kept[name])
        ward._carry = Carry(Slabs(**kept["slabs"]), Pool(**kept["pool"]))
        ward._hidden = kept["hidden"]["hidden"]
        ward._alerts = AlertState(machine.Ward(**kept["alerts"]))
        ward._alerts.words.restore(kept["words"])
        return ward

    def note(self, reason: str, time: int | None, named: str) -> None:
        """Count what befell the feed on its way here; it is told with the next lines."""
        self._tally.note(reason, None, time, named=named)
        self._lines += self._tally.news()

    def _give(self) -> list[Output]:
        lines, self._lines = self._lines, []
        return with_ids(self._key, lines)

    def _fold(self, remaining: Iterator[Line | Columns]) -> None:
        """Fold lines into the state: samples together, but never across a line that tells the clock."""
        more = True
        while more:
            batch = self._intake.take(remaining)
            self._lines += self._tally.news()
            if batch.admitted:
                self._admit(np.fromiter(batch.admitted, np.int64), np.fromiter(batch.admitted.values(), np.int64))
            if batch.time or batch.before:
                for events in one_a_bed(batch.events()) if self._provisional or self._rescore else (batch.events(),):
                    self._step(events, None)
            if batch.left:
                self._discharge(np.fromiter(batch.left, np.int64), np.fromiter(batch.left.values(), np.int64))
            if batch.told is not None:
                self._hear(batch.told)
            if batch.clock is not None:
                self._pass_time(batch.clock, batch.runs)
            more = batch.ended

    def _admit(self, bed: Int64, admitted: Int64) -> None:
        more = self._beds.capacity - self._carry.beds
        if more > 0:
            self._carry.grow(self._beds.capacity)
            self._hidden = np.concatenate([self._hidden, self._model.initial_hidden(more)])
            self._alerts.grow(self._beds.capacity)
        self._carry.admit(bed, admitted)
        self._hidden[bed] = self._model.initial_hidden(len(bed))
        self._alerts.admit(bed)
        self._silence.admit(bed, self._carry.beds)
        if self._rescore:
            self._rescore.admit(bed, admitted, self._carry.beds)
        if self._provisional:
            self._provisional.forget(bed)

    def _step(self, events: Events, until: Int64 | None) -> None:
        """One tick: window, score, decide, and write down what came of it."""
        stays, channels = self._beds.stay, self._model.settings.channels
        count_unseen(self._tally, stays, events, self._unseen, channels)
        self._carry, rows, dropped = advance(self._model.settings, self._carry, events, until)
        self._silence.hear(events, dropped)
        count_dropped(self._tally, stays, dropped, channels)
        self._lines += self._tally.news()
        risk = self._score(rows) if len(rows) else _NO_RISK
        if self._rescore:
            again = self._rescore.take(self._carry.slabs, stays, (events, dropped), (rows, risk))
            self._lines += with_lives(again, self._beds.lives)
        if self._provisional:
            self._lines += self._provisional.take(self._carry, self._hidden, self._beds, events, dropped)

    def _score(self, rows: Rows) -> Float32:
        risk = score_rows(self._model, self._hidden, rows)
        risk[wrong := ~np.isfinite(risk)] = np.nan
        count_no_number(self._tally, self._beds.stay, rows, wrong)
        decisions = None
        if self._policy is not None:
            self._alerts, decisions = decide(self._policy, self._alerts, rows.bed, rows.time, risk)
        self._lines += with_lives(scored(self._beds.stay, rows, risk, decisions, self._key), self._beds.lives)
        return risk

    def _discharge(self, bed: Int64, time: Int64) -> None:
        """Close the steps that ended before the discharge, and empty the beds."""
        # offline a discharge is believed whatever it says, so live too, short of what would fill the memory with rows
        window = self._model.settings.window
        until, ahead = self._carry.until(bed, time, max(window.max_gap, _MOST_STEPS * window.step))
        for b in bed[time < self._carry.slabs.admitted[bed]].tolist():
            self._tally.note("discharge_before_admission", self._beds.stay[b], int(until[b]))
        self._step(_NOTHING, until)
        self._carry.release(bed)
        for b, t, wrong in zip(bed.tolist(), time.tolist(), ahead.tolist(), strict=True):
            if wrong:
                self._tally.note("ahead", self._beds.stay[b], t)
            self._tally.leave(self._beds.stay[b], t)
            self._beds.free(b)
        self._lines += self._tally.news()

    def _hear(self, word: Word) -> None:
        """What somebody said of a patient."""
        if self._policy is not None:
            _, ahead = self._carry.until(np.array(word[1:2]), np.array(word[2:3]), self._model.settings.window.max_gap)
            hear_word(self._policy, self._alerts, self._tally, self._beds.stay[word[1]], word, bool(ahead[0]))
            self._lines += self._tally.news()

    def _pass_time(self, clock: int, runs: bool) -> None:
        """Close every step that has been over for as long as the grace, or with a short one and a running clock, if silent."""
        there, window = self._carry.slabs.admitted != NEVER, self._model.settings.window
        news: list[Technical] = []
        if runs:
            self._begin_anew(clock)
            news = self._silence.tick(clock, self._intake.latest(), self._beds.stay, self._carry.slabs.admitted)
            there &= self._silence.silent | (window.grace >= window.skew)
        until, ahead = self._carry.until(np.flatnonzero(there), clock, window.max_gap)
        until[until != NEVER] -= max(window.grace, window.skew * runs)
        if ahead.any():
            self._tally.note("ahead", None, clock)
        self._step(_NOTHING, until)
        self._lines += [*self._tally.news(), *news]

    def _begin_anew(self, now: int) -> None:
        """Forget what is known of beds that a wrong time has led too far ahead, but for who lies there."""
        for bed, begin, known in astray(self._model.settings, self._carry, now):
            self._admit(np.array([bed]), np.array([begin]))
            self._beds.begin_anew(self._beds.stay[bed])
            self._tally.note("began_anew", self._beds.stay[bed], now)
            self._step(known, None)
