"""What must hold however badly it goes: each law looks on while the ward runs, and keeps no more than is still open."""

from __future__ import annotations

import hashlib
from collections import Counter, deque
from collections.abc import Iterable
from typing import Any

import numpy as np

from tests.faults.oracle import Closed, Oracle
from tests.faults.patients import HOUR, MINUTE, SIGNALS
from vitals.feeds.lines import Alert, Output, Risk, Technical
from vitals.feeds.ndjson import encode_lines
from vitals.feeds.times import read_time
from vitals.scoring.model import Model
from vitals.spec.policy import AlertPolicy
from vitals.ward.ward import Ward

RECENT = 20_000
"""Outputs that may be said again; a ward takes a snapshot every hour of virtual time at least."""


BEGINS = {"no_valid_score", "stale_channel", "silent_bed", "silent_feed"}
ENDS = {
    "valid_score_again": "no_valid_score", "channel_back": "stale_channel", "bed_back": "silent_bed",
    "feed_back": "silent_feed",
}  # fmt: skip
LEAST = 3 * MINUTE
LONGEST = 4 * HOUR
"""How long a channel that a monitor sends may be missing at most before that is told."""

MONITORED = 60
"""Samples after which a channel is one that a monitor sends: a nurse charts at most every hour."""


class Once:
    """What was said, made unique by its id: the same id says the same."""

    def __init__(self) -> None:
        self._said: dict[str, bytes] = {}
        self._order: deque[str] = deque()
        self._sum = 0
        self.count = self.repeated = 0

    def take(self, lines: Iterable[Output]) -> list[tuple[str, Output]]:
        """Those that were not said before."""
        new = []
        for line in lines:
            assert isinstance(line, Risk | Alert | Technical)
            assert line.id is not None
            text = encode_lines([line])
            before = self._said.get(line.id)
            if before is None:
                new.append((line.id, line))
                self._keep(line.id, text, not (isinstance(line, Technical) and line.reason == "started"))
            else:
                assert before == text, f"the same id, but first {before!r}, then {text!r}"
                self.repeated += 1
        return new

    def digest(self) -> str:
        """Of everything that was said, in any order: how the input is cut decides which of two stays is told first."""
        return f"{self._sum:064x}"

    def _keep(self, name: str, text: bytes, for_a_while: bool) -> None:
        self._said[name] = text
        if for_a_while:  # that it has started a ward says in each of its lives
            self._order.append(name)
        self._sum = (self._sum + int.from_bytes(hashlib.sha256(text).digest(), "big")) % (1 << 256)
        self.count += 1
        if len(self._order) > RECENT:
            del self._said[self._order.popleft()]


class Equal:
    """Two ways to the same: what one has said, the other says as well, sooner or later, and nothing else."""

    def __init__(self, law: str) -> None:
        self.law, self.count = law, 0
        self._open: dict[Any, tuple[int, Any]] = {}

    def say(self, side: int, key: Any, value: Any) -> None:
        """One side (0 or 1) says something."""
        found = self._open.pop(key, None)
        if found is None:
            self._open[key] = (side, value)
        else:
            assert found[0] != side, f"{self.law}: {key} twice: {found[1]}, {value}"
            assert found[1] == value, f"{self.law}: {key}: {found[1]} and {value}"
            self.count += 1

    def end(self) -> None:
        """Nothing is left."""
        rest = list(self._open.items())[:3]
        assert not rest, f"{self.law}: only one side says, of {len(self._open)}: {rest}"


class Reference:
    """A ward that knows no faults: it is fed what counts, in order of event time."""

    def __init__(self, model: Model, policy: AlertPolicy | None, beds: int = 64) -> None:
        self._ward = Ward(model, policy, beds)
        self._there: set[str] = set()

    def feed(self, closed: Iterable[Closed], clock: int) -> list[Output]:
        """What closed, and then the clock."""
        parts = [text for one in closed for text in self._lines(one)]
        parts.append(f'{{"kind":"clock","time":{clock}}}\n')
        return self._ward.feed("".join(parts).encode())

    def end(self, closed: Iterable[Closed]) -> list[Output]:
        """The input is over."""
        return (
            self._ward.feed("".join(text for one in closed for text in self._lines(one)).encode()) + self._ward.close()
        )

    def _lines(self, one: Closed) -> Iterable[str]:
        if one.stay not in self._there:
            self._there.add(one.stay)
            known = "" if one.age is None else f',"demographics":{{"age":{one.age:g}}}'
            yield f'{{"kind":"admit","stay":"{one.stay}","time":{one.admitted}{known}}}\n'
        head = f'{{"stay":"{one.stay}","time":'
        for time, signal, value in one.samples:
            yield f'{head}{time},"signal":"{SIGNALS[signal]}","value":{value:.7g}}}\n'
        if one.gone:
            self._there.discard(one.stay)
            yield f'{{"kind":"discharge","stay":"{one.stay}","time":{one.clock}}}\n'


class Laws:
    """All of them.

    Args:
        model: of the ward.
        policy: of the ward.
        oracle: knows what counts.
        trial: every so many beds (``alone``) have a ward of their own for each stay, in which nobody else can leave
            anything; whether the clock is a ``running`` one.
    """

    def __init__(self, model: Model, policy: AlertPolicy | None, oracle: Oracle, trial: Any) -> None:
        alone, self._running = trial.alone, trial.running
        self._model, self._policy, self._oracle, self._alone = model, policy, oracle, alone
        self._reference, self._single = Reference(model, policy), dict[str, Reference]()
        self.lives, self.steady = Once(), Once()
        self.once = Equal("a ward that dies says what one says that never dies")
        self.exact = Equal("risks and alerts are those of the accepted samples in order of event time")
        self.apart = Equal("risks and alerts of a stay are those of a ward in which it is alone")
        self.rows = Equal("each step has one risk, and none on an empty window")
        self.told: Counter[str] = Counter()
        self.counted: dict[str, int] = {}
        self.standing: set[tuple[str, str | None, str | None]] = set()
        self.youngest = np.inf

    def heard(self, lines: list[Output]) -> None:
        """What the ward says that dies."""
        for name, line in self.lives.take(lines):
            self.once.say(0, name, line)

    def said(self, lines: list[Output]) -> None:
        """What the ward says that never dies."""
        for name, line in self.steady.take(lines):
            if isinstance(line, Technical):
                self._technical(line)
                if line.reason == "summary":
                    self.counted = dict(line.counts or {})
            else:
                self.exact.say(0, name, line)
                if self._watched(line.stay):
                    self.apart.say(0, name, line)
                if isinstance(line, Risk):
                    self.rows.say(0, (line.stay, read_time(line.time)), line.risk is not None)
            self.once.say(1, name, line)

    def tick(self) -> None:
        """Compare what has become certain."""
        closed, clock = self._oracle.closed(), self._oracle.clock
        self._certain()
        if self._running:
            self._nothing_is_missed()
        self._refer(self.exact, self._reference.feed(closed, clock))
        for one in closed:
            if self._watched(one.stay) and one.stay not in self._single:
                self._single[one.stay] = Reference(self._model, self._policy, beds=1)
        for stay, ward in list(self._single.items()):
            own = [one for one in closed if one.stay == stay]
            self._refer(self.apart, ward.feed(own, clock))
            if any(one.gone for one in own):
                del self._single[stay]

    def end(self) -> None:
        """The input is over: what was to be said is said, and all is counted."""
        self._oracle.end()
        closed = self._oracle.closed()
        self._certain()
        self._refer(self.exact, self._reference.end(closed))
        for stay, ward in self._single.items():
            self._refer(self.apart, ward.end([one for one in closed if one.stay == stay]))
        for law in (self.once, self.exact, self.apart, self.rows):
            law.end()
        wanted = {reason: count for reason, count in self._oracle.counts.items() if count}
        assert self.counted == wanted, f"counters: the ward says {self.counted}, and it was {wanted}"
        for reason, count in wanted.items():
            assert self.told[reason] == count, f"reports of {reason} speak of {self.told[reason]}, and it was {count}"

    def ages(self, rows: Any) -> None:
        """No sample is younger than its row."""
        if len(rows):
            least = float(np.fmin.reduce(rows.age, axis=None))
            assert not least < 0, f"an age of {least} hours"
            self.youngest = min(self.youngest, least)

    def _technical(self, line: Technical) -> None:
        self.told[line.reason] += line.count or 1
        if line.reason in ENDS:
            key = (ENDS[line.reason], line.stay, line.signal)
            assert key in self.standing, f"{line}: it was never told that this had begun"
            self.standing.discard(key)
        elif line.reason in BEGINS:
            key = (line.reason, line.stay, line.signal)
            assert key not in self.standing, f"{line}: told twice"
            self.standing.add(key)
            if line.reason in {"stale_channel", "silent_bed"}:
                self._was_missed(line)

    def _was_missed(self, line: Technical) -> None:
        """A channel that is told to be stale has brought nothing for a while, and so has all that a silent bed has."""
        bed, now = self._oracle.beds.get(line.stay or ""), read_time(line.time)
        assert now is not None
        seen = bed.seen if bed else [0]
        since = now - (max(seen) if line.signal is None else seen[SIGNALS.index(line.signal)])
        assert since > LEAST, f"{line}: it brought something {since / 6e7:.1f} minutes ago"

    def _nothing_is_missed(self) -> None:
        """Whatever has long been missing was told: for itself, or with its whole bed, or with the whole feed."""
        for stay, bed in self._oracle.beds.items():
            for signal, seen in enumerate(bed.seen[:3]):  # only a nurse takes the others
                if bed.came[signal] >= MONITORED and self._oracle.clock - max(seen, bed.admitted) > LONGEST:
                    told = {("stale_channel", stay, SIGNALS[signal]), ("silent_bed", stay, None)}
                    told.add(("silent_feed", None, None))
                    assert told & self.standing, f"{stay}: {SIGNALS[signal]} is missing, and nobody was told"

    def _certain(self) -> None:
        rows, self._oracle.rows = self._oracle.rows, []
        least = self._model.settings.window.min_observed
        for row in rows:
            self.rows.say(1, (row.stay, row.time), row.known >= least)

    def _refer(self, law: Equal, lines: list[Output]) -> None:
        for line in lines:
            if isinstance(line, Risk | Alert):
                law.say(1, line.id, line)

    def _watched(self, stay: str) -> bool:
        return int(stay[1:5]) % self._alone == 0
