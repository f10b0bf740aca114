"""How `stop` and `restart` speak to a watchdog: a file in the data folder that it takes away."""

from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path

from autotrader_v2.app.private_files import read_private, write_private

_NAME = "mtrade.wish.json"
_UPDATE_NAME = "mtrade.update.json"


@dataclass(frozen=True, slots=True)
class Wish:
    """What the person wants of the watchdog. `flags`: settings to start again with, over those it had."""

    restart: bool
    flags: dict[str, str] = field(default_factory=dict)


def leave(data_dir: Path, wish: Wish) -> None:
    """Write a wish. Errors: OSError."""
    write_private(data_dir / _NAME, asdict(wish))


def note_watched_before_update(data_dir: Path) -> None:
    """Remember, over an update that had to end it, that a watchdog was there. Errors: OSError."""
    write_private(data_dir / _UPDATE_NAME, {"watched": True})


def take_watched_before_update(data_dir: Path) -> bool:
    """Whether the last update ended a watchdog; asked once."""
    path = data_dir / _UPDATE_NAME
    watched = read_private(path).get("watched") is True
    with suppress(OSError):
        path.unlink(missing_ok=True)
    return watched


def take(data_dir: Path) -> Wish | None:
    """Read the wish and remove it."""
    path = data_dir / _NAME
    if not path.exists():
        return None
    stored = read_private(path)
    with suppress(OSError):
        path.unlink(missing_ok=True)
    flags = stored.get("flags")
    if not isinstance(stored.get("restart"), bool) or not isinstance(flags, dict):
        return None
    return Wish(stored["restart"], {str(name): str(value) for name, value in flags.items()})
