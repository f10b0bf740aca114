"""What a start reads from `.env`, as the page shows and changes it. A change is checked whole before it is written.

It counts from the next start on. What decides where money goes (mode, hosts, keys, folders) is changed only in the
file itself, by who can reach this machine.
"""

import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import dotenv
from pydantic import SecretStr, ValidationError

from autotrader_v2.app import settings as known
from autotrader_v2.app.private_files import OWNER_ONLY
from autotrader_v2.app.settings import Settings, in_environment
from autotrader_v2.application.refusals import CommandRefused
from autotrader_v2.infrastructure.files import replace_file

# In the order of the file; what is not here is changed only there.
CHANGED_HERE = (
    "LOOP_INTERVAL_S",
    "RECONCILE_S",
    "FEED",
    "SPEED",
    "SEED",
    "PAPER_BALANCE",
    "PORT",
    "BACKUP_EVERY_S",
    "LOG_LEVEL",
    "LOG_FORMAT",
    "NOTIFY_OS",
    "NOTIFY_OS_MIN_PRIORITY",
    "NOTIFY_LANGUAGE",
    "NOTIFY_WEBHOOK_URL",
    "NOTIFY_WEBHOOK_SECRET",
    "NOTIFY_WEBHOOK_PRIVATE",
    "NOTIFY_WEBHOOK_MIN_PRIORITY",
    "DEAD_MAN",
)
_LENGTH_MAX = 500


def described(running: Settings) -> Mapping[str, Any]:
    """Every setting: what runs, what the next start would take, where it comes from. A secret is only set or not."""
    file = known.env_file()
    written = _written(file)
    try:
        upcoming: Settings | None = known.built(file, written, running.flags, running.stored)
    except ValidationError:
        upcoming = None  # somebody's edit of the file would stop the next start; doctor says how
    rows = []
    for field, info in Settings.model_fields.items():
        name = field.upper()
        now, secret = getattr(running, field), name in known.SECRETS
        after = getattr(upcoming, field) if upcoming is not None else now
        rows.append(
            {
                "name": name,
                "value": _shown(name, now),
                "set": now is not None if secret else None,
                "next": _shown(name, after) if after != now and not secret else None,
                "changed": after != now,
                "source": _source(name, running, written),
                "secret": secret,
                "changeable": name in CHANGED_HERE,
                "example": str((info.examples or [""])[0]),
            }
        )
    return {"file": str(file) if file else None, "readable": upcoming is not None, "settings": rows}


def change(running: Settings, name: str, value: str | None) -> None:
    """Write one setting into `.env`, or (None) take it out. Errors: `CommandRefused`; then the file is as it was."""
    file = known.env_file()
    if name not in CHANGED_HERE:
        raise CommandRefused("not_changeable", f"{name[:40]} is changed in the file.", status=400, field="name")
    if file is None:
        raise CommandRefused("no_env_file", "This start reads no settings file.", status=409)
    if value is not None and (len(value) > _LENGTH_MAX or not value.isprintable()):
        raise CommandRefused("bad_setting", "The value is too long or no text.", status=400, field=name)
    draft = file.with_name(f"{file.name}.{os.getpid()}.draft")
    try:
        draft.touch(OWNER_ONLY)
        if file.exists():
            shutil.copyfile(file, draft)
        if value is not None:
            dotenv.set_key(draft, name, value, quote_mode="auto", encoding="utf-8")
        elif name in _written(draft):
            dotenv.unset_key(draft, name, encoding="utf-8")
        _check(draft, running, name)
        draft.chmod(OWNER_ONLY)
        replace_file(draft, file)
    except OSError as error:
        what = error.strerror or str(error)
        raise CommandRefused("env_not_written", what, status=503, values={"what": what}) from error
    finally:
        draft.unlink(missing_ok=True)


def _check(draft: Path, running: Settings, name: str) -> None:
    """Errors: `CommandRefused` with the first thing that would stop the next start."""
    try:
        known.built(draft, _written(draft), running.flags, running.stored)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = str(first["loc"][0]).upper() if first["loc"] else name
        what = str(first["msg"]).removeprefix("Value error, ")
        raise CommandRefused("bad_setting", what, status=400, field=field) from None


def _written(file: Path | None) -> Sequence[str]:
    if file is None or not file.is_file():
        return ()
    return [name.upper() for name, value in dotenv.dotenv_values(file, encoding="utf-8-sig").items() if value]


def _source(name: str, running: Settings, written: Sequence[str]) -> str:
    """Where the running value comes from: flag, environment, file, store (of secrets) or default."""
    if name.lower() in running.flags:
        return "flag"
    if in_environment(name):
        return "environment"
    if name in written:
        return "file"
    return "store" if name in running.stored else "default"


def _shown(name: str, value: Any) -> str | None:
    """As it stands in the file; None for a secret or nothing."""
    if value is None or isinstance(value, SecretStr):
        return None
    if name == "PAPER_BALANCE":
        return ",".join(f"{currency}={amount}" for currency, amount in value)
    if name == "DEAD_MAN":
        return f"sell:{value}" if value else "off"
    if name == "NOTIFY_OS":
        return "on" if value else "off"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        return ",".join(map(str, value))
    if isinstance(value, float):
        return f"{value:g}"
    return str(getattr(value, "value", value))
