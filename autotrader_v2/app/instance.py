"""One mTrade per data folder, and how another command finds and stops it.

Two files lie in the data folder. `mtrade.lock` is empty and locked by the operating system for as long as the process
lives, so a crash never leaves it taken. `mtrade.control.json` says who holds it and carries the token that a request
to stop must show; only its owner can read it (mode 0600; on Windows it inherits the access list of the folder, which in
a user's profile admits that user and administrators). `mtrade.flags.json` keeps the last start's flags for `restart`.
"""

import os
import secrets
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path

from autotrader_v2.app.private_files import OWNER_ONLY, read_if_ours, read_private, write_private
from autotrader_v2.app.process import ProcessIdentity, identify
from autotrader_v2.infrastructure.files import remove_file

LOCK_NAME = "mtrade.lock"
WATCH_LOCK_NAME = "mtrade.watchdog.lock"
RECORD_LOCK_NAME = "mtrade.record.lock"
SECRETS_LOCK_NAME = "mtrade.secrets.lock"
CONTROL_NAME = "mtrade.control.json"
FLAGS_NAME = "mtrade.flags.json"

_POLL_S = 0.05
_CLAIM_PATIENCE_S = 0.3  # whoever only looks whether the folder is free holds the lock for a moment too


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """The mTrade that holds a data folder: which process it is, where it serves, and what it obeys.

    `started`: its start has not failed, and its flags are kept. It can be stopped before that.
    """

    process: ProcessIdentity
    host: str
    port: int
    url: str
    stop_token: str = field(repr=False)
    started: bool


class AlreadyRunning(Exception):
    """Another mTrade works in this data folder. Nothing was opened; the other one goes on undisturbed."""

    def __init__(self, data_dir: Path, holder: Holder | None) -> None:
        where = f" It serves {holder.url} (process {holder.process.pid})." if holder else ""
        super().__init__(
            f"Another mTrade is already at work in {data_dir}.{where} Two would trade the same money twice. "
            "Use that one, run `mTrade.py restart`, or give this one a --data-dir of its own."
        )
        self.holder = holder


class AlreadyTrading(Exception):
    """Another mTrade works with this database or trades this account. Nothing was touched; it goes on undisturbed."""

    def __init__(self, what: str, note: Mapping[str, object]) -> None:
        folder, pid = note.get("data_dir"), note.get("pid")
        who = f" (process {pid}, data folder {folder})" if folder and pid else ""
        stop = f"stop it first (`mTrade.py stop --data-dir {folder}`)" if folder else "stop it first"
        super().__init__(
            f"Another mTrade{who} already {what}. Two would trade the same money twice, so this one leaves: it has "
            f"sent no order and changed nothing, and the other one goes on. Use that one, or {stop}."
        )


class LocksUnusable(Exception):
    """The folder of the locks cannot be made or written. Nothing was started."""


class AlreadyWatched(Exception):
    """Another watchdog watches over this data folder."""

    def __init__(self, data_dir: Path) -> None:
        super().__init__(f"A watchdog already watches over {data_dir}. It goes on; `mTrade.py stop` ends it.")


class AlreadyRecording(Exception):
    """Another `record` or `fetch-candles` writes into this folder. Nothing was started."""

    def __init__(self, folder: Path) -> None:
        super().__init__(
            f"Another record or fetch-candles writes into {folder}, so nothing was started. Wait for it, or choose "
            "another folder with --out."
        )


class AlreadyChangingSecrets(Exception):
    """Another command changes the secrets of this data folder. Nothing was changed."""


class DataDirUnusable(Exception):
    """The data folder cannot be made or written. Nothing was started."""


@dataclass(frozen=True, slots=True)
class Instance:
    """This process as the holder of a data folder. `stop_token` is what a request to stop must show.

    `nonce` tells this life from any other; it is no secret.
    """

    data_dir: Path
    stop_token: str = field(repr=False)
    nonce: str

    def publish(self, *, host: str, port: int, url: str, flags: Mapping[str, str] | None = None) -> None:
        """Tell other commands where this one serves. Call it when requests to stop are answered.

        Call it again with the flags, for `restart`, when the start has not failed: those of one that did are no
        example.
        """
        if flags is not None:
            write_private(self.data_dir / FLAGS_NAME, dict(flags))
        holder = Holder(
            process=identify(os.getpid()) or ProcessIdentity(os.getpid(), "", sys.executable),
            host=host,
            port=port,
            url=url,
            stop_token=self.stop_token,
            started=flags is not None,
        )
        write_private(self.data_dir / CONTROL_NAME, asdict(holder))


@contextmanager
def claim(data_dir: Path, life: str = "") -> Iterator[Instance]:
    """Hold the data folder for as long as the block runs. Errors: `AlreadyRunning`, `DataDirUnusable`.

    `life` is the nonce that a watchdog chose, to know its own child's heartbeat.
    """
    try:
        with lock_file(data_dir, patience_s=_CLAIM_PATIENCE_S):
            control = data_dir / CONTROL_NAME
            remove_file(control)  # a crash leaves its own behind
            try:
                yield Instance(data_dir, secrets.token_urlsafe(32), life or secrets.token_hex(8))
            finally:
                with suppress(OSError):
                    control.unlink(missing_ok=True)
    except Taken:
        raise AlreadyRunning(data_dir, holder_of(data_dir)) from None


@contextmanager
def watch(data_dir: Path) -> Iterator[None]:
    """Be the data folder's only watchdog for as long as the block runs. Errors: `AlreadyWatched`, `DataDirUnusable`."""
    try:
        with lock_file(data_dir, WATCH_LOCK_NAME, patience_s=_CLAIM_PATIENCE_S):
            yield
    except Taken:
        raise AlreadyWatched(data_dir) from None


@contextmanager
def write_recordings(folder: Path) -> Iterator[None]:
    """Be the only one who records into a folder. Errors: `AlreadyRecording`, `DataDirUnusable`."""
    try:
        with lock_file(folder, RECORD_LOCK_NAME, patience_s=_CLAIM_PATIENCE_S, option="--out"):
            yield
    except Taken:
        raise AlreadyRecording(folder) from None


@contextmanager
def change_secrets(data_dir: Path) -> Iterator[None]:
    """Be the only one who changes its secrets. Errors: `AlreadyChangingSecrets`, `DataDirUnusable`."""
    try:
        with lock_file(data_dir, SECRETS_LOCK_NAME, patience_s=_CLAIM_PATIENCE_S):
            yield
    except Taken:
        raise AlreadyChangingSecrets from None


def is_free(data_dir: Path, name: str = LOCK_NAME) -> bool:
    """Whether no mTrade (or with the other lock's name: no watchdog) holds the data folder at this moment."""
    if not (data_dir / name).exists():
        return True
    try:
        with lock_file(data_dir, name):
            return True
    except Taken:
        return False


def wait_until_free(data_dir: Path, timeout_s: float, name: str = LOCK_NAME) -> bool:
    """Wait until nobody holds the data folder; False when the time is over first."""
    deadline = time.monotonic() + timeout_s
    while not is_free(data_dir, name):
        if time.monotonic() >= deadline:
            return False
        time.sleep(_POLL_S)
    return True


def refuse_a_second(data_dir: Path) -> None:
    """Raise `AlreadyRunning` when another mTrade holds the folder. Only `claim` holds it."""
    if not wait_until_free(data_dir, _CLAIM_PATIENCE_S):
        raise AlreadyRunning(data_dir, holder_of(data_dir))


def holder_of(data_dir: Path) -> Holder | None:
    """Read who holds the data folder. `None`: nobody says, or the file is not one that only we could have written."""
    stored = read_private(data_dir / CONTROL_NAME)
    try:
        return Holder(
            process=ProcessIdentity(**stored["process"]),
            host=str(stored["host"]),
            port=int(stored["port"]),
            url=str(stored["url"]),
            stop_token=str(stored["stop_token"]),
            # An older mTrade, still running while this one updates it, named itself only when it had started.
            started=bool(stored.get("started", True)),
        )
    except (KeyError, TypeError, ValueError):
        return None


def last_flags(data_dir: Path) -> dict[str, str]:
    """The flags of the last start in this data folder; none when nothing started there yet.

    Errors: `DataDirUnusable` when the file is there and cannot be believed: a start without its flags may be another.
    """
    path = data_dir / FLAGS_NAME
    stored = read_if_ours(path)
    if stored is None and path.exists():
        raise DataDirUnusable(
            f"{path} is damaged or others can write it, so the flags of the last start are not known. Nothing was "
            "touched; what runs goes on. Remove that file, and give the flags you want to `mTrade.py restart`."
        )
    return {str(name): str(value) for name, value in (stored or {}).items()}


class Taken(Exception):
    """Another process has the lock."""


@contextmanager
def lock_file(
    data_dir: Path, name: str = LOCK_NAME, *, patience_s: float = 0, option: str = "--data-dir"
) -> Iterator[None]:
    """Have the operating system lock a file of the folder while the block runs. `option`: what names another folder.

    Errors: `Taken`, `DataDirUnusable`.
    """
    try:
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(data_dir / name, os.O_RDWR | os.O_CREAT, OWNER_ONLY)
    except OSError as error:
        raise DataDirUnusable(
            f"The folder {data_dir} cannot be used: {error.strerror}. Nothing was started. "
            f"Free it or choose another one with {option}."
        ) from error
    try:
        deadline = time.monotonic() + patience_s
        while not (locked := _try_lock(handle)) and time.monotonic() < deadline:
            time.sleep(_POLL_S)
        if not locked:
            raise Taken
        try:
            yield
        finally:
            _unlock(handle)
    finally:
        os.close(handle)  # the file stays: deleting it would let two processes lock two files of that name


if sys.platform == "win32":
    import msvcrt

    def _try_lock(handle: int) -> bool:
        try:
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

    def _unlock(handle: int) -> None:
        msvcrt.locking(handle, msvcrt.LK_UNLCK, 1)

else:
    import fcntl

    def _try_lock(handle: int) -> bool:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        return True

    def _unlock(handle: int) -> None:
        # Said outright: a child that was forked meanwhile holds the same open file, and closing ours would not do.
        fcntl.flock(handle, fcntl.LOCK_UN)
