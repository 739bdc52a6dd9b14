"""Run a ward: what comes in is answered block by block, and all that is told of it on the way is told here."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from vitals.durable.durable_ward import DurableWard
from vitals.feeds.lines import Alert, Answers, Output, Risk, Technical
from vitals.feeds.ndjson import encode_lines
from vitals.flows.swapping import Swap
from vitals.operation.health import Health
from vitals.operation.lag import Lag
from vitals.operation.logs import Log
from vitals.operation.patience import patience
from vitals.operation.reading import Reading
from vitals.operation.requests import Requests
from vitals.operation.running import Running
from vitals.operation.silent import silence
from vitals.ward.outputs import with_ids
from vitals.ward.swap import present
from vitals.ward.ward import Ward

if TYPE_CHECKING:
    from vitals.operation.metrics import Metrics

_COUNT_EVERY = 1.0  # seconds between two counts of the stays


class Operation:
    """A ward that is being run.

    Args:
        running: how.
        swap: the model and policy, and what may take their place.
        sink: takes the lines of output; flushed after every block.
        state: folder of a durable ward.

    Attributes:
        counts: lines that went out, by kind.
    """

    def __init__(self, running: Running, swap: Swap, sink: BinaryIO, state: Path | None = None) -> None:
        self.counts = Counter[str]()
        self.lag, self.requests, self.health = Lag(running.max_lag), Requests(), Health(swap.model.digest, state)
        self.metrics: Metrics | None = None
        self.log: Log | None = None
        self._running, self._swap, self._sink = running, swap, sink
        self._ward: Ward | DurableWard | None = None
        self._counted_at, self._keeps_model, self._first = float("-inf"), False, True

    def reading(self, source: BinaryIO) -> Reading:
        """The source, ending when the ward is to stop."""
        self.health.open = True
        self._tell_ready()
        return Reading(source, self.lag, self.requests, self._between)

    def begin(self, ward: Ward | DurableWard, keeps_model: bool = False) -> None:
        """Take over a ward that is ready for input.

        Args:
            ward: the ward.
            keeps_model: whether a wish to swap its model is refused.
        """
        self._ward, self._keeps_model = ward, keeps_model

    def lost_lease(self, reason: str) -> None:
        """Count that another worker has what was this one's: ``expired``, ``taken`` or ``released``."""
        if self.metrics:
            self.metrics.lost_lease(reason)

    def answer(self, piece: bytes) -> None:
        """Take in a block and write what it leads to."""
        assert self._ward is not None, "begin() comes first"
        self.health.begin()
        behind, began = self.lag.seconds(), time.perf_counter()
        if self.metrics:
            self.metrics.took(piece)
        with patience(self._running.tell) if self._first else nullcontext():
            lines = self._ward.feed(piece)
        self._first = False
        scored = time.perf_counter()
        self.write(lines)
        if self.metrics:
            done = time.perf_counter()
            self.metrics.worked(scored - began, done - scored, behind + done - began)
        self.health.end()
        self._go_on()

    def write(self, lines: list[Output]) -> None:
        """Write lines of output, and count them."""
        if not lines:
            return
        if self._running.silent:
            silence(lines)
        self._sink.write(encode_lines(lines))
        self._sink.flush()
        for line in lines:
            if isinstance(line, Answers):
                self.counts["provisional"] += line.many
            elif isinstance(line, Risk):
                self.counts["provisional" if line.provisional else "risks"] += 1
            elif isinstance(line, Alert):
                self.counts["alerts" if line.suppressed_by is None else "held_back"] += 1
            else:
                self.counts["technical"] += 1
        if self.metrics:
            self.metrics.said(lines)
        if self.log:
            self.log.said(lines)

    def end(self) -> dict[str, Any]:
        """The input is over, or the ward was told to stop: write the last lines, and sum up.

        A ward that is stopped closes no step: what would have come in next is not known, and a durable ward goes on from here.
        """
        assert self._ward is not None, "begin() comes first"
        self.health.open = False
        self._tell_ready()
        if self.requests.stop:
            if isinstance(self._ward, DurableWard):
                self._ward.save()
            kept = "all is kept" if isinstance(self._ward, DurableWard) else "open steps are lost"
            notice = f"{self.requests.named or 'asked to'}: every block that was read is answered; {kept}"
            self._say(Technical(None, None, "stopping", notice=notice))
        else:
            self.write(self._ward.close())
        left_out = dict(sorted(self._bare().kept()["tally"]["total"].items()))
        names = ("risks", "alerts", "held_back", "technical", *(["provisional"] if self.counts["provisional"] else []))
        return {name: self.counts[name] for name in names} | {"left_out": left_out}

    def _say(self, line: Technical) -> None:
        # the moment tells two of them apart: they are news of this process, not of its input
        self.write(with_ids(str(time.time_ns()), [line]))

    def _between(self) -> None:
        """Do what was asked for, where nothing is in hand."""
        self._news_of_lag()
        if self.requests.reload and self._ward is not None:
            self.requests.reload = False
            if self._keeps_model:
                notice = "a ward with corrected risks keeps its model: stop it, and start a new one with the new model"
                self._say(Technical(None, None, "swap_refused", model=self._swap.model.digest, notice=notice))
                return
            self._change(self._swap.ask)
            self._go_on()

    def _go_on(self) -> None:
        self._change(self._swap.go_on)
        self._news_of_lag()
        now = time.monotonic()
        if self.metrics and self._ward is not None and now - self._counted_at > _COUNT_EVERY:
            self.metrics.stays(present(self._bare()))
            self._counted_at = now

    def _change(self, swap: Callable[[Ward], tuple[Ward, Technical | None]]) -> None:
        """Let a swap put another ward in the place of this one; a durable one keeps that before it is said."""
        if self._ward is None:
            return
        before = self._bare()
        ward, news = swap(before)
        if isinstance(self._ward, Ward):
            self._ward = ward
        elif ward is not before:
            self._ward.go_on_with(ward, self._swap.model, self._swap.policy)
        self.health.model = self._swap.model.digest
        if news is not None:
            self._say(news)

    def _bare(self) -> Ward:
        assert self._ward is not None, "begin() comes first"
        return self._ward.ward if isinstance(self._ward, DurableWard) else self._ward

    def _news_of_lag(self) -> None:
        news = self.lag.news()
        if news is not None:
            self._say(news)

    def _tell_ready(self) -> None:
        if self.metrics:
            self.metrics.ready(self.health.open)


@contextmanager
def operating(running: Running, swap: Swap, sink: BinaryIO, state: Path | None = None) -> Iterator[Operation]:
    """Everything that a running ward has around it, from before it is made until it is over.

    Raises:
        SettingsError: an address for the metrics that cannot be used, or a level of the log that is none.
        OSError: the log cannot be opened.

    Example:
        >>> import io
        >>> from vitals.scoring.model import open_model
        >>> opened = open_model(model)
        >>> with operating(Running(), Swap(opened, None, lambda: (opened, None)), io.BytesIO()) as operation:
        ...     operation.begin(Ward(opened))
        ...     while piece := operation.reading(io.BytesIO(b"what?")).read1(100):
        ...         operation.answer(piece)
        ...         operation.requests.stop = True
        ...     operation.end()["technical"]
        2
    """
    operation = Operation(running, swap, sink, state)
    with ExitStack() as stack:
        if running.log:
            operation.log = Log(running.log_file, running.log_level)
            stack.callback(operation.log.close)
        if running.signals:
            stack.enter_context(operation.requests.of_signals())
        if running.metrics is not None:
            stack.enter_context(_measured(running, operation))
        yield operation


@contextmanager
def _measured(running: Running, operation: Operation) -> Iterator[None]:
    from vitals.operation.metrics import Metrics
    from vitals.operation.serving import read_address, serving

    address = read_address(str(running.metrics), running.metrics_anywhere)
    operation.metrics = Metrics(operation.lag)
    with serving(address, operation.metrics, operation.health) as place:
        running.tell(f"metrics: {place}/metrics")
        if operation.log:
            operation.log.say("info", "serving", address=place)
        yield
