"""The program around the engine, as the page's System screen shows it; see `application/surroundings.py`."""

import importlib.metadata
import os
import platform
import sqlite3
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autotrader_v2 import __version__
from autotrader_v2.app import start_settings
from autotrader_v2.app.logs import FILE_NAME
from autotrader_v2.app.recent_lines import RecentLines
from autotrader_v2.app.settings import Settings
from autotrader_v2.application.refusals import CommandRefused

if TYPE_CHECKING:
    from autotrader_v2.infrastructure.store.backups import Backup
    from autotrader_v2.infrastructure.store.upkeep import Upkeep

_SHOWN_PACKAGES = ("gate-api", "flask", "sqlalchemy", "structlog")
_COPY_WAIT_S = 60.0


class Around:
    """See `Surroundings`. `upkeep` comes when the journal is open; a database server has none."""

    def __init__(self, settings: Settings, lines: RecentLines) -> None:
        self._settings = settings
        self._lines = lines
        self._began_s = time.time()
        self._copying = threading.Lock()
        self._writing = threading.Lock()
        self.database: Path | None = None
        self.upkeep: Upkeep | None = None

    @property
    def lines(self) -> RecentLines:
        """See `Surroundings`."""
        return self._lines

    def facts(self) -> Mapping[str, Any]:
        """See `Surroundings`."""
        settings = self._settings
        versions = {"mTrade": __version__, "Python": platform.python_version(), "SQLite": sqlite3.sqlite_version}
        for name in _SHOWN_PACKAGES:
            versions[name] = importlib.metadata.version(name)
        return {
            "began_ms": int(self._began_s * 1000),
            "system": f"{platform.system()} {platform.release()}",
            "processors": os.cpu_count(),
            "executable": sys.executable,
            "versions": versions,
            "data_dir": str(settings.data_dir),
            "database": str(self.database) if self.database else None,
            "database_bytes": _size(self.database),
            "log_file": str(settings.data_dir / "logs" / FILE_NAME),
            "address": f"{settings.host}:{settings.port}",
        }

    def settings(self) -> Mapping[str, Any]:
        """See `Surroundings`."""
        return start_settings.described(self._settings)

    def change_setting(self, name: str, value: str | None) -> Mapping[str, Any]:
        """See `Surroundings`."""
        with self._writing:
            start_settings.change(self._settings, name, value)
        return self.settings()

    def backups(self) -> Sequence[Mapping[str, Any]]:
        """See `Surroundings`."""
        return [_described(one) for one in self._upkeep().known()]

    def back_up(self) -> Mapping[str, Any]:
        """See `Surroundings`. A second wish meanwhile is refused."""
        from autotrader_v2.infrastructure.store.backups import BackupFailed

        upkeep = self._upkeep()
        if not self._copying.acquire(blocking=False):
            raise CommandRefused("backup_busy", "A backup is being made already.")
        try:
            return _described(upkeep.copy_now(_COPY_WAIT_S))
        except (BackupFailed, OSError) as error:
            raise CommandRefused("backup_failed", str(error), status=503, values={"what": str(error)}) from error
        finally:
            self._copying.release()

    def _upkeep(self) -> "Upkeep":
        if self.upkeep is None:
            raise CommandRefused("no_backups", "Backups of this database are its server's own.", status=404)
        return self.upkeep


def _described(backup: "Backup") -> Mapping[str, Any]:
    return {
        "name": backup.name,
        "made_ms": _ms(backup.made),
        "bytes": _size(backup.path),
        "by_hand": backup.by_hand,
    }


def _ms(moment: datetime) -> int:
    return int(moment.astimezone(UTC).timestamp() * 1000)


def _size(path: Path | None) -> int | None:
    """Bytes, also of a database's log of newest commits; None when the file is not there."""
    if path is None or not path.exists():
        return None
    beside = path.with_name(path.name + "-wal")
    return path.stat().st_size + (beside.stat().st_size if beside.exists() else 0)
