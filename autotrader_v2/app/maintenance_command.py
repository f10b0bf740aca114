"""`mTrade.py maintenance`: the journal's file: copy it, look at it, put a copy back, make it smaller. Never trades."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from autotrader_v2.app import instance, logs
from autotrader_v2.app.outside import backups_of, binding_of, database_of, feed_kind_of
from autotrader_v2.app.settings import Settings
from autotrader_v2.app.sole import sole_with_database
from autotrader_v2.infrastructure.store.backups import BY_HAND_KEPT, Backup, BackupFailed, Backups
from autotrader_v2.infrastructure.store.examine import problems_of
from autotrader_v2.infrastructure.store.repair import CannotRepair, restore, vacuum

_FAILED = 1
_SERVER_MARKS = ("postgresql", "mysql", "mariadb", "oracle", "mssql")


class CannotMaintain(Exception):
    """Nothing was changed: what is in the way, and what to do."""


def run_maintenance(settings: Settings, what: str, *, name: str = "", as_json: bool) -> int:
    """Do one of backup, list, restore, vacuum, integrity, and print it; returns the exit code."""
    logs.configure(level="ERROR", form=settings.log_format, secrets=settings.secrets)
    try:
        told = _done(settings, what, name)
    except (CannotMaintain, BackupFailed, CannotRepair, OSError) as error:
        told = {"ok": False, "error": str(error)}
    if as_json:
        print(json.dumps({"command": what, **told}, ensure_ascii=False))
    else:
        print("\n".join(_lines(what, told)))
    return 0 if told["ok"] else _FAILED


def _done(settings: Settings, what: str, name: str) -> dict[str, Any]:
    if settings.db_path is not None and settings.db_path.name and _is_server(settings.db_path):
        raise CannotMaintain("This journal is in a database server: use its own tools (pg_dump, pg_restore, VACUUM).")
    kind = feed_kind_of(settings)
    database, backups = database_of(settings, kind), backups_of(settings, kind)
    match what:
        case "backup":
            return _backup(database, backups)
        case "list":
            return {"ok": True, "folder": str(backups.folder), "backups": [_row(one) for one in backups.list()]}
        case "integrity":
            _require(database)
            problems = problems_of(database, backups.account, full=True)
            return {"ok": not problems, "database": str(database), "problems": list(problems)}
        case "restore":
            with instance.claim(settings.data_dir), sole_with_database(settings, database):
                chosen, by_hand = backups.named(name), next((one for one in backups.list() if one.by_hand), None)
                kept = restore(database, chosen, binding_of(settings, kind), backups.account)
            told = {"ok": True, "database": str(database), "restored": chosen.name}
            # The newest is often what stopping mTrade made: the very state that a person wants to leave.
            other = by_hand.name if name == "latest" and by_hand is not None and by_hand != chosen else ""
            return {**told, "replaced": str(kept) if kept is not None else "", "newest_by_hand": other}
        case "vacuum":
            with instance.claim(settings.data_dir), sole_with_database(settings, database):
                before, after = vacuum(database, backups.account)
            return {"ok": True, "database": str(database), "bytes_before": before, "bytes_after": after}
        case _:
            raise ValueError(f"{what!r} is no maintenance")


def _backup(database: Path, backups: Backups) -> dict[str, Any]:
    """Also beside a running engine."""
    _require(database)
    now = datetime.now(UTC)
    made = backups.make(now, full=True, by_hand=True)
    backups.prune(now)
    return {"ok": True, "folder": str(backups.folder), **_row(made), "kept_by_hand": BY_HAND_KEPT}


def _require(database: Path) -> None:
    if not database.exists():
        raise CannotMaintain(f"There is no database {database}: nothing was traded here yet, or it was moved away.")


def _is_server(path: Path) -> bool:
    return any(str(part).startswith(_SERVER_MARKS) and ":" in str(part) for part in path.parts)


def _row(one: Backup) -> dict[str, Any]:
    return {"name": one.name, "bytes": one.path.stat().st_size, "by_hand": one.by_hand}


def _lines(what: str, told: Mapping[str, Any]) -> list[str]:
    if "error" in told:
        return [told["error"]]
    match what:
        case "backup":
            return [
                f"{told['name']} ({_size(told['bytes'])}) in {told['folder']}: made and verified.",
                f"It stays until you delete it or {told['kept_by_hand']} newer ones were made by hand. "
                f"To go back to it: stop mTrade, then `maintenance restore {told['name']}`.",
            ]
        case "list":
            rows = [f"{one['name']}  {_size(one['bytes'])}{'  by hand' * one['by_hand']}" for one in told["backups"]]
            return rows or [f"No backups in {told['folder']} yet."]
        case "integrity":
            whole = f"{told['database']} is whole: every page, every commit, the fold from the first event."
            return [f"{told['database']}: {one}" for one in told["problems"]] or [whole]
        case "restore":
            return [
                f"{told['restored']} is now {told['database']}.",
                *([f"What was there is kept as {told['replaced']}."] if told["replaced"] else []),
                *(
                    [f"It was the newest of all; the newest made by hand is {told['newest_by_hand']}."]
                    if told["newest_by_hand"]
                    else []
                ),
                "No order is sent before you have confirmed it: start mTrade, look at what its comparison finds, "
                "then resume the account on the page. (Paper goes on at once.)",
            ]
        case _:
            return [f"{told['database']}: {_size(told['bytes_before'])} before, {_size(told['bytes_after'])} now."]


def _size(count: int) -> str:
    return f"{count / 1024**2:.1f} MB"
