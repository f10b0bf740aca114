"""Commands for what opens doors: tokens of scripts, keys of the account."""

from pathlib import Path
from typing import Annotated, Any

import typer

from autotrader_v2.app.cli_words import (
    DataDirFlag,
    FeedFlag,
    ModeFlag,
    app,
    folder_of,
    given_flags,
    require,
    say,
    settings_of,
    unless_refused,
)

token = typer.Typer(help="Tokens for scripts: create (shown once), list, revoke.", no_args_is_help=True)
app.add_typer(token, name="token")


@token.command("create")
def token_create(
    name: Annotated[str, typer.Argument(help="What it is for.")],
    scope: Annotated[str, typer.Option(help="read, trade or admin")] = "read",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    mode: ModeFlag = None,
    feed: FeedFlag = None,
    data_dir: DataDirFlag = None,
) -> None:
    """Make a token; it is printed this once and kept only hashed."""
    wish = {"do": "create", "name": name, "scope": scope}
    _token(wish, given_flags(mode=mode, feed=feed, data_dir=data_dir), as_json=as_json)


@token.command("list")
def token_list(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    mode: ModeFlag = None,
    feed: FeedFlag = None,
    data_dir: DataDirFlag = None,
) -> None:
    """Every token that is good, with its last use."""
    _token({"do": "list"}, given_flags(mode=mode, feed=feed, data_dir=data_dir), as_json=as_json)


@token.command("revoke")
def token_revoke(
    id: Annotated[str, typer.Argument(help="Its id or its name.")],
    mode: ModeFlag = None,
    feed: FeedFlag = None,
    data_dir: DataDirFlag = None,
) -> None:
    """Make a token worthless from now on."""
    _token({"do": "revoke", "id": id}, given_flags(mode=mode, feed=feed, data_dir=data_dir), as_json=False)


def _token(wish: dict[str, str], given: dict[str, str], *, as_json: bool) -> None:
    from autotrader_v2.app import instance
    from autotrader_v2.app.token_command import run_token

    data_dir = given.get("data_dir")
    folder = folder_of(Path(data_dir) if data_dir else None)
    settings = settings_of({**instance.last_flags(folder), **given}, quiet=True)
    raise typer.Exit(run_token(settings, wish, as_json=as_json, say=say))


keys = typer.Typer(
    help="Keys and other secrets outside of .env: set, show, forget; in the system's key ring or an encrypted file.",
    no_args_is_help=True,
)
app.add_typer(keys, name="keys")
SecretNames = Annotated[
    list[str] | None, typer.Argument(metavar="[NAME]...", help="API_KEY, API_SECRET, ...", show_default=False)
]


@keys.command("set")
def keys_set(
    names: SecretNames = None,
    store: Annotated[str, typer.Option("--store", help="auto, keyring or file")] = "auto",
    data_dir: DataDirFlag = None,
) -> None:
    """Ask for secrets without showing them (API_KEY and API_SECRET by default) and keep them; or read them from lines
    of standard input, one for each name."""
    require("--store", store in ("auto", "keyring", "file"), "is auto, keyring or file")
    _keys("set", names, data_dir, store=store)


@keys.command("show")
def keys_show(
    data_dir: DataDirFlag = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Tell which secrets are set, where, and a fingerprint of each; never a secret."""
    _keys("show", None, data_dir, as_json=as_json)


@keys.command("forget")
def keys_forget(
    names: SecretNames = None,
    everything: Annotated[bool, typer.Option("--all", help="Every secret that is kept.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask again.")] = False,
    data_dir: DataDirFlag = None,
) -> None:
    """Remove secrets from the store; the exchange shows a key's secret only once, so keep it if you still need it."""
    require("NAME", bool(names) != everything, "or --all is needed, and not both")
    _keys("forget", names, data_dir, yes=yes)


def _keys(do: str, names: list[str] | None, data_dir: Path | None, **wish: Any) -> None:
    from autotrader_v2.app.keys_command import run_keys
    from autotrader_v2.app.settings import STORABLE, read_unopened

    wanted = [name.upper() for name in names or []]
    unknown = [name for name in wanted if name not in STORABLE]
    require("NAME", not unknown, f"is one of {', '.join(STORABLE)}")
    settings = unless_refused(lambda: read_unopened(given_flags(data_dir=data_dir)))
    raise typer.Exit(run_keys(settings, do, wanted, say=say, **wish))
