"""The command line: translates words into calls. What is heavy is imported inside the command that needs it."""

import sys
from typing import Annotated

import typer

import autotrader_v2
from autotrader_v2.app import cli_past, cli_search, cli_secrets, cli_service, cli_upkeep, cli_worlds
from autotrader_v2.app.cli_words import app, say

_FAILED, _INTERRUPTED = 1, 130
_ABOUT_ALL = frozenset({"--help", "-h", "--version"})
# Each adds its commands to `app` when it is imported.
_GROUPS = (cli_service, cli_secrets, cli_upkeep, cli_worlds, cli_past, cli_search)


def _show_version(asked: bool) -> None:
    if asked:
        typer.echo(f"mTrade {autotrader_v2.__version__}")
        raise typer.Exit


@app.callback()
def _common(
    version: Annotated[
        bool, typer.Option("--version", help="Show the version and leave.", is_eager=True, callback=_show_version)
    ] = False,
) -> None:
    """Hold the options that belong to no command."""


def main(arguments: list[str] | None = None) -> int:
    """Run a command line and return its exit code: 0 well, 1 failed, 2 input refused."""
    from autotrader_v2.app import early_look

    for stream in (sys.stdout, sys.stderr):
        # A console that lacks a letter must not stop a trader.
        stream.reconfigure(errors="replace")  # type: ignore[union-attr]
    words = sys.argv[1:] if arguments is None else arguments
    if not words or (words[0].startswith("-") and words[0] not in _ABOUT_ALL):
        words = ["serve", *words]
    try:
        early_look.refuse_a_second(words)
        code = app(words, prog_name="mTrade.py", standalone_mode=False)
    except typer.TyperException as error:
        say(f"Refused: {error.format_message()}")
        say("Try `mTrade.py --help`, or `--help` behind a command.")
        return error.exit_code
    except typer.Abort:
        return _INTERRUPTED
    except _expected() as error:
        say(str(error))
        return _FAILED
    return code if isinstance(code, int) else 0


def _expected() -> tuple[type[Exception], ...]:
    """What ends a command with a sentence of its own. Loaded when something ended one, not at every start."""
    from autotrader_v2.app import instance as one
    from autotrader_v2.app.restart import CannotStop

    already = one.AlreadyRecording, one.AlreadyRunning, one.AlreadyTrading, one.AlreadyWatched
    return *already, CannotStop, one.DataDirUnusable, one.LocksUnusable
