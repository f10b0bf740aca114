"""How functions are compiled, and where the machine code is kept between runs."""

import os
import shutil
import time
from collections.abc import Callable
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numba

_HERE = Path(__file__).parent
# Whatever machine code is made of.
_SOURCES = ("columns", "equity", "inside", "jit", "levels", "machine", "wide")
# Code in a place that several programs share is dropped when none has asked for it so long.
_KEPT_S = 30 * 86_400
# Private to numba, so its types do not know it: the function makes no arrays, so the uses of its arrays need not be
# counted. A numba without it refuses to compile (KeyError, "Unrecognized options"; tests/unit/test_machine_code.py):
# leave it out then, the code is the same and takes half as long again.
_WITHOUT_COUNTS: Any = {"_nrt": False}


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """Machine code instead of Python: no interpreter lock, floats rounded step by step as Python does it.

    It makes no arrays of its own (`_WITHOUT_COUNTS`).
    """
    ready: Callable[..., Any] = numba.njit(cache=True, nogil=True, error_model="numpy", **_WITHOUT_COUNTS)(function)
    return ready


def _keep_code() -> None:
    """Numba looks for changes in a function's own file only, not in what it calls, so old code must lie elsewhere."""
    sources = b"".join((_HERE / f"{name}.py").read_bytes() for name in _SOURCES)
    name = f"numba-{blake2b(sources, digest_size=8).hexdigest()}"
    named = numba.config.CACHE_DIR  # type: ignore[attr-defined]  # NUMBA_CACHE_DIR, if that is set
    folder, shared = (Path(named), True) if named else (_HERE / "__pycache__", False)
    try:
        (folder / name).mkdir(parents=True, exist_ok=True)
    except OSError:
        # A program folder that may not be written: numba's own place in the person's home, by version.
        from numba.misc.appdirs import AppDirs  # noqa: PLC0415 - rarely needed

        folder, shared = Path(AppDirs(appname="mtrade", appauthor=False).user_cache_dir), True  # type: ignore[no-untyped-call]
        (folder / name).mkdir(parents=True, exist_ok=True)
    drop_old_code(folder, name, unused_s=_KEPT_S if shared else 0)
    numba.config.CACHE_DIR = str(folder / name)  # type: ignore[attr-defined]


def drop_old_code(folder: Path, name: str, *, unused_s: float) -> None:
    """Remove what other versions left there and none of them asked for in that time; `name` is asked for now."""
    now_s = time.time()
    with suppress(OSError):
        os.utime(folder / name)
    for old in folder.glob("numba-*"):
        try:
            unused = now_s - old.stat().st_mtime
        except OSError:
            # Another start removed it.
            continue
        if old.name != name and unused >= unused_s:
            shutil.rmtree(old, ignore_errors=True)


_keep_code()
