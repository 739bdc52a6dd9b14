"""What gets loaded, seen from fresh interpreters: the package costs nothing, the bedside stays light."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HEAVY = {"torch", "onnx", "pandas", "pyarrow", "sklearn", "polars", "matplotlib", "IPython"}
BROKERS = {"nats", "confluent_kafka", "cryptography"}
BEDSIDE_ROOMS = ("errors", "signals", "spec", "windowing", "scoring", "bedside", "alerting", "feeds", "ward")


def loaded_by(program: str, without: Iterable[str] = ()) -> set[str]:
    """The top-level modules that a fresh interpreter holds after ``program``; those of ``without`` cannot be imported."""
    script = (
        f"import sys\nfor name in {sorted(without)!r}: sys.modules[name] = None\n{program}\nimport json\n"
        "names = {name.partition('.')[0] for name, module in sys.modules.items() if module is not None}\n"
        "print(json.dumps(sorted(names)))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout.splitlines()[-1]))


def modules_of(*rooms: str) -> list[str]:
    """Every module of these rooms, by dotted name."""
    found = []
    for room in rooms:
        path = ROOT / "vitals" / room
        files = sorted(path.rglob("*.py")) if path.is_dir() else [path.with_suffix(".py")]
        names = [".".join(file.relative_to(ROOT).with_suffix("").parts) for file in files]
        found += [name.removesuffix(".__init__") for name in names]
    return found


def test_importing_the_package_loads_nothing_else() -> None:
    before = loaded_by("")
    assert (
        loaded_by("import vitals") - before <= {"vitals", "importlib", "typing", "__future__"} | sys.stdlib_module_names
    )


def test_the_bedside_loads_only_its_four_dependencies() -> None:
    rooms = modules_of(*BEDSIDE_ROOMS)
    assert "vitals.windowing.advance" in rooms
    assert "vitals.ward.ward" in rooms
    found = loaded_by(f"import {', '.join(rooms)}, vitals.flows.watching")
    assert {"numpy", "numba", "msgspec", "onnxruntime"} <= found
    assert not found & (HEAVY | BROKERS | {"typer", "rich"})


def test_the_bedside_works_where_nothing_heavy_is_installed() -> None:
    rooms = modules_of(*BEDSIDE_ROOMS)
    loaded_by(
        f"import {', '.join(rooms)}, vitals.flows.watching, vitals.cli.main", without={*HEAVY, *BROKERS, "scipy"}
    )  # numba looks whether scipy is there


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["watch", "--help"], ["train", "--help"]])
def test_help_loads_neither_arrays_nor_networks(arguments: list[str]) -> None:
    found = loaded_by(f"from vitals.cli.main import main\nmain({arguments!r})")
    assert not found & (HEAVY | {"numpy", "numba", "onnxruntime", "msgspec"})


@pytest.mark.parametrize(
    ("arguments", "extra"),
    [
        (["cluster", "read", "nats://127.0.0.1:4222"], "cluster"),
        (["watch", "sepsis-vitals", "--from", "nats://127.0.0.1:4222"], "cluster"),
        (["watch", "sepsis-vitals", "--from", "kafka://127.0.0.1:9092"], "kafka"),
    ],
)
def test_without_a_brokers_client_a_command_names_its_extra(arguments: list[str], extra: str) -> None:
    program = (
        "from vitals.cli.main import main\n"
        "import contextlib, io\n"
        "with contextlib.redirect_stderr(io.StringIO()) as said:\n"
        f"    code = main({arguments!r})\n"
        "assert code == 1, code\n"
        f"assert \"pip install 'vitals[{extra}]'\" in said.getvalue(), said.getvalue()"
    )
    loaded_by(program, without=BROKERS)


def test_without_the_train_extra_a_command_names_it() -> None:
    program = (
        "from vitals.cli.main import main\n"
        "import contextlib, io\n"
        "with contextlib.redirect_stderr(io.StringIO()) as said:\n"
        "    code = main(['train', 'ward.toml', '--data', 'none', '--out', 'none'])\n"
        "assert code == 1, code\n"
        "assert \"pip install 'vitals[train]'\" in said.getvalue(), said.getvalue()"
    )
    loaded_by(program, without=HEAVY)


def test_the_flows_are_functions_however_their_modules_were_loaded() -> None:
    program = (
        "import vitals\n"
        "from vitals.flows.watching import watch\n"
        "assert vitals.flows.watch is watch\n"
        "assert callable(vitals.flows.check)\n"
        "from vitals.flows.checking import check\n"
        "assert vitals.flows.check is check\n"
        "assert vitals.open_model.__module__ == 'vitals.scoring.model'\n"
        "assert 'flows' in dir(vitals)"
    )
    assert "torch" not in loaded_by(program)


def test_a_name_that_does_not_exist_is_an_attribute_error() -> None:
    loaded_by(
        "import vitals\n"
        "for thing in (vitals, vitals.flows):\n"
        "    try: thing.nothing\n"
        "    except AttributeError: pass\n"
        "    else: raise SystemExit('no error')"
    )
