"""`doctor`, the machine's part: Python, SQLite, folder, disk, database, port, time zone, sleep, alerts."""

import os
import platform
import shutil
import socket
import sqlite3
import statistics
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime
from pathlib import Path

from autotrader_v2.app import instance
from autotrader_v2.app.checkup import Finding, fail, ok, skip, warn
from autotrader_v2.app.restart import is_watched
from autotrader_v2.app.settings import Settings

_SQLITE_LEAST = (3, 37, 0)
# Before this, two connections that write and checkpoint at once can lose a commit of a WAL database.
_SQLITE_WAL_MENDED = (3, 51, 3)
_FREE_FAIL, _FREE_WARN = 100 * 1024**2, 1024**3
_FSYNCS = 20
_FSYNC_BYTES = 4096
_FSYNC_WARN_MS, _FSYNC_FAIL_MS = 50.0, 1000.0
_NETWORK_FILE_SYSTEMS = frozenset({"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "ceph", "fuse.sshfs", "davfs"})
_SYNCED = ("onedrive", "dropbox", "google drive", "googledrive", "yandexdisk", "yandex.disk", "icloud", "nextcloud")


def python_and_system() -> Iterator[Finding]:
    """What runs it."""
    yield ok("python", f"Python {platform.python_version()} on {platform.system()} {platform.release()}")


def sqlite() -> Iterator[Finding]:
    """The database library of this Python."""
    version = sqlite3.sqlite_version_info
    found = f"SQLite {sqlite3.sqlite_version}"
    if version < _SQLITE_LEAST:
        yield fail("sqlite", found, "The journal cannot be opened; nothing can be traded.", "Use a newer Python.")
    elif version < _SQLITE_WAL_MENDED:
        means = (
            "It has the WAL-reset defect of versions before 3.51.3, which needs two connections that write. The "
            "journal has one, so it cannot strike, as long as no other program writes into the database."
        )
        yield ok("sqlite", found, means)
    else:
        yield ok("sqlite", found)


def folder(settings: Settings) -> Iterator[Finding]:
    """Where everything durable lies."""
    data_dir = settings.data_dir
    trial = data_dir / f".doctor.{os.getpid()}"
    try:
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        trial.write_bytes(b"x")
        trial.unlink()
    except OSError as error:
        yield fail(
            "data_dir",
            f"{data_dir} cannot be written: {error.strerror}",
            "Without its journal nothing is traded.",
            "Free it or choose another one with DATA_DIR.",
        )
        return
    remote = _remote(data_dir)
    if remote:
        yield warn(
            "data_dir",
            f"{data_dir} lies on {remote}",
            "Locks and writes over a network can lie: a second engine might start, a commit might be lost.",
            "Put DATA_DIR on a disk of this machine.",
        )
    elif synced := next((name for name in _SYNCED if name in str(data_dir).lower()), ""):
        yield warn(
            "data_dir",
            f"{data_dir} seems to be copied by {synced}",
            "A program that copies or restores the database behind the journal's back can damage it.",
            "Put DATA_DIR where nothing synchronises it; backups are made by mTrade itself.",
        )
    else:
        yield ok("data_dir", f"{data_dir} is writable and on this machine")
    yield from _disk(data_dir)


def _disk(data_dir: Path) -> Iterator[Finding]:
    free = shutil.disk_usage(data_dir).free
    found = f"{free / 1024**3:.1f} GB free"
    full = "On a full disk no order can be written down, so none is sent; what is bought is not sold either."
    if free < _FREE_FAIL:
        yield fail("disk_space", found, full, "Make room.")
    elif free < _FREE_WARN:
        yield warn("disk_space", found, full, "Make room soon.")
    else:
        yield ok("disk_space", found)
    times_ms = fsync_times_ms(data_dir)
    median, worst = statistics.median(times_ms), max(times_ms)
    found = f"a durable write takes {median:.1f} ms (worst of {len(times_ms)}: {worst:.1f} ms)"
    means = "Every order waits for one before it leaves; a late decision is dropped, not sent late."
    if median > _FSYNC_FAIL_MS:
        yield fail("disk_speed", found, means, "Put DATA_DIR on a faster disk.")
    elif median > _FSYNC_WARN_MS:
        yield warn("disk_speed", found, means, "Put DATA_DIR on a faster disk, an SSD if there is one.")
    else:
        yield ok("disk_speed", found)


def fsync_times_ms(where: Path) -> list[float]:
    """Measure durable writes of a page each, as a commit makes them."""
    path = where / f".doctor-fsync.{os.getpid()}"
    times = []
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        for _ in range(_FSYNCS):
            began_s = time.perf_counter()
            os.write(handle, os.urandom(_FSYNC_BYTES))
            os.fsync(handle)
            times.append((time.perf_counter() - began_s) * 1000)
    finally:
        os.close(handle)
        path.unlink(missing_ok=True)
    return times


def databases(settings: Settings) -> Iterator[Finding]:
    """Every journal there is, read only: also beside a running engine."""
    paths = sorted(settings.data_dir.glob("*.sqlite3"))
    if settings.db_path is not None and settings.db_path not in paths:
        paths.append(settings.db_path)
    there = [path for path in paths if path.is_file()]
    if not there:
        yield ok("database", "none yet; the first start makes it")
    for path in there:
        yield _database(path)


def _database(path: Path) -> Finding:
    size = f"{path.name}, {path.stat().st_size / 1024**2:.1f} MB"
    try:
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=2)) as connection:
            said = [str(row[0]) for row in connection.execute("PRAGMA quick_check(3)")]
    except sqlite3.Error as error:
        said = [str(error)]
    if said == ["ok"]:
        return ok("database", f"{size}, is whole")
    return fail(
        "database",
        f"{size}: {'; '.join(said)}",
        "The journal knows what is bought and which orders are out; it must not be guessed.",
        "Do not delete it. Restore the newest backup with `mTrade.py maintenance restore`.",
    )


def running(settings: Settings) -> Iterator[Finding]:
    """Who works in the folder, and whether the page's port is free."""
    holder = None if instance.is_free(settings.data_dir) else instance.holder_of(settings.data_dir)
    watched = is_watched(settings.data_dir)
    if holder is not None:
        yield ok("running", f"at {holder.url} (process {holder.process.pid}){', watched over' if watched else ''}")
    else:
        yield ok("running", "no mTrade runs in this folder" + (" now; its watchdog does" if watched else ""))
    if settings.dead_man and not watched:
        yield warn(
            "dead_man",
            f"DEAD_MAN sells after {settings.dead_man} min, but no watchdog runs",
            "Nobody would sell: the switch is the watchdog's.",
            "Start mTrade with `mTrade.py watchdog`.",
        )
    if holder is not None or settings.port == 0:
        return
    try:
        family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
        with socket.socket(family, socket.SOCK_STREAM) as trial:
            if sys.platform != "win32":
                trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            trial.bind((settings.host, settings.port))
    except OSError as error:
        yield fail(
            "port",
            f"{settings.host}:{settings.port} cannot be used: {error.strerror}",
            "The page could not be served, so mTrade would not start.",
            "Choose another one with PORT, or end what uses it.",
        )
    else:
        yield ok("port", f"{settings.host}:{settings.port} is free")


def time_zone() -> Iterator[Finding]:
    """Days and limits count in UTC; the page shows the person's own time."""
    now = datetime.now().astimezone()
    yield ok("time_zone", f"{now.tzname()}, UTC{now:%z}; days and limits count in UTC")


def awake() -> Iterator[Finding]:
    """Whether this machine can be kept from falling asleep."""
    from autotrader_v2.infrastructure.awake import SystemSleepLock

    lock = SystemSleepLock()
    if lock.hold():
        lock.release()
        yield ok("awake", "this machine can be kept awake while a market is on")
    else:
        yield warn(
            "awake",
            "this machine cannot be kept awake"
            + ("" if sys.platform == "win32" else " (systemd-logind does not answer)"),
            "If it falls asleep, nothing is bought or sold until it wakes.",
            "Switch sleep off in its power settings; a server does not need to do anything.",
        )


def alerts(settings: Settings, *, send: bool) -> Iterator[Finding]:
    """The channels, and with `send` whether a test alert gets through."""
    from autotrader_v2.app.notifying import notifier_of
    from autotrader_v2.application.events import Alert, Priority
    from autotrader_v2.infrastructure.notify import desktop

    notifier = notifier_of(settings)
    names = [channel.name for channel in notifier.channels]
    if settings.notify_os and "desktop" not in names:
        yield skip("alerts", f"no notifications of the desktop: {desktop.unavailable()}")
    if not names:
        yield warn(
            "alerts",
            "no channel to you but the page",
            "When something goes wrong while you do not look at the page, nobody tells you.",
            "Set NOTIFY_WEBHOOK_URL, or NOTIFY_OS=on on a desktop.",
        )
        return
    if not send:
        yield ok("alerts", f"{', '.join(names)}; `doctor --notify` tries them")
        return
    notifier.start()
    now_ms = time.time_ns() // 1_000_000
    notifier.alert(Alert(code="test", priority=Priority.HIGH, time_ms=now_ms))
    notifier.stop(wait_s=10.0)
    for channel in notifier.channels:
        if channel.delivered:
            yield ok("alerts", f"{channel.name}: a test alert was delivered")
        else:
            yield fail(
                "alerts",
                f"{channel.name}: a test alert did not get through",
                "You would not hear of what goes wrong.",
                "Check the address and the network; the line above tells why.",
            )


if sys.platform == "win32":
    import ctypes

    _DRIVE_REMOTE = 4

    def _remote(path: Path) -> str:
        """Name the network a path lies on; empty when it is on this machine."""
        drive = os.path.splitdrive(path)[0]
        if drive.startswith("\\\\"):
            return "a network share"
        kind = ctypes.WinDLL("kernel32").GetDriveTypeW(ctypes.c_wchar_p(drive + "\\"))
        return "a network drive" if kind == _DRIVE_REMOTE else ""

else:

    def _remote(path: Path) -> str:
        """Name the network a path lies on; empty when it is on this machine."""
        try:
            lines = Path("/proc/self/mounts").read_text("utf-8", errors="replace").splitlines()
        except OSError:
            return ""
        real = path.resolve()
        best, kind = "", ""
        for line in lines:
            fields = line.split()
            mount = fields[1].encode().decode("unicode_escape", errors="replace")
            if len(mount) >= len(best) and real.is_relative_to(mount):
                best, kind = mount, fields[2]
        return f"a network file system ({kind})" if kind in _NETWORK_FILE_SYSTEMS else ""
