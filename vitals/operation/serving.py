"""A small web server of its own thread: ``/metrics``, ``/healthz`` and ``/readyz``, on this machine only unless told."""

from __future__ import annotations

import ipaddress
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import msgspec

from vitals.errors import SettingsError
from vitals.operation.health import Health
from vitals.operation.metrics import CONTENT_TYPE, Metrics

_JSON = "application/json"


def read_address(text: str, anywhere: bool = False) -> tuple[str, int]:
    """Host and port of ``HOST:PORT``.

    Args:
        text: a literal address, with port 0 for any free one; IPv6 in brackets.
        anywhere: allow an address that other machines reach.

    Raises:
        SettingsError: not an address, or one that other machines reach without being allowed to.

    Example:
        >>> read_address("127.0.0.1:9464"), read_address("[::1]:0")
        (('127.0.0.1', 9464), ('::1', 0))
        >>> read_address("0.0.0.0:9464")
        Traceback (most recent call last):
        vitals.errors.SettingsError: --metrics: came 0.0.0.0; wanted an address of this machine only, such as 127.0.0.1...
    """
    host, _, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    try:
        address = ipaddress.ip_address("127.0.0.1" if host == "localhost" else host)
        number = int(port)
        if not 0 <= number < 1 << 16:
            raise ValueError(port)
    except ValueError as error:
        cure = "write 127.0.0.1:0 for any free port"
        raise SettingsError("--metrics", text, "HOST:PORT with a literal address", cure) from error
    if not (address.is_loopback or anywhere):
        raise SettingsError(
            "--metrics", str(address), "an address of this machine only, such as 127.0.0.1",
            "there is no login and no encryption here, and how busy a ward is tells something of its patients: let a proxy "
            "with both stand in front, or add --metrics-anywhere",
        )  # fmt: skip
    return str(address), number


@contextmanager
def serving(address: tuple[str, int], metrics: Metrics, health: Health) -> Iterator[str]:
    """Serve while the block runs.

    Args:
        address: from :func:`read_address`.
        metrics: what ``/metrics`` tells.
        health: what ``/healthz`` and ``/readyz`` tell.

    Yields:
        The address it listens on, as ``http://HOST:PORT``.

    Raises:
        SettingsError: the address is in use or not of this machine.
    """
    try:
        server = _server(address, metrics, health)
    except OSError as error:
        came = f"{address[0]}:{address[1]} ({error.strerror or error})"
        raise SettingsError("--metrics", came, "a free address of this machine", "take port 0") from error
    thread = threading.Thread(target=server.serve_forever, name="metrics", daemon=True)
    thread.start()
    host, port = server.server_address[:2]
    try:
        yield f"http://[{host!s}]:{port}" if ":" in str(host) else f"http://{host!s}:{port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _server(address: tuple[str, int], metrics: Metrics, health: Health) -> ThreadingHTTPServer:
    class Answer(BaseHTTPRequestHandler):
        """Three pages to read, nothing to change."""

        timeout = 10
        server_version, sys_version = "vitals", ""

        def do_GET(self) -> None:
            """Answer."""
            status, kind, body = _page(self.path.partition("?")[0], metrics, health)
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the name of the overridden one)
            """Requests are not logged."""

    class Server(ThreadingHTTPServer):
        """Knows IPv6 addresses too; its threads end with the process."""

        address_family = _family(address[0])
        daemon_threads = True

        def handle_error(self, request: object, client_address: object) -> None:
            """A reader that went away is no news."""

    return Server(address, Answer)


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def _page(path: str, metrics: Metrics, health: Health) -> tuple[int, str, bytes]:
    if path == "/metrics":
        return 200, CONTENT_TYPE, metrics.text()
    if path == "/healthz":
        stuck = health.stuck()
        told = {"alive": stuck is None} | ({} if stuck is None else {"stuck_seconds": stuck})
        return (200 if stuck is None else 503), _JSON, msgspec.json.encode(told)
    if path == "/readyz":
        why = health.not_ready()
        ready = {"ready": not why, "why": why, "model": health.model}
        return (503 if why else 200), _JSON, msgspec.json.encode(ready)
    return 404, _JSON, b'{"pages":["/metrics","/healthz","/readyz"]}'
