"""`mTrade.py reconcile`: the account at the exchange against the books, printed. Never trades.

While mTrade runs it is asked; otherwise the journal is opened here, under the data folder's lock. A dry run compares a
copy of the database, so that nothing of the true one changes. Beside a running mTrade it tells what that one found
last, with its age: a copy would lack the orders that are made meanwhile and take them for another program's.
"""

import http.client
import json
import sqlite3
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from autotrader_v2.app import instance, logs
from autotrader_v2.app.compose import build
from autotrader_v2.app.instance import Holder
from autotrader_v2.app.outside import database_of, feed_kind_of
from autotrader_v2.app.restart import STOP_HEADER
from autotrader_v2.app.sentences import aged, system_language, worded
from autotrader_v2.app.settings import Mode, Settings
from autotrader_v2.app.sole import sole_with_database
from autotrader_v2.app.values import is_loopback
from autotrader_v2.application.desk import Desk
from autotrader_v2.application.ports import Binding, TradingError
from autotrader_v2.application.reconcile_view import told_at_console

PATH = "/api/control/reconcile"
_FAILED = 1
_ANSWER_WITHIN_S = 30.0


class CannotReconcile(Exception):
    """The account was not compared. Nothing was changed."""


def run_reconcile(settings: Settings, *, dry_run: bool, as_json: bool, say: Callable[[str], None]) -> int:
    """Compare and print; returns the exit code.

    0: compared whole, every difference explained, no order of unknown outcome. 1: not so, or it could not be compared.
    """
    logs.configure(level="ERROR", form=settings.log_format, secrets=settings.secrets)
    try:
        told = _compared(settings, dry_run=dry_run)
    except CannotReconcile as error:
        say(str(error))
        return _FAILED
    if as_json:
        print(json.dumps(told))
    else:
        for line in in_words(told):
            print(line)
    return _FAILED if told["unexplained"] or told["unknown_orders"] or not told["complete"] else 0


def in_words(told: Mapping[str, Any]) -> Iterator[str]:
    """The report as lines for a person."""
    language = system_language()
    when = {"age": aged(told["age_ms"], language), "ms": str(told["took_ms"])}
    if told["dry_run"] and told["source"] == "running":
        yield worded("reconcile.newest", {}, language)
    if told["complete"]:
        yield worded("reconcile.done", when, language)
    else:
        yield worded("reconcile.failed", {**when, "error": told["error"]}, language)
    for one in told["differences"]:
        values = {"currency": one["currency"], "amount": one["amount"].lstrip("-"), "detail": one["detail"]}
        line = worded(f"difference.{one['kind']}", values, language)
        corrected = f" {worded('reconcile.corrected', {}, language)}" if one["corrected"] else ""
        yield f"{'! ' if one['unexplained'] else ''}{line}{corrected}"
    if told["unknown_orders"]:
        yield worded("reconcile.unknown", {"labels": ", ".join(told["unknown_orders"])}, language)
    elif told["complete"] and not told["differences"]:
        yield worded("reconcile.agree", {}, language)


def _compared(settings: Settings, *, dry_run: bool) -> dict[str, Any]:
    """Errors: `CannotReconcile`."""
    try:
        with instance.claim(settings.data_dir):
            return {"source": "journal", "dry_run": dry_run, **_compare_here(settings, dry_run=dry_run)}
    except instance.AlreadyRunning as running:
        if running.holder is None:
            raise CannotReconcile(f"{running} It cannot be asked either.") from running
        return {"source": "running", "dry_run": dry_run, **_asked(running.holder, dry_run=dry_run)}


def _compare_here(settings: Settings, *, dry_run: bool) -> dict[str, Any]:
    if settings.mode is Mode.PAPER:
        raise CannotReconcile("Paper money lies in the journal itself: there is no account to compare it with.")
    database = database_of(settings, feed_kind_of(settings))
    if not database.exists():
        raise CannotReconcile(f"There is no database {database}: nothing was traded here yet.")
    try:
        with _books(settings, database, copied=dry_run) as path:
            return _compare_with(settings, path)
    except (instance.AlreadyTrading, instance.LocksUnusable) as error:
        raise CannotReconcile(str(error)) from error


def _compare_with(settings: Settings, path: Path) -> dict[str, Any]:
    desk = Desk(
        Binding(settings.mode.value, settings.gate_host, "", settings.feed_kind.value),
        stop=lambda: None,
        available=settings.markets,
        primary=settings.primary_market,
    )
    try:
        trader = build(settings.model_copy(update={"db_path": path}), desk, hold=None)
    except (TradingError, OSError, ValueError) as error:
        raise CannotReconcile(f"The books cannot be opened: {error}") from error
    try:
        report = trader.compare_only()
    except TradingError as error:
        raise CannotReconcile(f"The account could not be compared: {error}") from error
    finally:
        trader.floor.exchange.close()
        trader.floor.journal.close()
    return _flat(told_at_console(report, trader.get_all_cycles(), report.time_ms))


def _flat(told: Mapping[str, Any]) -> dict[str, Any]:
    """The report with what is told beside it."""
    return {**told["report"], "age_ms": told["age_ms"], "unknown_orders": told["unknown_orders"]}


@contextmanager
def _books(settings: Settings, database: Path, *, copied: bool) -> Iterator[Path]:
    """The database, held, or a copy of it that may be written to. Nothing trades: the account need not be held.

    Errors: `AlreadyTrading`, `LocksUnusable`.
    """
    if not copied:
        with sole_with_database(settings, database):
            yield database
        return
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / database.name
        source = f"{database.resolve().as_uri()}?mode=ro"
        with closing(sqlite3.connect(source, uri=True)) as books, closing(sqlite3.connect(copy)) as into:
            books.backup(into)
        yield copy


def _asked(holder: Holder, *, dry_run: bool) -> dict[str, Any]:
    """Have the running one tell. Errors: `CannotReconcile`."""
    if not is_loopback(holder.host):
        raise CannotReconcile(f"{holder.host} is not this machine; the token never leaves it.")
    connection = http.client.HTTPConnection(holder.host, holder.port, timeout=_ANSWER_WITHIN_S)
    try:
        path = f"{PATH}?newest=1" if dry_run else PATH
        connection.request("POST", path, headers={STOP_HEADER: holder.stop_token, "Content-Length": "0"})
        answer = connection.getresponse()
        told = json.loads(answer.read())
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise CannotReconcile(f"The mTrade at {holder.url} does not answer ({error}).") from error
    finally:
        connection.close()
    if answer.status != http.HTTPStatus.OK:
        raise CannotReconcile(f"The mTrade at {holder.url} answered: {told['error']['message']}")
    if told["report"] is None:
        raise CannotReconcile(f"The mTrade at {holder.url} has not compared anything yet.")
    return _flat(told)
