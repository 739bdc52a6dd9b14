"""What a monitoring system counts of a running ward: Prometheus metrics without any name of a patient or a place.

Labels are ``reason``, ``tier`` and ``kind``, and their values are words of this package: nothing that came in with the feed
becomes a label.
"""

from __future__ import annotations

import time
from collections import Counter as Words
from collections.abc import Sequence

import msgspec
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from vitals.feeds.lines import Alert, Answers, Output, Risk, Technical
from vitals.feeds.steady import Tick
from vitals.feeds.times import read_time
from vitals.operation.lag import Lag

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_BUCKETS = (
    20e-6, 50e-6, 100e-6, 200e-6, 500e-6, 1e-3, 2e-3, 5e-3, 1e-2, 2e-2, 5e-2, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 120,
)  # fmt: skip


class _Timed(msgspec.Struct, gc=False):
    """Of a line of input, its time."""

    time: str | int | None = None


_DECODER = msgspec.json.Decoder(_Timed)


class Metrics:
    r"""Counters, gauges and histograms of one ward; fed by whoever runs it, read by any thread.

    Args:
        lag: how far the ward may be behind its source.

    Example:
        >>> metrics = Metrics(Lag())
        >>> metrics.took(b'{"stay":"p1","time":0}\n')
        >>> metrics.said([Risk("p1", "1970-01-01T01:00:00Z", 0.25)])
        >>> b'vitals_risks_total{kind="number"} 1.0' in metrics.text(), b"p1" in metrics.text()
        (True, False)
    """

    def __init__(self, lag: Lag) -> None:
        self.lag, self.registry = lag, CollectorRegistry()
        self._took_at = time.monotonic()
        self._newest: int | None = None
        self._count()
        self._measure()
        self._observe()

    def took(self, block: bytes) -> None:
        """A block of input was read.

        Args:
            block: its bytes.
        """
        self._bytes.inc(len(block))
        self._lines.inc(block.count(b"\n"))
        if not isinstance(block, Tick):  # which comes from this process, whatever the feed does
            self._took_at = time.monotonic()
            self._date(block)

    def said(self, lines: Sequence[Output]) -> None:
        """Lines of output were written."""
        risks = Words[str]()  # a label is looked up once a block: for each line it would cost more than the line
        for line in lines:
            if isinstance(line, Answers):
                risks["provisional"] += line.many
            elif isinstance(line, Risk):
                risks["none" if line.risk is None else "provisional" if line.provisional else "number"] += 1
                if line.risk is None:
                    self._missing.labels(line.reason or "unknown").inc()
            elif isinstance(line, Alert):
                self._say_alert(line)
            else:
                self._say_news(line)
        for kind, many in risks.items():
            self._risks.labels(kind).inc(many)

    def worked(self, scoring: float, writing: float, answer: float) -> None:
        """A block was answered.

        Args:
            scoring: seconds from having its bytes to having its lines of output.
            writing: seconds to write and flush them.
            answer: seconds from the earliest time its first byte may have been there to the flush.
        """
        self._scoring.observe(scoring)
        self._writing.observe(writing)
        self._answer.observe(answer)

    def stays(self, present: int) -> None:
        """So many stays are in the ward."""
        self._stays.set(present)

    def ready(self, is_ready: bool) -> None:
        """Whether the ward takes input."""
        self._ready.set(is_ready)

    def lost_lease(self, reason: str) -> None:
        """A partition is another worker's: it was ``taken``, ``expired`` unheard, or ``released`` by this one."""
        self._leases.labels(reason).inc()

    def text(self) -> bytes:
        """All of them in Prometheus' text form."""
        return generate_latest(self.registry)

    def _count(self) -> None:
        def counter(name: str, what: str, *labels: str) -> Counter:
            return Counter(f"vitals_{name}", what, labels, registry=self.registry)

        self._bytes = counter("input_bytes", "Bytes of input read.")
        self._lines = counter("input_lines", "Lines of input read.")
        self._risks = counter("risks", "Risks written: kind is number, none or provisional.", "kind")
        self._missing = counter("risks_missing", "Risks that are null, by why.", "reason")
        self._alerts = counter("alerts", "Alerts that were sent on.", "tier")
        self._held = counter("alerts_held_back", "Alerts that were held back, by what.", "tier", "reason")
        self._technical = counter("technical_lines", "Technical lines written.", "reason")
        self._left_out = counter("left_out", "What the technical lines counted, such as lines left out.", "reason")
        self._leases = counter("lease_losses", "Leases of partitions that were lost.", "reason")

    def _measure(self) -> None:
        def gauge(name: str, what: str) -> Gauge:
            return Gauge(f"vitals_{name}", what, registry=self.registry)

        self._stays = gauge("stays", "Stays in the ward.")
        self._ready = gauge("ready", "1 while the ward takes input.")
        gauge("lag_seconds", "Data may have waited at most so long.").set_function(self.lag.seconds)
        gauge("feed_silent_seconds", "Since the last input.").set_function(lambda: time.monotonic() - self._took_at)
        gauge("event_age_seconds", "This machine's clock less the newest time in the feed.").set_function(self._age)
        gauge("started_time_seconds", "When this process began, Unix time.").set(time.time())

    def _observe(self) -> None:
        def histogram(name: str, what: str) -> Histogram:
            return Histogram(f"vitals_{name}_seconds", what, registry=self.registry, buckets=_BUCKETS)

        self._scoring = histogram("scoring", "A block of input to its lines of output.")
        self._writing = histogram("writing", "Writing and flushing the lines of output of a block.")
        self._answer = histogram("answer", "From when a block may have begun to arrive to its flushed output.")

    def _say_alert(self, line: Alert) -> None:
        if line.suppressed_by is None:
            self._alerts.labels(line.tier).inc()
        else:
            self._held.labels(line.tier, line.suppressed_by).inc()

    def _say_news(self, line: Technical) -> None:
        self._technical.labels(line.reason).inc()
        if line.count is not None:
            self._left_out.labels(line.reason).inc(line.count)

    def _date(self, block: bytes) -> None:
        """The newest time in the feed, as far as the last whole line of each block tells it."""
        end = block.rfind(b"\n")
        if end < 0:
            return
        try:
            told = read_time(_DECODER.decode(block[block.rfind(b"\n", 0, end) + 1 : end]).time)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return
        if told is not None and (self._newest is None or told > self._newest):
            self._newest = told

    def _age(self) -> float:
        return float("nan") if self._newest is None else time.time() - self._newest / 1e6
