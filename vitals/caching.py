"""Where compiled loops are kept between two starts, on machines where neither the code nor the home can be written to."""

from __future__ import annotations

import os
import stat
import tempfile
from pathlib import Path


def find_place() -> None:
    """Let numba keep compiled loops in a folder of ours, where it would find none; has to come before numba is imported.

    What lies there is run, so the folder must be this user's alone; otherwise a new one is made, and the next start compiles again.
    """
    if "NUMBA_CACHE_DIR" in os.environ or any(map(_writable, (Path(__file__).parent, Path.home()))):
        return
    place = Path(tempfile.gettempdir()) / f"vitals-{os.getuid()}"
    try:
        place.mkdir(mode=0o700, exist_ok=True)
        found = place.lstat()
        ours = stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid() and not found.st_mode & 0o077
    except OSError:
        ours = False
    os.environ["NUMBA_CACHE_DIR"] = str(place) if ours else tempfile.mkdtemp(prefix="vitals-")


def _writable(folder: Path) -> bool:
    return folder.is_dir() and os.access(folder, os.W_OK)
