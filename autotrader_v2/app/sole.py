"""One mTrade per database and per exchange account of this machine's user, whatever their data folders (row P11).

Each is a file locked by the operating system for as long as the process lives, as the data folder's is (`instance`).
The files lie in one folder of the user, named by a hash of what they stand for; a note beside each says who has it.
Other users and other machines are beyond these locks: the labels at the exchange tell of those (row P12).
"""

import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from autotrader_v2.app.instance import AlreadyTrading, DataDirUnusable, LocksUnusable, Taken, lock_file
from autotrader_v2.app.private_files import read_private, write_private
from autotrader_v2.app.settings import GATE_TESTNET_HOSTS, Settings
from autotrader_v2.app.values import PAPER_ACCOUNT
from autotrader_v2.application.ports import Binding
from autotrader_v2.infrastructure.environment import state_home

# A predecessor that was just ended may need a moment more.
_PATIENCE_S = 1.0

# Called with the database and what it is bound to, before anything of either is touched.
Hold = Callable[[Path, Binding], None]


def folder_of_locks(settings: Settings) -> Path:
    """LOCK_DIR, or where the system keeps such things of a user."""
    if settings.lock_dir is not None:
        return settings.lock_dir
    return state_home() / "locks"


@contextmanager
def sole(settings: Settings) -> Iterator[Hold]:
    """What to call to be the only one of this machine with a database and its account, until the block ends.

    Errors of the call: `AlreadyTrading`, `LocksUnusable`.
    """
    with ExitStack() as held:

        def hold(database: Path, binding: Binding) -> None:
            folder = folder_of_locks(settings)
            held.enter_context(_held(folder, settings.data_dir, *_of_database(database)))
            if binding.account != PAPER_ACCOUNT:
                held.enter_context(_held(folder, settings.data_dir, *_of_account(binding)))

        yield hold


@contextmanager
def sole_with_database(settings: Settings, database: Path) -> Iterator[None]:
    """Be the only one of this machine with a database. Errors: `AlreadyTrading`, `LocksUnusable`."""
    with _held(folder_of_locks(settings), settings.data_dir, *_of_database(database)):
        yield


def _of_database(database: Path) -> tuple[str, str]:
    """(name, what another one does with it): the same for every way to name the same file."""
    real = os.path.normcase(os.path.realpath(database))
    return _name("database", real), f"works with the database {database}"


def _of_account(binding: Binding) -> tuple[str, str]:
    """(name, what another one does with it): the testnet has two names for the same accounts."""
    host = GATE_TESTNET_HOSTS[0] if binding.host in GATE_TESTNET_HOSTS else binding.host
    return _name("account", host, binding.account), f"trades this account at {binding.host}"


def _name(kind: str, *parts: str) -> str:
    return f"{kind}-{hashlib.sha256(chr(0).join(parts).encode()).hexdigest()[:24]}"


@contextmanager
def _held(folder: Path, data_dir: Path, name: str, what: str) -> Iterator[None]:
    note = folder / f"{name}.json"
    with ExitStack() as held:
        try:
            held.enter_context(lock_file(folder, f"{name}.lock", patience_s=_PATIENCE_S))
            write_private(note, {"pid": os.getpid(), "data_dir": str(data_dir)})
        except Taken:
            raise AlreadyTrading(what, read_private(note)) from None
        except DataDirUnusable as error:
            raise _unusable(folder, error.__cause__) from error
        except OSError as error:
            raise _unusable(folder, error) from error
        yield


def _unusable(folder: Path, error: BaseException | None) -> LocksUnusable:
    why = error.strerror if isinstance(error, OSError) else error
    return LocksUnusable(
        f"The folder of the locks {folder} cannot be used: {why}. Without it two mTrades could trade the same money "
        "twice, so nothing was started. Make it writable, or name another one with LOCK_DIR, the same for every "
        "mTrade of this machine."
    )
