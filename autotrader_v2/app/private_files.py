"""Small JSON files that only their owner reads and that nobody ever sees half written."""

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from autotrader_v2.infrastructure.files import replace_file

OWNER_ONLY = 0o600


def write_private(path: Path, content: Mapping[str, Any], *, durable: bool = False) -> None:
    """Replace the file in one step; nobody sees half of it, nobody but its owner reads it. Errors: OSError.

    `durable`: a power cut right after it does not lose it; costs a write through to the disk.
    """
    fresh = path.with_name(f"{path.name}.{os.getpid()}.new")
    fresh.unlink(missing_ok=True)
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, OWNER_ONLY)
    with os.fdopen(handle, "w", encoding="utf-8") as stream:
        json.dump(content, stream)
        if durable:
            stream.flush()
            os.fsync(stream.fileno())
    replace_file(fresh, path)


def read_private(path: Path) -> dict[str, Any]:
    """Read one back; empty when it is missing, broken, or not one that only we could have written."""
    return read_if_ours(path) or {}


def read_if_ours(path: Path) -> dict[str, Any] | None:
    """Read one back; None when it is missing, broken, or not one that only we could have written."""
    try:
        with path.open(encoding="utf-8") as stream:
            # What says which process to end must not be somebody else's writing.
            if sys.platform != "win32":
                status = os.fstat(stream.fileno())
                if status.st_uid != os.geteuid() or status.st_mode & 0o077:
                    return None
            content = json.load(stream)
    except (OSError, ValueError):
        return None
    return content if isinstance(content, dict) else None
