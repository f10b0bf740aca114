"""A second start is told of the first at once (fault row P11): before what reads words and settings, slow to load.

Only the data folder counts here, by the same rules as in `settings.py`; a test holds the two to each other.
"""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from autotrader_v2.app import instance
from autotrader_v2.app.values import ENV_FILE_NAME, ROOT

_NAME, _FLAG = "DATA_DIR", "--data-dir"
_ABOUT = frozenset({"--help", "-h"})


def refuse_a_second(words: Sequence[str]) -> None:
    """Look at the lock of the folder that these words of a start mean, where it is plain. Errors: `AlreadyRunning`."""
    if words[0] != "serve" or not _ABOUT.isdisjoint(words):
        return
    folder = data_dir(flag_of(words), os.environ)
    if folder is not None and not instance.is_free(folder):
        instance.refuse_a_second(folder)


def flag_of(words: Sequence[str]) -> str | None:
    """What `--data-dir` says; the last one counts, and is meant from where the person stands."""
    said = None
    for word, following in zip(words, [*words[1:], ""], strict=True):
        if word.startswith(_FLAG + "="):
            said = word.removeprefix(_FLAG + "=")
        elif word == _FLAG:
            said = following
    return None if said is None else str(Path.cwd() / Path(said).expanduser())


def data_dir(flag: str | None, environment: Mapping[str, str]) -> Path | None:
    """The data folder of this flag, this environment and its `.env`; None: only the settings can tell."""
    given = _set_in(environment) if flag is None else {flag}
    if not given:
        try:
            given = _set_in_file(environment.get(ENV_FILE_NAME)) or {"data"}
        except (OSError, ValueError):
            return None
    if len(given) > 1:
        return None
    return Path(os.path.abspath(ROOT / Path(given.pop()).expanduser()))


def _set_in(names: Mapping[str, str | None]) -> set[str]:
    return {value for name, value in names.items() if name.upper() == _NAME and value}


def _set_in_file(named: str | None) -> set[str]:
    path = ROOT / ".env" if named is None else Path(named)
    if named == "" or not path.is_file():
        return set()
    from dotenv import dotenv_values

    return _set_in(dotenv_values(path, encoding="utf-8-sig"))
