"""Whose keys a connection is made with, and when it may be made with none."""

from __future__ import annotations

import ipaddress
from pathlib import Path

from vitals.errors import SettingsError

NONE = "none"
"""In place of a folder of keys: the servers use no encryption, and whoever says so means it."""


def keys_of(url: str, keys: str | Path | None) -> Path | None:
    """The folder of keys, or None for a connection without encryption.

    Args:
        url: ``nats://host:port,…`` or ``kafka://host:port,…``.
        keys: a folder; :data:`NONE` for none, wherever the servers are; None for none on this machine.

    Raises:
        SettingsError: names and measurements of patients would cross a network in plain text, and nobody said that they may.

    Example:
        >>> keys_of("nats://127.0.0.1:4222,localhost:4223", None), keys_of("nats://ward-1:4222", "none")
        (None, None)
        >>> keys_of("nats://127.0.0.1:4222,ward-1:4222", None)
        Traceback (most recent call last):
        vitals.errors.SettingsError: --keys: came none for ward-1; wanted ca.pem, cert.pem and key.pem of a role...
    """
    if keys is not None:
        return None if str(keys) == NONE else Path(keys)
    for server in url.partition("://")[2].split(","):
        host = server.rpartition(":")[0].removeprefix("[").removesuffix("]")
        if not _is_here(host):
            raise SettingsError(
                "--keys", f"none for {host}", "ca.pem, cert.pem and key.pem of a role",
                "without them nothing is encrypted and nobody is known; where that is meant, say --keys none",
            )  # fmt: skip
    return None


def _is_here(host: str) -> bool:
    try:
        return host in {"", "localhost"} or ipaddress.ip_address(host).is_loopback
    except ValueError:  # a name
        return False
