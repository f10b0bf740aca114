"""The door of the page and the API: who may ask, what was asked, and telling the owner of those who try."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import structlog

from autotrader_v2.application.credentials import Credentials
from autotrader_v2.application.events import CommandGiven, Priority
from autotrader_v2.application.ports import CredentialStore, JournalRefused, JournalUnavailable
from autotrader_v2.application.refusals import still_starting

if TYPE_CHECKING:
    from autotrader_v2.application.trader import AutoTraderV2

_log = structlog.get_logger()
_AUDIT = "call"


class Door:
    """Thread-safe. `real_money`: whether orders cost some."""

    def __init__(self, *, real_money: bool) -> None:
        self.real_money = real_money
        self._trader: AutoTraderV2 | None = None
        self._credentials: Credentials | None = None

    def attach(self, trader: "AutoTraderV2", store: CredentialStore | None) -> None:
        """The journal is open now."""
        self._credentials = Credentials(store, trader.floor.clock.wall_ms) if store else None
        self._trader = trader

    @property
    def credentials(self) -> Credentials:
        """Tokens and the password. Errors: `CommandRefused` (503) before the journal is open."""
        if self._credentials is None:
            raise still_starting()
        return self._credentials

    @property
    def has_password(self) -> bool:
        """Whether the page has one; False while that is not known yet."""
        return self._credentials is not None and self._credentials.has_password

    def alert(self, code: str, values: Mapping[str, str]) -> None:
        """Tell the owner what happens at the door."""
        if self._trader is None:
            _log.warning("at the door, before the start", code=code, **values)
        else:
            self._trader.floor.alert(code, Priority.HIGH, None, values)

    def audit(self, values: Mapping[str, str], by: str) -> None:
        """Keep a call that was to change something: what was asked, what was answered. Never raises."""
        trader = self._trader
        if trader is None:
            _log.info("a call before the start", by=by, **values)
            return
        now_ms = trader.floor.clock.now_ms()
        record = CommandGiven(name=_AUDIT, market=None, values=values, by=by, time_ms=now_ms)
        try:
            trader.floor.journal.write(record)
        except (JournalUnavailable, JournalRefused) as error:
            # What was asked is done and answered by now; the log keeps it instead.
            _log.error("a call is not in the journal", by=by, what=error.what, **values)
