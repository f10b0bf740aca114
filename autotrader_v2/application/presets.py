"""Ladders a person keeps under a name, to load into a form later: settings in the journal that trade nothing."""

import threading
import unicodedata
from collections.abc import Mapping
from typing import Any

from autotrader_v2.application.commands import params_as_text
from autotrader_v2.application.events import SettingSet
from autotrader_v2.application.floor import Floor
from autotrader_v2.application.refusals import CommandRefused
from autotrader_v2.application.shipped_ladders import SHIPPED
from autotrader_v2.domain.ladder import LadderParams, changed

LADDER_PRESETS = "ladder_presets"
_MOST = 50
_LONGEST = 40


class Presets:
    """Thread-safe. `kept` is what the journal's settings hold; None: nobody has kept or deleted one yet."""

    def __init__(self, floor: Floor, kept: Mapping[str, Any] | None) -> None:
        self._floor = floor
        self._lock = threading.Lock()
        if kept is None:
            kept = {name: params_as_text(changed(LadderParams(), dict(values))) for name, values in SHIPPED.items()}
        self._kept: dict[str, dict[str, Any]] = {name: dict(values) for name, values in kept.items()}

    def all(self) -> dict[str, dict[str, Any]]:
        """Every preset by name: whole ladders as text."""
        with self._lock:
            return {name: dict(values) for name, values in sorted(self._kept.items())}

    def save(self, name: str, values: Mapping[str, Any], by: str) -> None:
        """Keep a ladder; one of that name is replaced. What is not named has its default.

        Errors: `BadLadder`; `CommandRefused` for a bad name or too many.
        """
        name = _checked(name)
        given = {field: value for field, value in values.items() if value is not None}
        whole = params_as_text(changed(LadderParams(), given))
        with self._lock:
            if name not in self._kept and len(self._kept) >= _MOST:
                raise CommandRefused("too_many_presets", f"At most {_MOST} ladders can be kept; delete one first.")
            self._write({**self._kept, name: whole}, by)

    def delete(self, name: str, by: str) -> None:
        """Forget one. Errors: `CommandRefused` 404."""
        with self._lock:
            if name not in self._kept:
                raise CommandRefused("unknown_preset", "No ladder is kept under that name.", status=404, field="name")
            self._write({known: values for known, values in self._kept.items() if known != name}, by)

    def _write(self, kept: dict[str, dict[str, Any]], by: str) -> None:
        floor = self._floor
        floor.journal.write(SettingSet(name=LADDER_PRESETS, value=kept, by=by, time_ms=floor.clock.now_ms()))
        self._kept = kept


def _checked(name: str) -> str:
    name = " ".join(unicodedata.normalize("NFC", name).split())
    if not 1 <= len(name) <= _LONGEST or not name.isprintable():
        raise CommandRefused(
            "bad_preset_name", f"A name has 1 to {_LONGEST} visible characters.", status=400, field="name"
        )
    return name
