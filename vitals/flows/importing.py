"""Import: a public data set or any table becomes a cohort folder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vitals.cohort.store import Cohort

Progress = Callable[[int, int, str], None]


def import_challenge2019(
    sources: Sequence[Path], destination: Path, progress: Progress | None = None
) -> dict[str, Any]:
    """Import the PhysioNet/CinC Challenge 2019.

    Args:
        sources: folders of ``.psv`` files, single files, or ``hospital_*.parquet``.
        destination: the cohort folder to write.
        progress: called with done, total and what is being read.

    Returns:
        The summary of :func:`summary`.

    Raises:
        DataError: nothing to read, or a file that is not what it should be; the message names file, row and column.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     import_challenge2019([Path(folder)], Path(folder) / "cohort")
        Traceback (most recent call last):
        vitals.errors.DataError: ...: came a folder with neither; wanted hospital_*.parquet or .psv files; check the path
    """
    from vitals.cohort import challenge2019

    return summary(challenge2019.import_challenge2019(sources, destination, progress))


def import_challenge2012(source: Path, destination: Path, progress: Progress | None = None) -> dict[str, Any]:
    """Import the PhysioNet/CinC Challenge 2012.

    Args:
        source: a folder with ``set-a/*.txt`` and ``Outcomes-a.txt``, or ``events.parquet`` and ``outcomes.parquet``.
        destination: the cohort folder to write.
        progress: called with done, total and what is being read.

    Returns:
        The summary of :func:`summary`.

    Raises:
        DataError: nothing to read, or a file that is not what it should be.

    Example:
        >>> import_challenge2012(Path("no/such/folder"), Path("cohort"))
        Traceback (most recent call last):
        vitals.errors.DataError: ...
    """
    from vitals.cohort import challenge2012

    return summary(challenge2012.import_challenge2012(source, destination, progress))


def import_table(source: Path, destination: Path, mapping: Path, progress: Progress | None = None) -> dict[str, Any]:
    """Import any CSV or Parquet, long or wide.

    Args:
        source: the file, or a folder of such files.
        destination: the cohort folder to write.
        mapping: a TOML file that says which column means what, in which unit.
        progress: called with done, total and what is being read.

    Returns:
        The summary of :func:`summary`.

    Raises:
        SettingsError: a mapping that names what does not exist.
        DataError: a table that is not what the mapping says.

    Example:
        >>> import_table(Path("ward.csv"), Path("cohort"), Path("no.toml"))
        Traceback (most recent call last):
        vitals.errors.SettingsError: ...
    """
    from vitals.cohort import table

    return summary(table.import_table(source, destination, mapping, progress))


def summary(cohort: Cohort) -> dict[str, Any]:
    """What a person wants to know of a new cohort: how many stays, samples and outcomes, from where, and its digest."""
    told = ("stays", "subjects", "samples", "sites", "ended", "outcomes", "source", "licence", "digest")
    known = {name: cohort.manifest[name] for name in told if name in cohort.manifest}
    return {**known, "files": {"cohort": str(cohort.path)}}
