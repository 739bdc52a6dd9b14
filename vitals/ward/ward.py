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
from vitals.feeds.times import LATEST, time_text
from vitals.scoring.model import Model
from vitals.scoring.ward_step import score_rows
from vitals.spec.policy import AlertPolicy
from vitals.ward.beds import Beds
from vitals.ward.intake import Batch, Intake
from vitals.ward.keeping import fit
from vitals.ward.outputs import NO_NUMBER, count_dropped, policy_digest, refuse_other_model, scored, with_ids
from vitals.ward.provisional import Provisional
from vitals.ward.tally import Tally
from vitals.windowing.advance import advance, close_due
from vitals.windowing.carry import Carry, Pool, Slabs
from vitals.windowing.types import NEVER, Dropped, Events, Int64, Rows

NOTICE = "research use only; not a medical device"

_NOTHING = Batch().events()
_MOST_STEPS = 100_000  # that a discharge may close at once


class Ward:
    r"""Every bed of a ward, and what is known of each.

    However the stream is cut into blocks, each stay gets the same risks and alerts in the same order.

    Args:
        model: scores the rows.
        policy: decides which risks alert; None for risks alone.
        beds: rows to begin with; they double whenever all are taken.
        provisional: answer every sample at once with the risk its bed would get if the running step closed now.

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
        self, model: Model, policy: AlertPolicy | None = None, beds: int = 64, provisional: bool = False
    ) -> None:
        refuse_other_model(model, policy)
        digest = policy_digest(policy)
        self._model, self._policy = model, policy
        self._key = f"{model.digest}\0{digest}"
        self._reader = LineReader()
        self._beds, self._tally = Beds(beds), Tally()
        self._intake = Intake(model.settings, self._beds, self._tally)
        self._plain = PlainReader(self._reader, lambda: self._beds.names, model.settings.channels)
        self._carry = Carry.empty(model.settings, beds)
        self._unseen = np.isin(model.settings.channels, model.about.get("unseen", []))
        self._unseen_any = bool(self._unseen.any())
        self._hidden = model.initial_hidden(beds)
        self._alerts = AlertState.empty(beds)
        self._provisional = Provisional(model, beds) if provisional else None
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
            "reader": self._reader.kept(), "beds": self._beds.kept(), "tally": self._tally.kept(),
            "now": self._intake.now, "slabs": self._carry.slabs._asdict(), "pool": self._carry.pool._asdict(),
            "hidden": {"hidden": self._hidden}, "alerts": self._alerts.ward._asdict(), "words": self._alerts.words.kept(),
        }  # fmt: skip

    @classmethod
    def restored(cls, model: Model, policy: AlertPolicy | None, kept: dict[str, Any]) -> Ward:
        """A ward that goes on from what :meth:`kept` gave, with the same bits; it takes the arrays over.

        Raises:
            StateError: what was kept is of another form than this ward's.
        """
        ward = cls(model, policy, len(kept["beds"]["stay"]))
        fit(kept, ward.kept())
        ward.restore(kept)
        return ward

    def restore(self, kept: dict[str, Any]) -> None:
        """Go on from what was kept, whose form has been looked at."""
        self._reader.restore(kept["reader"])
        self._beds.restore(kept["beds"])
        self._tally.restore(kept["tally"])
        self._intake.now = kept["now"]
        self._carry = Carry(Slabs(**kept["slabs"]), Pool(**kept["pool"]))
        self._hidden = kept["hidden"]["hidden"]
        self._alerts = AlertState(machine.Ward(**kept["alerts"]))
        self._alerts.words.restore(kept["words"])

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
                self._take_in(batch.events())
            if batch.left:
                self._discharge(np.fromiter(batch.left, np.int64), np.fromiter(batch.left.values(), np.int64))
            if batch.told is not None:
                self._hear(*batch.told)
            if batch.clock is not None:
                self._pass_time(batch.clock)
            more = batch.clock is not None or batch.told is not None

    def _admit(self, bed: Int64, admitted: Int64) -> None:
        more = self._beds.capacity - self._carry.beds
        if more > 0:
            self._carry.grow(self._beds.capacity)
            self._hidden = np.concatenate([self._hidden, self._model.initial_hidden(more)])
            self._alerts.grow(self._beds.capacity)
        self._carry.admit(bed, admitted)
        self._hidden[bed] = self._model.initial_hidden(len(bed))
        self._alerts.admit(bed)
        if self._provisional:
            self._provisional.forget(bed)

    def _take_in(self, events: Events) -> None:
        """Samples, in order: what they make due is closed, and each is answered where that is wanted."""
        for i in np.flatnonzero(self._unseen[events.signal]).tolist() if self._unseen_any else ():
            # it takes part in windowing, as offline, but the model was never taught what it means
            self._tally.note("signal_not_trained", self._beds.stay[events.bed[i]], int(events.time[i]))
        at, answering = 0, self._provisional
        if answering is None:
            self._step(events, None)
            return
        while at < len(events):
            at, dropped = answering.take(self._carry, self._beds, events, at)
            if dropped is not None:
                count_dropped(self._tally, self._beds.stay, dropped)
                self._lines += self._tally.news()
            self._lines += answering.settled(self._beds)
            if len(answering.waiting):
                self._told(*close_due(self._model.settings, self._carry, answering.waiting))
                self._lines += answering.anew(self._carry, self._hidden, self._beds)

    def _step(self, events: Events, until: Int64 | None) -> None:
        """One tick: window, score, decide, and write down what came of it."""
        self._carry, rows, dropped = advance(self._model.settings, self._carry, events, until)
        self._told(rows, dropped)

    def _told(self, rows: Rows, dropped: Dropped) -> None:
        """Score rows, decide, and write down what came of it and what was left out."""
        if len(dropped.event) or len(dropped.repaired):
            count_dropped(self._tally, self._beds.stay, dropped)
        self._lines += self._tally.news()
        if len(rows):
            self._score(rows)

    def _score(self, rows: Rows) -> None:
        risk = score_rows(self._model, self._hidden, rows)
        risk[wrong := ~np.isfinite(risk)] = np.nan
        for r in np.flatnonzero(wrong & (rows.reason == 0)).tolist():
            self._tally.note(NO_NUMBER, self._beds.stay[rows.bed[r]], int(rows.time[r]))
        decisions = None
        if self._policy is not None:
            self._alerts, decisions = decide(self._policy, self._alerts, rows.bed, rows.time, risk)
        self._lines += scored(self._beds.stay, rows, risk, decisions, self._key)

    def _discharge(self, bed: Int64, time: Int64) -> None:
        """Close the steps that ended before the discharge, and empty the beds."""
        until = np.full(self._carry.beds, NEVER)
        # offline a discharge is believed whatever it says, so live too, short of what would fill the memory with rows
        window = self._model.settings.window
        ahead = self._carry.after_known(bed, time) > max(window.max_gap, _MOST_STEPS * window.step)
        until[bed] = np.where(ahead, NEVER, time)
        for b in bed[time < self._carry.slabs.admitted[bed]].tolist():
            self._tally.note("discharge_before_admission", self._beds.stay[b], int(until[b]))
        self._step(_NOTHING, until)
        self._carry.release(bed)
        for b, t, wrong in zip(bed.tolist(), time.tolist(), ahead.tolist(), strict=True):
            stay = self._beds.stay[b]
            if wrong:
                self._tally.note("ahead", stay, t)
            self._tally.leave(stay, t)
            self._beds.free(b)
        self._lines += self._tally.news()

    def _hear(self, kind: str, bed: int, time: int, until: int) -> None:
        """What somebody said of a patient holds from its time on, for scores that are still to come; it is confirmed."""
        if self._policy is None:
            return
        stay, told, ends, fault = self._beds.stay[bed], "acknowledged", None, None
        if self._carry.after_known(np.array([bed]), np.array([time]))[0] > self._model.settings.window.max_gap:
            fault = "ahead"  # it would wait for scores of that time
        elif kind == "acknowledge":
            ends = self._alerts.acknowledge(self._policy, bed, time, until)
        elif kind == "event":
            told, fault = "event_began", self._alerts.event_begins(bed, time)
        else:
            told, fault = "event_ended", self._alerts.event_ends(self._policy, bed, time)
            ends = min(time + int(self._policy.reset), LATEST)
        if fault is None:
            text = None if ends is None else time_text(ends)
            self._lines.append(Technical(stay, time_text(time), told, until=text))
        else:
            self._tally.note(fault, stay, time)
            self._lines += self._tally.news()

    def _pass_time(self, clock: int) -> None:
        """Close every step that has been over for as long as the grace."""
        bed = np.flatnonzero(self._carry.slabs.admitted != NEVER)
        until = np.full(self._carry.beds, NEVER)
        window = self._model.settings.window
        ahead = self._carry.after_known(bed, np.full(len(bed), clock)) > window.max_gap
        until[bed] = np.where(ahead, NEVER, clock - int(window.grace))
        if ahead.any():
            self._tally.note("ahead", None, clock)
        self._step(_NOTHING, until)
        self._lines += self._tally.news()
