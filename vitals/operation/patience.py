"""A word to whoever waits: after an installation loops are compiled once, which can look like a ward that hangs."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

SECONDS = 4.0
"""After so long something is said."""

NOTICE = "still starting: after an installation or an update compiled loops are made once, up to a minute or two"


@contextmanager
def patience(tell: Callable[[str], None], seconds: float = SECONDS) -> Iterator[None]:
    """Say that this may take a while, if it does.

    Args:
        tell: is told.
        seconds: after which.

    Example:
        >>> import time
        >>> with patience(print, 0.01):
        ...     time.sleep(0.3)
        still starting: after an installation or an update compiled loops are made once, up to a minute or two
        >>> with patience(print, 60):
        ...     pass
    """
    timer = threading.Timer(seconds, tell, [NOTICE])
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
