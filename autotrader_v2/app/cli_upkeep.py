"""Commands that look after the journal's file."""

from collections.abc import Mapping
from typing import Annotated

import typer

from autotrader_v2.app.cli_words import DataDirFlag, FeedFlag, JsonFlag, ModeFlag, app, given_flags, settings_of

maintenance = typer.Typer(
    help="Look after the journal's file: backups, the whole check, restore, vacuum.", no_args_is_help=True
)
app.add_typer(maintenance, name="maintenance")


@maintenance.command("backup")
def maintenance_backup(
    mode: ModeFlag = None, feed: FeedFlag = None, data_dir: DataDirFlag = None, as_json: JsonFlag = False
) -> None:
    """Copy the journal now and verify the copy, also while mTrade runs."""
    _maintain("backup", given_flags(mode=mode, feed=feed, data_dir=data_dir), as_json=as_json)


@maintenance.command("list")
def maintenance_list(
    mode: ModeFlag = None, feed: FeedFlag = None, data_dir: DataDirFlag = None, as_json: JsonFlag = False
) -> None:
    """Name the backups, newest first."""
    _maintain("list", given_flags(mode=mode, feed=feed, data_dir=data_dir), as_json=as_json)


@maintenance.command("integrity")
def maintenance_integrity(
    mode: ModeFlag = None, feed: FeedFlag = None, data_dir: DataDirFlag = None, as_json: JsonFlag = False
) -> None:
    """Check the whole journal: every page, every commit against its rows, the fold from the first event."""
    _maintain("integrity", given_flags(mode=mode, feed=feed, data_dir=data_dir), as_json=as_json)


@maintenance.command("restore")
def maintenance_restore(
    name: Annotated[str, typer.Argument(metavar="NAME|latest", help="A name from `maintenance list`.")],
    mode: ModeFlag = None,
    feed: FeedFlag = None,
    data_dir: DataDirFlag = None,
    as_json: JsonFlag = False,
) -> None:
    """Put a backup in the journal's place; mTrade must be stopped. What was there is kept beside it."""
    _maintain("restore", given_flags(mode=mode, feed=feed, data_dir=data_dir), name=name, as_json=as_json)


@maintenance.command("vacuum")
def maintenance_vacuum(
    mode: ModeFlag = None, feed: FeedFlag = None, data_dir: DataDirFlag = None, as_json: JsonFlag = False
) -> None:
    """Make the journal's file as small as it can be; mTrade must be stopped."""
    _maintain("vacuum", given_flags(mode=mode, feed=feed, data_dir=data_dir), as_json=as_json)


def _maintain(what: str, flags: Mapping[str, str], *, name: str = "", as_json: bool) -> None:
    settings = settings_of(flags, quiet=True)
    from autotrader_v2.app.maintenance_command import run_maintenance

    raise typer.Exit(run_maintenance(settings, what, name=name, as_json=as_json))
