"""What is asked of a running ward from outside: signals, heard between two blocks and never in the midst of one."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_STOP = (signal.SIGTERM, signal.SIGINT)


class Requests:
    """What was asked for and not done yet.

    Attributes:
        stop: the ward is to finish the block in hand and end.
        reload: the model and the policy are to be looked at again.
        wake: a file descriptor that can be read as soon as something is asked for; None where nothing can be.

    Example:
        >>> requests = Requests()
        >>> requests.waiting
        False
        >>> requests.reload = True
        >>> requests.waiting
        True
    """

    def __init__(self) -> None:
        self.stop = self.reload = False
        self.wake: int | None = None
        self.named = ""

    @property
    def waiting(self) -> bool:
        """Whether anything was asked for."""
        return self.stop or self.reload

    def heard(self) -> None:
        """Empty the descriptor that woke us."""
        if self.wake is not None:
            os.read(self.wake, 64)

    @contextmanager
    def of_signals(self) -> Iterator[Requests]:
        """Listen to SIGTERM and SIGINT (stop) and SIGHUP (reload); a second signal to stop ends the process at once.

        For the main thread of a process only, and given back when done.
        """
        self.wake, to_wake = os.pipe()
        os.set_blocking(to_wake, False)
        os.set_blocking(self.wake, False)

        def hear(number: int, _: FrameType | None) -> None:
            if number == signal.SIGHUP:
                self.reload = True
            else:
                self.stop, self.named = True, signal.Signals(number).name
                for other in _STOP:
                    signal.signal(other, signal.SIG_DFL)

        before = {number: signal.signal(number, hear) for number in (*_STOP, signal.SIGHUP)}
        earlier = signal.set_wakeup_fd(to_wake, warn_on_full_buffer=False)
        try:
            yield self
        finally:
            signal.set_wakeup_fd(earlier)
            for number, handler in before.items():
                signal.signal(number, handler)
            os.close(self.wake)
            os.close(to_wake)
            self.wake = None
