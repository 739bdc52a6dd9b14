"""The house rules that no linter knows: sizes, names, one place for each thing, everything pinned and explained."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import pytest
import typer
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from vitals.cli.console import NOTICE
from vitals.cli.main import app, main
from vitals.spec.settings import Settings
from vitals.spec.shipped import settings_file, shipped

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "vitals"
MODULES = sorted(PACKAGE.rglob("*.py"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]

LONGEST_MODULE = 250
LONGEST_FUNCTION = 40
# These answer names when they are asked for (PEP 562), so that importing them loads nothing.
LAZY = {"vitals/__init__.py", "vitals/flows/__init__.py", "vitals/alerting/__init__.py"}


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def lines_of_code(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines from the first statement after the docstring to the last line."""
    body = function.body[1:] if ast.get_docstring(function) is not None else function.body
    return (function.end_lineno or 0) - body[0].lineno + 1 if body else 0


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_a_module_fits_in_the_head(path: Path) -> None:
    text = path.read_text("utf-8")
    assert len(text.splitlines()) <= LONGEST_MODULE
    long = {function.name: lines_of_code(function) for function in functions(ast.parse(text))}
    assert {name: lines for name, lines in long.items() if lines > LONGEST_FUNCTION} == {}


@pytest.mark.parametrize("path", [path for path in MODULES if path.name == "__init__.py"], ids=name_of)
def test_a_room_is_one_docstring_sentence(path: Path) -> None:
    tree = ast.parse(path.read_text("utf-8"))
    assert ast.get_docstring(tree)
    if name_of(path) not in LAZY:
        assert len(tree.body) == 1


def test_no_place_for_odds_and_ends() -> None:
    odd = {"utils", "util", "common", "helpers", "misc", "base", "core", "manager"}
    assert [name_of(path) for path in MODULES if odd & {path.stem, path.parent.name}] == []


def test_no_star_imports() -> None:
    starred = [
        name_of(path)
        for path in MODULES
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.ImportFrom) and any(alias.name == "*" for alias in node.names)
    ]
    assert starred == []


def commands() -> list[str]:
    """Every command as a person types it, such as ``import challenge2019``."""
    found = [str(command.name) for command in app.registered_commands]
    for group in app.registered_groups:
        assert isinstance(group.typer_instance, typer.Typer)
        for command in group.typer_instance.registered_commands:
            assert command.callback is not None
            found.append(f"{group.name} {command.name or command.callback.__name__}")
    return found


def test_the_commands_are_those_of_the_command_line() -> None:
    assert sorted(commands()) == [
        "benchmark", "check", "cluster feed", "cluster local", "cluster read", "cluster setup", "compare", "demo", "evaluate", "import challenge2012", "import challenge2019", "import table", "models", "replay", "report", "score",
        "signals", "simulate", "top", "train", "tune", "watch",
    ]  # fmt: skip


@pytest.mark.parametrize("command", commands())
def test_a_command_teaches_and_is_documented(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*command.split(), "--help"]) == 0
    shown = capsys.readouterr().out
    assert "Example" in shown
    assert f"vitals {command} " in shown
    assert "--json" in shown
    pages = (ROOT / "README.md").read_text("utf-8")
    assert f"vitals {command}" in pages


def test_people_are_told_what_it_is_not(capsys: pytest.CaptureFixture[str]) -> None:
    assert NOTICE == "Research use only: not a medical device."
    assert main(["--help"]) == 0
    assert "not a medical device" in " ".join(capsys.readouterr().out.split())
    for page in ("README.md", "docs/index.md", "SECURITY.md"):
        assert "not a medical device" in (ROOT / page).read_text("utf-8").lower()


def required(extra: str | None = None) -> list[Requirement]:
    """What pyproject asks for, in the base or in one extra."""
    return [Requirement(text) for text in PROJECT["optional-dependencies"][extra] if extra] if extra else [
        Requirement(text) for text in PROJECT["dependencies"]
    ]  # fmt: skip


def pinned() -> dict[str, str]:
    pins = {}
    for line in (ROOT / "constraints.txt").read_text("utf-8").splitlines():
        if line and not line.startswith("#"):
            name, exact, version = line.partition("==")
            assert exact, f"{line}: a constraint without =="
            pins[canonicalize_name(name)] = version
    return pins


def test_the_bedside_needs_little() -> None:
    assert {item.name for item in required()} == {
        "numpy",
        "numba",
        "onnxruntime",
        "msgspec",
        "typer",
        "rich",
        "prometheus-client",
    }


def test_everything_installed_is_pinned() -> None:
    """Whatever the set-up pulls in, directly or by way of something else, has one version in constraints.txt."""
    pins, seen = pinned(), set()
    queue = [
        item
        for extra in (None, "train", "search", "cluster", "kafka", "dev")
        for item in required(extra)
        if item.name != "vitals"
    ]
    while queue:
        item = queue.pop()
        name = canonicalize_name(item.name)
        if name in seen or (item.marker is not None and not item.marker.evaluate({"extra": ""})):
            continue
        seen.add(name)
        assert name in pins, f"{name} is installed but not pinned"
        queue += [Requirement(text) for text in metadata.requires(name) or []]
    assert len(seen) > 40
    assert {canonicalize_name(item.name) for item in required("spark")} - {"vitals"} <= set(pins)


@pytest.mark.parametrize("extra", [None, "train", "search", "spark", "cluster", "kafka", "dev"])
def test_each_dependency_has_its_reason(extra: str | None) -> None:
    reasons = " ".join(page.read_text("utf-8") for page in (ROOT / "docs" / "decisions").glob("*.md"))
    missing = [
        item.name
        for item in required(extra)
        if item.name != "vitals" and not re.search(rf"(?<![\w-]){re.escape(item.name)}(?![\w-])", reasons)
    ]
    assert missing == []


def test_a_decision_fits_on_a_page() -> None:
    pages = sorted((ROOT / "docs" / "decisions").glob("*.md"))
    numbers = [page.name.partition("-")[0] for page in pages]
    assert numbers
    assert len(set(numbers)) == len(numbers)
    for number, page in zip(numbers, pages, strict=True):
        text = page.read_text("utf-8")
        assert len(number) == 4
        assert text.startswith(f"# {int(number)}. ")
        assert len(text.splitlines()) <= 50


@pytest.mark.parametrize("name", ["sepsis-icu", "ward.toml", "settings/ward.toml", "settings/sepsis-icu.toml"])
def test_shipped_settings_are_found_wherever_one_stands(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = settings_file(name)
    assert Settings.from_toml(path).name == path.stem
    assert path in shipped().values()


def test_links_between_pages_lead_somewhere() -> None:
    pages = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")]
    dead = [
        f"{name_of(page)}: {target}"
        for page in pages
        for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text("utf-8"))
        if "://" not in target and not (page.parent / target).exists()
    ]
    assert dead == []
