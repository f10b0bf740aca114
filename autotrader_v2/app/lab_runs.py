"""Runs of the Lab as files in the data folder: what was asked and what became of it, and beside it the result."""

import json
import re
import secrets
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from autotrader_v2.app.private_files import read_private, write_private

_ID = re.compile(r"[0-9a-f]{12}")
# A result is about 100 kB; one that is much larger is none of ours.
_RESULT_BYTES_MAX = 8_000_000
OVER = ("done", "failed", "cancelled", "interrupted")


class LabRuns:
    """Not thread-safe. A run that was not over when the program ended is `interrupted`.

    A disk that takes nothing keeps no program from starting: what cannot be written then is told from memory.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.heads: dict[str, dict[str, Any]] = {}
        with suppress(OSError):
            for half_written in folder.glob("*.new"):
                half_written.unlink(missing_ok=True)
        for file in folder.glob("*.run.json"):
            head = read_private(file)
            run_id = file.name.partition(".")[0]
            if not _ID.fullmatch(run_id) or head.get("id") != run_id:
                continue
            self.heads[run_id] = head
            if head["status"] not in OVER:
                with suppress(OSError):
                    self.change(run_id, status="interrupted")

    def new(self, head: Mapping[str, Any]) -> str:
        """Keep a new run; its id."""
        run_id = secrets.token_hex(6)
        self.heads[run_id] = {"id": run_id, **head}
        self.change(run_id)
        return run_id

    def change(self, run_id: str, **values: Any) -> None:
        """Change what is told of a run, on the disk too."""
        self.heads[run_id] |= values
        self._folder.mkdir(parents=True, exist_ok=True)
        write_private(self._folder / f"{run_id}.run.json", self.heads[run_id])

    def result_file(self, run_id: str) -> Path:
        """Where its result belongs."""
        return self._folder / f"{run_id}.result.json"

    def result(self, run_id: str) -> dict[str, Any] | None:
        """What the worker wrote; None when there is none that can be read."""
        file = self.result_file(run_id)
        if not file.exists() or file.stat().st_size > _RESULT_BYTES_MAX:
            return None
        try:
            content = json.loads(file.read_text("utf-8"))
        except ValueError:
            return None
        return content if isinstance(content, dict) else None

    def delete(self, run_id: str) -> None:
        """Forget it, its files too."""
        del self.heads[run_id]
        for file in self._folder.glob(f"{run_id}.*"):
            file.unlink(missing_ok=True)

    def make_room(self, most: int) -> bool:
        """Forget the oldest runs that nobody named until fewer than `most` are left; False when that is not enough."""
        unnamed = sorted(
            (head["made_ms"], run_id)
            for run_id, head in self.heads.items()
            if not head["kept"] and head["status"] in OVER
        )
        for _, run_id in unnamed[: max(0, len(self.heads) - most + 1)]:
            self.delete(run_id)
        return len(self.heads) < most
