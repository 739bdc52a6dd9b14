"""The door: ``vitals`` on the command line. Each command parses, calls one flow, and prints what it said."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Sequence
from typing import Annotated, Any, NoReturn

import typer
from typer.core import TyperGroup

import vitals
from vitals.cli import about, benchmark, cluster, comparing, console, data, live, model, reporting, top
from vitals.errors import DataError, FeedError, ModelError, SettingsError, StateError, VitalsError

_EXIT: dict[type[VitalsError], int] = {SettingsError: 1, DataError: 2, FeedError: 2, StateError: 2, ModelError: 3}
_STREAM_CLOSED = 141  # what a shell reports for a program whose reader went away
_EXTRAS = dict.fromkeys(("torch", "onnx", "pandas", "pyarrow", "sklearn"), "train") | {
    "nats": "cluster",
    "cryptography": "cluster",
    "confluent_kafka": "kafka",
}


class _House(TyperGroup):
    """Keeps quiet when the reader of stdout goes away, as in ``vitals replay DST | head``."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command that was asked for."""
        try:
            result = super().invoke(ctx)
            sys.stdout.flush()
        except BrokenPipeError:
            # Python flushes stdout once more when it ends; there must be something to flush into.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(_STREAM_CLOSED) from None
        return result


app = typer.Typer(
    cls=_House,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    epilog=f"Exit codes: 0 done · 1 usage or settings · 2 data · 3 a gate refused. {console.NOTICE}",
)
app.command("demo", rich_help_panel="Start here")(about.demo)
app.command("signals", rich_help_panel="Start here")(about.signals)
app.command("models", rich_help_panel="Start here")(about.models)
app.add_typer(data.importing, name="import", rich_help_panel="Past stays")
app.command("simulate", rich_help_panel="Past stays")(data.simulate)
app.command("check", rich_help_panel="Past stays")(data.check)
app.command("train", rich_help_panel="A model")(model.train)
app.command("score", rich_help_panel="A model")(model.score)
app.command("evaluate", rich_help_panel="A model")(model.evaluate)
app.command("tune", rich_help_panel="A model")(model.tune)
app.command("report", rich_help_panel="A model")(reporting.report)
app.command("compare", rich_help_panel="A model")(comparing.compare)
app.command("benchmark", rich_help_panel="A model")(benchmark.benchmark)
app.command("replay", rich_help_panel="The live ward")(live.replay)
app.command("watch", rich_help_panel="The live ward")(live.watch)
app.add_typer(cluster.cluster, name="cluster", rich_help_panel="The live ward")
app.command("top", rich_help_panel="The live ward")(top.top)


def _version(asked: bool) -> None:
    if asked:
        sys.stdout.write(f"vitals {vitals.__version__}\n")
        raise typer.Exit


@app.callback()
def vitals_command(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and stop.")
    ] = False,
) -> None:
    """Early warning from bedside streams.

    Past stays become a trained model in one ONNX file. The same file scores
    a live ward, and an alert policy tuned to what the nurses can answer
    decides when to call.

    \b
    The whole way on a simulated ward, in minutes:
      vitals demo

    \b
    Step by step:
      vitals simulate ward --beds 200 --hours 72 --seed 7
      vitals train ward.toml --data ward --out models/ward
      vitals tune models/ward --data ward --max-alerts 5/100pd
      vitals evaluate models/ward --data ward --part held_out
      vitals replay ward | vitals watch models/ward > alerts.ndjson
    """


def main(arguments: Sequence[str]) -> int:
    """Run one command and give its exit code. Whatever goes wrong in a known way is one message, never a traceback.

    Example:
        >>> main(["--version"])
        vitals ...
        0
    """
    try:
        status = app(list(arguments), prog_name="vitals", standalone_mode=False)
    except typer.TyperException as error:
        return _refuse(_usage(error), arguments, 1)
    except VitalsError as error:
        return _refuse(error, arguments, next((code for kind, code in _EXIT.items() if isinstance(error, kind)), 1))
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] not in _EXTRAS:
            raise
        return _refuse(_missing(error.name, arguments), arguments, 1)
    except OSError as error:
        wanted, cure = "a file or folder that can be used", "check the path and its permissions"
        if error.errno == errno.ENOSPC:
            wanted, cure = "a disk with room", "make room, or write elsewhere"
        problem = DataError(str(error.filename or "the output"), error.strerror or str(error), wanted, cure)
        return _refuse(problem, arguments, 2)
    except typer.Abort:
        status = 130
    if status == 130:
        console.people().print("Stopped.")
    return status if isinstance(status, int) else 0


def run() -> NoReturn:
    """The console script."""
    sys.exit(main(sys.argv[1:]))


def _refuse(error: VitalsError | str, arguments: Sequence[str], code: int) -> int:
    """Say what is wrong on stderr, and on stdout too for a program that asked for JSON."""
    if str(error):
        console.people().print(str(error), markup=False)
    if "--json" in arguments and arguments[0] not in live.STREAMS:
        parts = {name: getattr(error, name) for name in ("where", "came", "wanted", "cure") if hasattr(error, name)}
        kind = "Usage" if isinstance(error, str) else type(error).__name__
        told = {"error": {"kind": kind, "message": str(error), **parts}, "exit": code}
        sys.stdout.write(console.to_json(told) + "\n")
    return code


def _usage(error: typer.TyperException) -> str:
    context = getattr(error, "ctx", None)
    command = context.command_path if context else "vitals"
    said = error.format_message()
    return f"{command}: {said} `{command} --help` shows how." if said else ""  # no arguments: the help has been shown


def _missing(module: str, arguments: Sequence[str]) -> SettingsError:
    return SettingsError(
        f"vitals {arguments[0]}",
        f"an installation without {module.partition('.')[0]}",
        f'the extra "{_EXTRAS[module.partition(".")[0]]}"',
        f"install it: pip install 'vitals[{_EXTRAS[module.partition('.')[0]]}]'",
    )
