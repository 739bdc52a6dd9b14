"""What every test shares: one thread, Hypothesis profiles, and the folder of real data."""

from __future__ import annotations

import os
import signal

# A shell that starts the tests in its background ignores Ctrl-C, and so would every program that a test starts.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Before anything imports torch or onnxruntime: more threads would change nothing but the time, and the order of sums.
os.environ["OMP_NUM_THREADS"] = "1"

from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

QUIET = (HealthCheck.too_slow, HealthCheck.data_too_large)
settings.register_profile("ci", derandomize=True, max_examples=100, deadline=None, suppress_health_check=QUIET)
settings.register_profile("deep", max_examples=2_000, deadline=None, suppress_health_check=QUIET)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))


@pytest.fixture(scope="session")
def vitals_data() -> Path:
    """The folder that ``VITALS_DATA`` names; tests that want it are skipped where there is none."""
    named = os.environ.get("VITALS_DATA", "")
    if not named or not Path(named).is_dir():
        pytest.skip("VITALS_DATA names no folder")
    return Path(named)
