"""The settings files that come with the package."""

from __future__ import annotations

from pathlib import Path

from vitals.errors import SettingsError

# In an installed package they lie inside it; in a working copy they lie at the top of the repository.
_PLACES = (Path(__file__).parents[1] / "settings", Path(__file__).parents[2] / "settings")


def shipped() -> dict[str, Path]:
    """Every shipped settings file by name.

    Example:
        >>> sorted(shipped())
        ['mortality-2012.toml', 'sepsis.toml', 'ward.toml']
    """
    folder = next((place for place in _PLACES if place.is_dir()), _PLACES[0])
    return {path.name: path for path in sorted(folder.glob("*.toml"))}


def settings_file(path: str | Path) -> Path:
    """The file meant by ``path``: the file itself, or the shipped one of that name.

    Args:
        path: a path, or the bare name of a shipped file, with or without ``settings/`` before and ``.toml`` after it.

    Raises:
        SettingsError: neither such a file nor such a name.

    Example:
        >>> settings_file("ward").name
        'ward.toml'
    """
    asked = Path(path)
    if asked.is_file():
        return asked
    known = shipped()
    name = asked.name if asked.suffix == ".toml" else f"{asked.name}.toml"
    if name in known and asked.parent in (Path(), Path("settings")):
        return known[name]
    cure = "check the path; these are shipped: " + ", ".join(known)
    raise SettingsError(str(path), "no such file", "a settings file, or the name of a shipped one", cure)
