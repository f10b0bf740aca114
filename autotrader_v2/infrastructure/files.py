"""Putting files in place and away where other programs look at them too: scanners, indexers, viewers, our own commands.

Windows refuses to move or delete a file that somebody has open; most of them let go within a moment.
"""

import os
import sys
import time
from contextlib import suppress
from pathlib import Path

_TRIES = 40
_POLL_S = 0.05

if sys.platform == "win32":

    def replace_file(fresh: Path, path: Path) -> None:
        """Put the fresh file in place, waiting up to 2 s for a virus scanner or a backup that holds one of them."""
        for _ in range(_TRIES):
            with suppress(PermissionError):
                return os.replace(fresh, path)
            time.sleep(_POLL_S)
        os.replace(fresh, path)

    def remove_file(path: Path) -> None:
        """Delete it if it is there, waiting up to 2 s for whoever has it open."""
        for _ in range(_TRIES):
            with suppress(PermissionError):
                return path.unlink(missing_ok=True)
            time.sleep(_POLL_S)
        path.unlink(missing_ok=True)

else:

    def replace_file(fresh: Path, path: Path) -> None:
        """Put the fresh file in place."""
        os.replace(fresh, path)

    def remove_file(path: Path) -> None:
        """Delete it if it is there."""
        path.unlink(missing_ok=True)
