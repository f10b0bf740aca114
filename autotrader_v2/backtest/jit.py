"""How functions are compiled, and where the machine code is kept between runs."""

import shutil
from collections.abc import Callable
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numba

_HERE = Path(__file__).parent
# Whatever machine code is made of.
_SOURCES = ("columns", "equity", "inside", "jit", "levels", "machine", "wide")
# Not among the options that numba tells types of.
_WITHOUT_COUNTS: Any = {"_nrt": False}


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """Machine code instead of Python: no interpreter lock, floats rounded step by step as Python does it.

    It makes no arrays of its own: without `_nrt` the uses of each array need not be counted, a third of the time.
    """
    ready: Callable[..., Any] = numba.njit(cache=True, nogil=True, error_model="numpy", **_WITHOUT_COUNTS)(function)
    return ready


def _keep_code() -> None:
    """Numba looks for changes in a function's own file only, not in what it calls, so old code must lie elsewhere."""
    sources = b"".join((_HERE / f"{name}.py").read_bytes() for name in _SOURCES)
    name = f"numba-{blake2b(sources, digest_size=8).hexdigest()}"
    own = numba.config.CACHE_DIR  # type: ignore[attr-defined]  # NUMBA_CACHE_DIR, if that is set
    folder = Path(own) if own else _HERE / "__pycache__"
    try:
        (folder / name).mkdir(parents=True, exist_ok=True)
    except OSError:
        # A program folder that may not be written: numba's own place in the person's home, by version.
        from numba.misc.appdirs import AppDirs  # noqa: PLC0415 - rarely needed

        folder = Path(AppDirs(appname="mtrade", appauthor=False).user_cache_dir)  # type: ignore[no-untyped-call]
        (folder / name).mkdir(parents=True, exist_ok=True)
    for old in folder.glob("numba-*"):
        if old.name != name:
            shutil.rmtree(old, ignore_errors=True)
    numba.config.CACHE_DIR = str(folder / name)  # type: ignore[attr-defined]


_keep_code()
