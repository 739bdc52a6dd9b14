"""The settings files and the trained models that come with the package."""

from __future__ import annotations

from pathlib import Path

from vitals.errors import SettingsError
from vitals.spec.modelfile import MODEL_FILE

# In an installed package they lie inside it; in a working copy they lie at the top of the repository.
_TOPS = (Path(__file__).parents[1], Path(__file__).parents[2])


def shipped() -> dict[str, Path]:
    """Every shipped settings file by name.

    Example:
        >>> [name for name in shipped() if name.startswith("w")]
        ['ward.toml']
    """
    return {path.name: path for path in sorted(_folder("settings").glob("*.toml"))}


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


def shipped_models() -> dict[str, Path]:
    """The folder of every shipped model by name.

    Example:
        >>> all(name == folder.name for name, folder in shipped_models().items())
        True
    """
    return {file.parent.name: file.parent for file in sorted(_folder("models").glob(f"*/{MODEL_FILE}"))}


def find_model(path: str | Path) -> Path:
    """What is meant by ``path``: whatever lies there, or else the folder of the shipped model of that name.

    Args:
        path: a path, or the bare name of a shipped model, with or without ``models/`` before it.

    Returns:
        The path as it was where neither is there, for the caller to complain about.

    Example:
        >>> find_model("models/none")
        PosixPath('models/none')
    """
    asked = Path(path)
    if asked.exists() or asked.parent not in (Path(), Path("models")):
        return asked
    return shipped_models().get(asked.name, asked)


def _folder(name: str) -> Path:
    return next((top / name for top in _TOPS if (top / name).is_dir()), _TOPS[0] / name)
