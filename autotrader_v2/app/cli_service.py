"""Commands that start, stop, watch and check the program."""

from typing import TYPE_CHECKING, Annotated

import typer

from autotrader_v2.app.cli_words import (
    DataDirFlag,
    FeedFlag,
    HostFlag,
    ModeFlag,
    NoBrowserFlag,
    PortFlag,
    SpeedFlag,
    app,
    folder_of,
    given_flags,
    read_settings,
    require,
    say,
    settings_of,
)

if TYPE_CHECKING:
    from autotrader_v2.app.settings import Settings

_FAILED, _INTERRUPTED = 1, 130
_DRY = "Change nothing, not even in the books. Beside a running mTrade: what that one found last, with its age."


@app.command()
def serve(
    host: HostFlag = None,
    port: PortFlag = None,
    mode: ModeFlag = None,
    feed: FeedFlag = None,
    speed: SpeedFlag = None,
    data_dir: DataDirFlag = None,
    no_browser: NoBrowserFlag = False,
    life: Annotated[str, typer.Option("--life", hidden=True)] = "",
) -> None:
    """Serve the page and trade. This is what happens without a command."""
    settings = settings_of(given_flags(host=host, port=port, mode=mode, feed=feed, speed=speed, data_dir=data_dir))
    raise typer.Exit(_serve(settings, open_browser=not no_browser, life=life))


@app.command()
def restart(
    host: HostFlag = None,
    port: PortFlag = None,
    mode: ModeFlag = None,
    feed: FeedFlag = None,
    speed: SpeedFlag = None,
    data_dir: DataDirFlag = None,
    no_browser: NoBrowserFlag = False,
) -> None:
    """Stop the running one and start it again, with the flags it had and those given here."""
    from autotrader_v2.app import instance, wishes
    from autotrader_v2.app.restart import Stopped, is_watched, restart_watched, stop_running

    given = given_flags(host=host, port=port, mode=mode, feed=feed, speed=speed, data_dir=data_dir)
    folder = folder_of(data_dir)
    # Settings that would not start must not stop what runs, so they are read before anything is asked.
    settings = settings_of({**instance.last_flags(folder), **given})
    if is_watched(folder):
        return restart_watched(folder, given, say)
    if wishes.take_watched_before_update(folder):
        from autotrader_v2.app.watchdog import run_watchdog

        raise typer.Exit(run_watchdog(settings, open_browser=False))
    how = stop_running(folder, say)
    # The person's page is already open in the other case, and comes back by itself.
    raise typer.Exit(_serve(settings, open_browser=how is Stopped.WAS_FREE and not no_browser))


@app.command()
def stop(
    data_dir: DataDirFlag = None,
    for_update: Annotated[bool, typer.Option("--for-update", hidden=True)] = False,
) -> None:
    """Stop the running one: it finishes what is in flight, writes it down and leaves; its watchdog with it."""
    from autotrader_v2.app import wishes
    from autotrader_v2.app.restart import is_watched, stop_running, stop_watched

    folder = folder_of(data_dir)
    if is_watched(folder):
        stop_watched(folder, say)
        if for_update:
            wishes.note_watched_before_update(folder)
        return
    stop_running(folder, say)


@app.command()
def watchdog(
    host: HostFlag = None,
    port: PortFlag = None,
    mode: ModeFlag = None,
    feed: FeedFlag = None,
    speed: SpeedFlag = None,
    data_dir: DataDirFlag = None,
    no_browser: NoBrowserFlag = False,
) -> None:
    """Serve and trade under a watchdog that brings a crashed or hung engine back and tells you."""
    settings = settings_of(given_flags(host=host, port=port, mode=mode, feed=feed, speed=speed, data_dir=data_dir))
    from autotrader_v2.app.watchdog import run_watchdog

    raise typer.Exit(run_watchdog(settings, open_browser=not no_browser))


@app.command("sell-out")
def sell_out(
    yes: Annotated[bool, typer.Option("--yes", help="Really sell. Without it nothing happens.")] = False,
    host: HostFlag = None,
    port: PortFlag = None,
    mode: ModeFlag = None,
    feed: FeedFlag = None,
    speed: SpeedFlag = None,
    data_dir: DataDirFlag = None,
    by: Annotated[str, typer.Option("--by", hidden=True)] = "sell-out",
) -> None:
    """Sell everything that cycles bought, at market, and leave all coins switched off; the engine must be stopped."""
    settings = settings_of(given_flags(host=host, port=port, mode=mode, feed=feed, speed=speed, data_dir=data_dir))
    require("--yes", yes, "is needed: every open position is sold at the price of the moment, at a loss if need be")
    from autotrader_v2.app.sell_out import run_sell_out

    raise typer.Exit(run_sell_out(settings, by))


@app.command()
def autostart(
    what: Annotated[str, typer.Argument(metavar="on|off|status", show_default=False)],
    host: HostFlag = None,
    port: PortFlag = None,
    mode: ModeFlag = None,
    feed: FeedFlag = None,
    speed: SpeedFlag = None,
    data_dir: DataDirFlag = None,
) -> None:
    """Have mTrade start under its watchdog whenever you log on, with these flags and what `.env` says; or not."""
    require("on|off|status", what in ("on", "off", "status"), "is one of these three words")
    flags = given_flags(host=host, port=port, mode=mode, feed=feed, speed=speed, data_dir=data_dir)
    from autotrader_v2.app import autostart as system
    from autotrader_v2.app.values import ROOT

    try:
        if what == "off":
            code = system.switch_off(say)
        elif what == "status":
            code = system.status(say)
        else:
            from autotrader_v2.app.watchdog import watchdog_command

            settings = settings_of(flags)  # what would be refused at log-on is refused here
            _require_unattended(settings)
            code = system.switch_on(watchdog_command(settings.flags), ROOT, say)
    except system.CannotAutostart as error:
        say(str(error))
        code = _FAILED
    raise typer.Exit(code)


@app.command()
def health(
    mode: ModeFlag = None,
    data_dir: DataDirFlag = None,
    watch: Annotated[bool, typer.Option("--watch", help="Again each second, until Ctrl-C.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Tell how the running engine is, from its heartbeat; the exit code is 0 when it is at work and well."""
    from autotrader_v2.app.health_command import run_health

    folder = folder_of(data_dir, mode)
    try:
        raise typer.Exit(run_health(folder, as_json=as_json, watch=watch))
    except KeyboardInterrupt:
        raise typer.Exit(_INTERRUPTED) from None


@app.command()
def doctor(
    host: HostFlag = None,
    port: PortFlag = None,
    mode: ModeFlag = None,
    feed: FeedFlag = None,
    data_dir: DataDirFlag = None,
    notify: Annotated[bool, typer.Option("--notify", help="Send a test alert through every channel.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Look for what could keep this machine, folder or account from trading well; trades nothing."""
    from autotrader_v2.app.doctor import run_doctor

    loaded = read_settings(given_flags(host=host, port=port, mode=mode, feed=feed, data_dir=data_dir))
    raise typer.Exit(run_doctor(loaded.settings, loaded.warnings, as_json=as_json, notify=notify))


@app.command()
def reconcile(
    dry_run: Annotated[bool, typer.Option("--dry-run", help=_DRY)] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    mode: ModeFlag = None,
    data_dir: DataDirFlag = None,
) -> None:
    """Compare the account at the exchange with the books; they follow what its trades explain. Nothing is traded.

    Exit code 0: compared whole, every difference explained, no order of unknown outcome. 1: not so, or not compared.
    """
    from autotrader_v2.app import instance
    from autotrader_v2.app.reconcile_command import run_reconcile

    given = given_flags(mode=mode, data_dir=data_dir)
    folder = folder_of(data_dir)
    settings = settings_of({**instance.last_flags(folder), **given}, quiet=True)
    raise typer.Exit(run_reconcile(settings, dry_run=dry_run, as_json=as_json, say=say))


@app.command()
def smoke() -> None:
    """Try the whole chain on paper in about five seconds; the exit code tells."""
    from autotrader_v2.app.smoke import run_smoke

    raise typer.Exit(run_smoke())


def _require_unattended(settings: "Settings") -> None:
    from autotrader_v2.app.passphrase import VARIABLE

    typed = (
        settings.stored and settings.origins.get(VARIABLE) == "the environment" and not settings.keys_passphrase_file
    )
    needed = "is needed: nobody types the passphrase of the secrets at log-on; name a file that only you can read"
    require("KEYS_PASSPHRASE_FILE", not typed, needed)


def _serve(settings: "Settings", *, open_browser: bool, life: str = "") -> int:
    from autotrader_v2.app import instance

    # Whoever holds the folder is told of before anything heavy is loaded.
    instance.refuse_a_second(settings.data_dir)
    from autotrader_v2.app.compose import serve as run

    return run(settings, open_browser=open_browser, life=life)
